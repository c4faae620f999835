from hypothesis import given
from hypothesis import strategies as st

from worker.quickbooks.errors import FaultError
from worker.quickbooks.faults import parse_fault

LOWER = (
    b'{"warnings":null,"intuitObject":null,"fault":{"error":[{"message":"message=AuthenticationFailed;'
    b' errorCode=003200; statusCode=401","detail":"Token expired","code":"3200","element":null}],'
    b'"type":"AUTHENTICATION"},"report":null,"time":1700000000000}'
)
UPPER = (
    b'{"Fault":{"Error":[{"Message":"Duplicate Name Exists Error","Detail":"taken","code":"6240","element":""},'
    b'{"Message":"Second","code":"2020","element":"Line"}],"type":"ValidationFault"},"time":"2026-05-05"}'
)
XML = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse xmlns="http://schema.intuit.com'
    b'/finance/v3" time="2016"><Fault type="AuthenticationFault"><Error code="100" element="x"><Message>General'
    b" Authentication Error</Message><Detail>AuthenticationFailed</Detail></Error></Fault></IntuitResponse>"
)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "boo">]>'
    '<Fault><Error code="6240"><Message>&e;</Message></Error></Fault>'
)


def test_a_fault_with_capitalised_names_is_read() -> None:
    first, second = parse_fault(UPPER)
    assert first == FaultError("6240", "Duplicate Name Exists Error", "taken", "")
    assert second == FaultError("2020", "Second", "", "Line")


def test_a_fault_with_names_in_small_letters_is_read() -> None:
    (only,) = parse_fault(LOWER)
    assert only.code == "3200"
    assert only.detail == "Token expired"
    assert not only.element


def test_a_fault_in_xml_with_a_namespace_is_read() -> None:
    (only,) = parse_fault(XML)
    assert only == FaultError("100", "General Authentication Error", "AuthenticationFailed", "x")


def test_leading_zeros_are_one_code() -> None:
    assert parse_fault(b'{"Fault":{"Error":[{"code":"003001"}]}}')[0].code == "3001"
    assert parse_fault(b'{"Fault":{"Error":[{"code":3001}]}}')[0].code == "3001"


def test_no_doctype_is_read_in_any_encoding() -> None:
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le"):
        assert parse_fault(BOMB.encode(encoding)) == ()


def test_an_undeclared_entity_is_no_fault() -> None:
    assert parse_fault(b'<Fault><Error code="1"><Message>&e;</Message></Error></Fault>') == ()


def test_a_body_without_a_fault_has_no_errors() -> None:
    for body in (b"", b"{}", b"[]", b"null", b'{"Invoice":{}}', b'{"Fault":null}', b'{"Fault":{"Error":{}}}'):
        assert parse_fault(body) == ()


def test_a_flag_is_no_code() -> None:
    assert not parse_fault(b'{"Fault":{"Error":[{"code":true}]}}')[0].code


def test_a_deep_or_long_body_has_no_errors() -> None:
    for body in (b"[" * 100_000, b"<a>" * 30_000, b'{"Fault":{"Error":[{"code":' + b"9" * 5_000 + b"}]}}"):
        assert parse_fault(body) == ()


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_without_an_exception(body: bytes) -> None:
    for start in (b"", b"<", b'{"Fault":', b'<Fault><Error code="'):
        assert isinstance(parse_fault(start + body), tuple)


@given(st.data())
def test_a_damaged_fault_is_parsed_without_an_exception(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([LOWER, UPPER, XML]))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    damage = data.draw(st.binary(max_size=8))
    for error in parse_fault(whole[:start] + damage + whole[end:]):
        assert isinstance(error.code, str)
