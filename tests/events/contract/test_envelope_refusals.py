"""Any input is either refused with the field's name or read as a sound event."""

from datetime import UTC
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract import catalog, json
from events.contract.envelope import EVENT_BYTES_MAX, Event, as_cloudevent, split_batch
from tests import stories
from tests.events.facts import CHARACTERS
from tests.events.samples import DOCUMENT, MISSING, binary, changed, in_parts, made, refusal, structured

ANYWHERE = [*DOCUMENT, *DOCUMENT["data"], "at", "x", "workspace"]
WRONG_DATA: tuple[Any, ...] = (None, 1, "{}", [], True)
WRONG_REVISIONS: tuple[Any, ...] = (-1, 2**53, 2**70, 1.5, "1.5", "-1", "", None)

texts = st.text(CHARACTERS, max_size=10)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        *((name, "", "schema_invalid") for name in ("specversion", "id", "source", "type")),
        *((name, 1, "schema_invalid") for name in ("specversion", "id", "source", "type", "time")),
        *((name, ["x"], "schema_invalid") for name in ("id", "time", "workspace", "datacontenttype", "data")),
        *((name, "x" * 301, "schema_invalid") for name in ("id", "source", "workspace", "type")),
        ("specversion", "0.3", "schema_invalid"),
        ("id", "a\n", "schema_invalid"),
        ("type", "com.example.x.v1", "type_unknown"),
        ("type", "com.coeffection.deal.updated.v2", "version_unknown"),
        ("type", catalog.DEAL_CLOSED_WON, "type_not_accepted"),
        ("type", catalog.SETTINGS_CHANGED, "type_not_accepted"),
        ("time", "2026-05-01", "schema_invalid"),
        ("time", "2026-05-01T00:00:00", "schema_invalid"),
        ("time", "0001-01-01T00:00:00+14:00", "value_out_of_range"),
        ("time", "9999-12-31T23:59:59-14:00", "value_out_of_range"),
        ("workspace", "bolt", "workspace_mismatch"),
        ("workspace", "acme\n", "schema_invalid"),
        ("datacontenttype", "application/xml", "content_type_unsupported"),
        ("data_base64", "e30=", "schema_invalid"),
        ("subject", ["x"], "schema_invalid"),
        *(("data", value, "schema_invalid") for value in WRONG_DATA),
        *(("data.revision", value, "schema_invalid") for value in WRONG_REVISIONS),
        ("data.deal_id", "D-1\n", "schema_invalid"),
        ("data.stage", "won", "schema_invalid"),
        ("data.quote.total", 0.30000000000000004, "schema_invalid"),
        ("data.quote.total", "1e3", "schema_invalid"),
        ("data.quote.discount", {"percent": "10", "amount": "50"}, "schema_invalid"),
        ("data.closed_at", "2026-05-01", "schema_invalid"),
        ("data.closed_at", "0001-01-01T00:00:00+14:00", "value_out_of_range"),
        ("data.closed_at", "9999-12-31T23:59:59-14:00", "value_out_of_range"),
    ],
)
def test_an_invalid_event_is_refused_with_the_field(path: str, value: Any, reason: str) -> None:
    refused = refusal(structured, msgspec.json.encode(changed(DOCUMENT, path, value)))
    assert refused is not None
    assert (refused.reason, refused.field) == (reason, path)


@pytest.mark.parametrize("character", ["\\u0001", "\\t", "\\n", "\\u001F", "\x7f", "\\u007f"])
@pytest.mark.parametrize(
    ("known", "path"),
    [
        ('"deal_id":"D-1', "data.deal_id"),
        ('"account_id":"A-1', "data.account_id"),
        ('"quote_id":"Q-1', "data.quote.quote_id"),
        ('"product_id":"P-1', "data.quote.lines[0].product_id"),
        (f'"id":"{DOCUMENT["id"]}', "id"),
    ],
)
def test_no_control_character_gets_into_an_identifier(known: str, path: str, character: str) -> None:
    written = msgspec.json.encode(DOCUMENT).replace(known.encode(), f"{known}{character}".encode())
    refused = refusal(structured, written)
    assert refused is not None
    assert (refused.reason, refused.field) == ("schema_invalid", path)


def test_another_text_may_hold_control_characters() -> None:
    assert (
        structured(msgspec.json.encode(changed(DOCUMENT, "data.name", "a\n\x7f"))).payload.name == "a\n\x7f"
    )


