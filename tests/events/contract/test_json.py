"""Any bytes are read exactly or refused with a reason; equal content has one hash, however it is written."""

import json as standard
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract import json
from events.contract.crm import AccountUpdated, DealUpdated
from events.contract.values import Amount
from events.errors import InvalidEvent
from tests import stories
from tests.events.samples import refusal

REASONS = {"undecodable", "nesting_too_deep", "value_out_of_range", "text_invalid"}

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def written(value: Any) -> bytes:
    return json.encode_numbers(value).encode()


def reason(raw: bytes) -> str | None:
    refused = refusal(json.parse, raw)
    return refused.reason if refused else None


def hashed(raw: bytes) -> str:
    return json.digest(json.parse(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"1 2",
        b"01",
        b"-",
        b"NaN",
        b"-Infinity",
        b"'a'",
        b'{"a":1,}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'"\xff"',
        b'"\xc3"',
        b'"\xed\xa0\x80"',
        rb'"\ud800"',
        rb'"\udc00\ud800"',
        rb'{"\ud800":1}',
        b'"\n"',
    ],
)
def test_invalid_json_is_undecodable(raw: bytes) -> None:
    assert reason(raw) == "undecodable"


@pytest.mark.parametrize("raw", [rb'"\u0000"', rb'{"a\u0000":1}', rb'[[{"a":["\u0000"]}]]'])
def test_a_character_that_no_database_keeps_is_refused_wherever_it_is(raw: bytes) -> None:
    assert reason(raw) == "text_invalid"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_has_a_limit(opening: bytes, closing: bytes) -> None:
    def nested(levels: int) -> bytes:
        return opening * levels + b"1" + closing * levels

    json.parse(nested(json.NESTING_LEVELS_MAX))
    for levels in (json.NESTING_LEVELS_MAX + 1, 900, 100_000):
        assert reason(nested(levels)) == "nesting_too_deep"


@pytest.mark.parametrize("raw", [b"1e99999999999999999999", b"-1e-99999999999999999999", b"9" * 5000])
def test_a_number_beyond_all_bounds_is_out_of_range(raw: bytes) -> None:
    assert reason(raw) == "value_out_of_range"


@pytest.mark.parametrize("raw", [b"1e999", b"1e9999999", b"-1e-9999999", b"9" * 4000, b"0." + b"1" * 5000])
def test_a_huge_number_is_read_exactly_and_hashed(raw: bytes) -> None:
    assert json.parse(raw) == Decimal(raw.decode())
    assert hashed(raw) != hashed(raw + b"1" if b"." in raw else raw.replace(b"9", b"8", 1))


def test_a_few_bytes_never_stand_for_thousands() -> None:
    assert len(json.encode_numbers(json.parse(b"[1e39,1e40,-1e4000]"))) < 100


def test_numbers_that_a_float_or_28_digits_confuse_are_distinguished() -> None:
    raws = [b"0.1", b"0.1000000000000000055511151231257827", b"9007199254740992", b"9007199254740993"]
    raws += [b"1" + b"0" * 40 + digit for digit in (b"1", b"2", b"2.1", b"2.10000000001")]
    assert len({hashed(raw) for raw in raws}) == len(raws)


@pytest.mark.parametrize(
    "same",
    [
        [b"1", b"1.0", b"1e0", b"10e-1", b"0.1E1"],
        [b"0", b"-0", b"0.0", b"-0e5"],
        [b"100", b"1e2", b"1E+2"],
        [b"-1.5", b"-1.50", b"-15e-1"],
        [b"18446744073709551616", b"18446744073709551616.0", b"1.8446744073709551616e19"],
        [b"1" + b"0" * 39, b"1e39", b"0.1e40"],
        [b'{"a":1,"b":{"c":2,"d":3}}', b' { "b" : {"d":3.0,"c":2}, "a":1 } '],
        [rb'"\u00e9\/"', '"é/"'.encode()],
        [b'{"a":1,"a":2}', b'{"a":2}'],
    ],
)
def test_another_way_to_write_the_same_has_the_same_hash(same: list[bytes]) -> None:
    assert len({hashed(raw) for raw in same}) == 1


def test_different_content_has_another_hash() -> None:
    raws = [b"1", b'"1"', b"true", b'"true"', b"null", b'"null"', b"[]", b"{}", b'""', b"[1]", b"[[1]]"]
    raws += [
        b'{"number":"1"}',
        b'{"a":null}',
        b"[1,2]",
        b"[2,1]",
        "é".encode().join([b'"', b'"']),
        b'"e\xcc\x81"',
    ]
    hashes = [hashed(raw) for raw in raws]
    assert len(set(hashes)) == len(hashes)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(values)
def test_the_hash_does_not_depend_on_the_order_of_keys_or_on_blanks(value: Any) -> None:
    plain = standard.loads(written(value), parse_float=str)  # only blanks and order differ, not numbers
    blank = standard.dumps(reordered(plain), indent=1, ensure_ascii=True).encode()
    assert hashed(blank) == hashed(standard.dumps(plain, ensure_ascii=False).encode())


@given(values, values)
def test_the_hash_tells_contents_apart(one: Any, other: Any) -> None:
    same = tagged(one) == tagged(other)
    assert (hashed(written(one)) == hashed(written(other))) == same


