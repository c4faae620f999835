"""Attributes in headers are read exactly, with any value; two different ones never become one."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contract import media
from events.contract.headers import content_type, http_attributes, is_binary, kafka_attributes
from tests.events.facts import CHARACTERS
from tests.events.samples import refusal

HEX = "0123456789ABCDEFabcdef"
attributes = st.text(CHARACTERS, max_size=30)


def http(value: bytes, name: str = "id") -> str:
    return http_attributes([(f"ce-{name}", value)])[name]


def encoded(text: str) -> bytes:
    """Encode a value as in the binding: printable ASCII stays, except blanks, quotes and percents."""
    return quote(text, safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~").encode()


@given(attributes)
def test_an_encoded_value_is_decoded(text: str) -> None:
    assert http(encoded(text)) == text


@given(attributes)
def test_every_character_may_be_encoded_and_need_not(text: str) -> None:
    everything = "".join(f"%{byte:02x}" for byte in text.encode())
    assert http(everything.encode()) == text
    escaped = text.replace("%", "%25").replace("\\", "\\\\").replace('"', '\\"')
    assert http(f'"{escaped}"'.encode()) == text, "quoted, as older versions of the binding wrote it"
    bare = text.strip(" \t")
    if not bare.startswith('"'):
        assert http(bare.replace("%", "%25").encode()) == bare, "UTF-8 as it is"


@given(attributes, attributes)
def test_two_identities_never_become_one(one: str, other: str) -> None:
    assert (http(encoded(one)) == http(encoded(other))) == (one == other)


@given(st.binary(max_size=12) | st.text('%"\\ abÃ¿' + HEX, max_size=12).map(str.encode))
def test_any_bytes_are_read_as_one_text_or_refused(value: bytes) -> None:
    refused = refusal(http, value)
    if refused is not None:
        assert (refused.reason, refused.field) in {("undecodable", "ce-id"), ("header_malformed", "ce-id")}
        return
    again = http(encoded(http(value)))
    assert again == http(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        (b"caf%c3%a9", "café"),
        ("café".encode(), "café"),
        (b'"a b"', "a b"),
        (rb'"a \"b\" \\c"', r'a "b" \c'),
        (b'"a%22b"', 'a"b'),
        (b'a"b"', 'a"b"'),
        (b"a+b", "a+b"),
        (b"%2541", "%41"),
        (b"  a\t", "a"),
        (b'""', ""),
    ],
)
def test_a_value_is_read_as_in_the_binding(value: bytes, text: str) -> None:
    assert http(value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *(
            (value, "undecodable")
            for value in (b"x%FF", b"x%FE", b"%C0%A0", b"%ED%A0%80", b"%C3", b"\xff", b"caf\xe9")
        ),
        *((value, "header_malformed") for value in (b"100%", b"%zz", b"%4", b'"a', b'"a"b', b'"', rb'"a\"')),
    ],
)
def test_an_identity_must_be_text(value: bytes, reason: str) -> None:
    for name in ("id", "source", "workspace"):
        refused = refusal(http, value, name)
        assert refused is not None
        assert (refused.reason, refused.field) == (reason, f"ce-{name}")


def test_a_percent_sign_that_encodes_nothing_is_one_where_no_identity_hangs_on_it() -> None:
    assert http(b"100% sure", "tracestate") == "100% sure"


@pytest.mark.parametrize("read", [http_attributes, kafka_attributes])
def test_a_header_in_different_cases_is_one(read: Any) -> None:
    prefix = "ce-" if read is http_attributes else "ce_"
    given = [
        (f"{prefix.upper()}ID", b"1"),
        (f"{prefix}id", b"1"),
        ("X-Other", b"\xff"),
        ("Content-Type", b"a/json"),
    ]
    assert read(given) == {"id": "1", "datacontenttype": "a/json"}
    for name, value in ((f"{prefix}Id", b"2"), ("content-type", b"b/json"), (f"{prefix}id", b"")):
        refused = refusal(read, [*given, (name, value)])
        assert refused is not None
        assert (refused.reason, refused.field) == ("schema_invalid", name.lower())


def test_kafka_encodes_nothing() -> None:
    assert kafka_attributes([("ce_id", b"a%20b"), ("ce_source", b'"s"'), ("ce_x", "é".encode())]) == {
        "id": "a%20b",
        "source": '"s"',
        "x": "é",
    }
    refused = refusal(kafka_attributes, [("ce_id", b"\xff")])
    assert refused is not None
    assert refused.reason == "undecodable"


@pytest.mark.parametrize(
    ("kind", "binary"),
    [
        *((kind, True) for kind in ("application/json", "", "text/xml", "application/vnd.acme+json")),
        *(
            (kind, False)
            for kind in ("application/cloudevents+json", "APPLICATION/CloudEvents+avro; charset=x")
        ),
    ],
)
def test_the_content_type_determines_the_mode(kind: str, binary: bool) -> None:
    headers = [("ce-id", b"1"), ("Content-Type", kind.encode())]
    assert content_type(headers) == kind
    assert is_binary(headers, "ce-") == binary
    assert not is_binary(headers[1:], "ce-")


@pytest.mark.parametrize(
    ("kind", "json"),
    [
        *((kind, True) for kind in ("", "application/json", "text/json", "application/vnd.acme.deal+json")),
        *(
            (kind, False)
            for kind in ("text/plain", "application/xml", "application/jsonx", "application/x-json-seq")
        ),
    ],
)
def test_media_types_of_json(kind: str, json: bool) -> None:
    assert media.is_json(media.media_type(f" {kind.upper()} ; charset=utf-8")) == json


TEXT = '{"name":"Müller €"}'


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (TEXT.encode(), ""),
        (TEXT.encode("utf-8-sig"), "application/json"),
        (TEXT.encode(), "application/json; charset=UTF-8"),
        (TEXT.encode(), "application/json;charset=iso-8859-1"),
        (TEXT.encode(), 'application/json; charset="nonsense"'),
        (TEXT.encode("cp1252"), "application/json; charset=windows-1252"),
        (TEXT.encode("utf-16"), 'application/json; profile=x; charset="utf-16"'),
        (TEXT.encode("utf-16-be"), "application/json; charset=UTF-16BE"),
    ],
)
def test_json_is_utf_8_or_in_its_charset(raw: bytes, said: str) -> None:
    assert media.in_utf8(raw, said) == TEXT.encode()


def test_text_in_neither_charset_is_refused() -> None:
    refused = refusal(media.in_utf8, TEXT.encode("utf-16")[:-1], "application/json; charset=utf-16")
    assert refused is not None
    assert refused.reason == "undecodable"
    assert media.in_utf8(b"\xff", "application/json; charset=zlib") == b"\xff", (
        "reading it says what is wrong"
    )