@pytest.mark.parametrize(
    "path",
    ["specversion", "id", "source", "type", "data", "data.deal_id", "data.revision", "data.quote.total"],
)
def test_a_missing_field_is_named(path: str) -> None:
    refused = refusal(structured, msgspec.json.encode(changed(DOCUMENT, path, MISSING)))
    assert refused is not None
    assert (refused.reason, refused.field) == ("schema_invalid", path)
    assert path.rpartition(".")[2] in refused.detail


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_header_that_is_missing_is_named(name: str) -> None:
    attributes, body = in_parts(changed(DOCUMENT, name, MISSING))
    refused = refusal(binary, attributes, body)
    assert refused is not None
    assert (refused.reason, refused.field) == ("schema_invalid", name)


@pytest.mark.parametrize("source", ["urn:coeffection:quote-to-cash", "URN:Coeffection:x", "urn:coeffection:"])
def test_our_sources_are_refused_from_outside(source: str) -> None:
    refused = refusal(structured, msgspec.json.encode({**DOCUMENT, "source": source}))
    assert refused is not None
    assert (refused.reason, refused.field) == ("source_reserved", "source")


@pytest.mark.parametrize("raw", [b"1", b"[]", b"null", b'"x"', b"[{}]"])
def test_only_an_object_is_an_event(raw: bytes) -> None:
    refused = refusal(structured, raw)
    assert refused is not None
    assert refused.reason == "schema_invalid"


def test_an_event_has_a_size() -> None:
    def sized(size: int) -> bytes:
        raw = msgspec.json.encode(DOCUMENT)
        return raw + b" " * (size - len(raw))

    assert structured(sized(EVENT_BYTES_MAX)) == made(DOCUMENT)
    attributes, body = in_parts(DOCUMENT)
    too_much = [
        refusal(structured, sized(EVENT_BYTES_MAX + 1)),
        refusal(binary, attributes, body + b" " * EVENT_BYTES_MAX),
    ]
    assert [refused.reason for refused in too_much if refused] == ["too_large", "too_large"]


@pytest.mark.parametrize("name", ["id", "source", "subject", "time", "anything"])
@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_a_header_that_no_database_keeps_is_refused(name: str, character: str) -> None:
    attributes, body = in_parts(DOCUMENT)
    refused = refusal(binary, {**attributes, name: f"x{character}"}, body)
    assert refused is not None
    assert (refused.reason, refused.field) == ("text_invalid", name)


def sound(event: Event) -> None:
    """Check that an event can be stored, read and sent on unchanged."""
    assert event.payload is not None
    assert event.workspace == "acme"
    assert event.time.tzinfo is UTC
    written = json.encode(as_cloudevent(event)).encode()
    assert structured(written) == event


@settings(max_examples=150)
@given(
    st.sampled_from([stories.account(), DOCUMENT, stories.contract("signed")]),
    st.lists(st.tuples(st.sampled_from(ANYWHERE), anything), max_size=3),
)
def test_any_change_of_an_event_is_an_event_or_refused(
    document: dict[str, Any], changes: list[tuple[str, Any]]
) -> None:
    for name, value in changes:
        inside = name not in DOCUMENT and name != "workspace" and isinstance(document["data"], dict)
        document = changed(document, f"data.{name}" if inside else name, value)
    raw = msgspec.json.encode(document)
    refused = refusal(structured, raw)
    if refused is None:
        sound(structured(raw))
    else:
        assert refused.reason
        assert refused.detail


@settings(max_examples=150)
@given(
    st.dictionaries(st.sampled_from([*DOCUMENT, "workspace", "x"]), st.text(max_size=5), max_size=2),
    st.just(msgspec.json.encode(DOCUMENT["data"])) | st.binary(max_size=10),
)
def test_any_headers_and_any_bytes_are_an_event_or_refused(attributes: dict[str, str], raw: bytes) -> None:
    attributes = {**in_parts(DOCUMENT)[0], **attributes}
    if refusal(binary, attributes, raw) is None:
        sound(binary(attributes, raw))


def test_one_bad_event_of_a_batch_spoils_no_other() -> None:
    good = msgspec.json.encode(DOCUMENT)
    bad = [rb'"\u0000"', b'{"x":1e99999999999999999999}', b"[" * 100 + b"]" * 100, b"1"]
    items = split_batch(b"[" + b",".join([good, *bad, good]) + b"]")
    reasons = [refused.reason if (refused := refusal(structured, item)) else None for item in items]
    assert reasons == [None, "text_invalid", "value_out_of_range", "nesting_too_deep", "schema_invalid", None]


@pytest.mark.parametrize("raw", [b"{}", b"1", b"", b"[", b"[1]]", b"NaN"])
def test_a_batch_is_an_array(raw: bytes) -> None:
    assert refusal(split_batch, raw) is not None