@given(values, values)
def test_fields_differ_as_their_hashes_do(one: Any, other: Any) -> None:
    first, second = (
        written({"same": 1, "field": one, "old": 0}),
        written({"field": other, "same": 1.0, "new": 0}),
    )
    differ = json.different_fields(first.decode(), second.decode())
    assert differ == sorted(
        ["new", "old", *(["field"] if hashed(written(one)) != hashed(written(other)) else [])]
    )


def tagged(value: Any) -> Any:
    """In Python, True == 1; in JSON they differ."""
    if isinstance(value, dict):
        return {key: tagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [tagged(item) for item in value]
    return (isinstance(value, bool), value)


@given(values)
def test_written_values_are_read_back_exactly(value: Any) -> None:
    assert tagged(json.parse(written(value))) == tagged(value)


@settings(max_examples=200)
@given(
    st.binary(max_size=40)
    | st.text('[]{}",:0123456789.eE+-tfnu\\ \x00é', max_size=40).map(str.encode)
    | st.builds(
        lambda v, at, byte: v[:at] + byte + v[at + 1 :],
        values.map(written),
        st.integers(0, 40),
        st.binary(max_size=2),
    )
)
def test_any_bytes_are_read_or_refused_by_name(raw: bytes) -> None:
    refused = refusal(json.parse, raw)
    if refused is not None:
        assert refused.reason in REASONS
        assert refused.detail
    else:
        hashed(raw)
        standard.loads(raw, parse_int=str, parse_float=str)  # the bytes are JSON


@settings(max_examples=50)
@given(values | st.fixed_dictionaries({}, optional=dict.fromkeys(stories.deal()["data"], values)))
def test_any_value_fits_a_fact_or_the_field_is_named(value: Any) -> None:
    for kind in (DealUpdated, AccountUpdated):
        refused = refusal(json.decode, written(value), kind)
        if refused is not None:
            assert refused.reason == "schema_invalid"
            assert refused.field is None or refused.detail.endswith(f" at {refused.field}")


def test_the_offending_field_is_named_by_its_path() -> None:
    data = stories.deal(quote={**stories.QUOTE, "lines": [stories.LINE, {**stories.LINE, "quantity": 12}]})[
        "data"
    ]
    with pytest.raises(InvalidEvent) as caught:
        json.decode(standard.dumps(data), DealUpdated)
    assert caught.value.field == "quote.lines[1].quantity"
    assert caught.value.detail == "Expected a decimal number written as a string at quote.lines[1].quantity"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "undecodable"), ('{"x":' * 100_000, "nesting_too_deep"), (b'{"name":"\xff', "undecodable")],
)
def test_text_that_is_no_json_is_refused_when_read_as_a_fact(text: str | bytes, expected: str) -> None:
    refused = refusal(json.decode, text, AccountUpdated)
    assert refused is not None
    assert refused.reason == expected


def test_a_batch_is_taken_apart_unread() -> None:
    raw = rb'[ {"a" : 1e99999999999999999999}, "\u0000", [], 1.50 ]'
    assert json.elements(raw, 4) == [rb'{"a" : 1e99999999999999999999}', rb'"\u0000"', b"[]", b"1.50"]
    assert json.elements(b"[]", 4) == []


@pytest.mark.parametrize(
    "raw", [b"[1,2,3,4,5]", b"[1,2,3,4,5", b" [{},{},{},{},{},", b"[" + b"[]," * 300_000]
)
def test_a_batch_of_too_many_is_refused_before_it_is_read_to_its_end(raw: bytes) -> None:
    refused = refusal(lambda given: json.elements(given, 4), raw)
    assert refused is not None
    assert refused.reason == "too_many_events"


@pytest.mark.parametrize("part", [b"1,", b"{},", b"[],", b'"",'])
def test_a_text_of_too_many_values_is_not_decoded(part: bytes) -> None:
    most = b"[" + part * (json.VALUES_MAX // 2 - 2) + b"0]"
    assert refusal(json.check_values, most) is None
    refused = refusal(json.check_values, b"[" + part * json.VALUES_MAX + b"0]")
    assert refused is not None
    assert refused.reason == "too_many_values"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"{}", "schema_invalid"),
        (b"1", "schema_invalid"),
        (b"[1", "undecodable"),
        (b"[1] 2", "undecodable"),
        (b"", "undecodable"),
        (b"[" * 100_000, "nesting_too_deep"),
    ],
)
def test_an_invalid_batch_is_refused(raw: bytes, expected: str) -> None:
    refused = refusal(lambda given: json.elements(given, 1000), raw)
    assert refused is not None
    assert refused.reason == expected


@settings(max_examples=50)
@given(st.binary(max_size=30) | st.lists(values, max_size=5).map(written))
def test_any_bytes_are_a_batch_or_refused(raw: bytes) -> None:
    refused = refusal(lambda given: json.elements(given, 1000), raw)
    if refused is not None:
        assert refused.reason in REASONS | {"schema_invalid"}
    elif reason(raw) is None:
        assert [json.parse(item) for item in json.elements(raw, 1000)] == json.parse(raw)


def test_decimals_travel_as_plain_text_or_as_exact_numbers() -> None:
    assert (
        json.encode({"a": Amount("0.0000000001"), "b": Amount("12.50")}) == '{"a":"0.0000000001","b":"12.50"}'
    )
    assert json.encode_numbers({"a": Decimal("12.50"), "b": Decimal("0.1")}) == '{"a":12.50,"b":0.1}'
