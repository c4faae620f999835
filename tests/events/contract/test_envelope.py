"""An event is the same in every mode; an invalid one is refused with the field's name."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract import catalog, json
from events.contract.administration import InvoiceRequested, SettingsChanged
from events.contract.announcements import CustomerLinked
from events.contract.catalog import TYPES
from events.contract.envelope import Event, as_cloudevent, derived_id, own_event, split_batch
from tests.events.facts import facts
from tests.events.samples import (
    DOCUMENT,
    MISSING,
    NOW,
    account,
    binary,
    changed,
    in_parts,
    made,
    refusal,
    structured,
)

ARRIVING = sorted(name for name, known in TYPES.items() if known.direction == "in")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ARRIVING), st.data())
def test_any_event_is_the_same_structured_in_binary_form_and_in_a_batch(
    name: str, data: st.DataObject
) -> None:
    fact = data.draw(facts(TYPES[name].payload))
    event = own_event(name, fact, workspace="acme", source="s", time=NOW - timedelta(1), id="1")
    written = json.encode(as_cloudevent(event)).encode()
    assert structured(written) == event
    assert event.payload == fact
    attributes = {**event.extensions, "specversion": "1.0", "id": "1", "source": "s", "type": name}
    attributes |= {
        "subject": event.subject or "",
        "time": event.time.isoformat(),
        "datacontenttype": "Application/JSON",
    }
    assert binary(attributes, event.data.encode()) == event
    blank = b" [\n" + written + b" , " + written + b"]\n"
    assert [structured(item) for item in split_batch(blank)] == [event, event]


def test_an_event_has_its_senders_attributes() -> None:
    event = made({**DOCUMENT, "time": "2026-05-01T02:00:00+02:00"})
    assert (event.workspace, event.source, event.id) == ("acme", "https://crm.example", DOCUMENT["id"])
    assert (event.type, event.subject, event.stream) == (catalog.DEAL_UPDATED, "D-1", "deal/D-1")
    assert (event.time, event.time.tzinfo) == (datetime(2026, 5, 1, tzinfo=UTC), UTC)
    assert event.topic == "crm.deals.v1"
    assert event.payload.owner == "Zoë"


def test_unknown_fields_are_kept_as_they_were_written() -> None:
    raw = msgspec.json.encode(DOCUMENT).replace(b'"owner":', b'"later" : [1.50, {"x":1e400}],"owner":')
    event = structured(raw)
    assert '"later" : [1.50, {"x":1e400}]' in event.data
    assert json.different_fields(event.data, made(DOCUMENT).data) == ["later"]
    assert '"later" : [1.50, {"x":1e400}]' in json.encode(as_cloudevent(event))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "subject": st.sampled_from(["D-1", "", None, 5]),
            "time": st.sampled_from(["2026-05-01T02:00:00+02:00", None]),
            "datacontenttype": st.sampled_from(["application/json", "", None]),
            "workspace": st.sampled_from(["acme", None]),
            "partitionkey": st.sampled_from(["acme/D-1", "", None, 7]),
            "traceparent": st.sampled_from(["00-ab", None]),
            "tracestate": st.just("a=b"),
        },
    )
)
def test_an_event_is_the_same_beside_an_unusual_attribute(attributes: dict[str, Any]) -> None:
    usual = {**DOCUMENT, **attributes}
    other = made({**usual, "unusual": "x"})
    assert other.extensions.pop("unusual") == "x"
    assert made(usual) == other


def test_unknown_attributes_are_kept_as_text() -> None:
    more = {
        "traceparent": "00-ab",
        "sequence": 5,
        "whole": 5.0,
        "negative": -1,
        "sampled": True,
        "off": False,
        "none": None,
        "share": 0.5,
        "more": ["x"],
    }
    event = made({**DOCUMENT, **more})
    assert event.extensions == {
        "traceparent": "00-ab",
        "sequence": "5",
        "whole": "5",
        "negative": "-1",
        "sampled": "true",
        "off": "false",
        "share": "0.5",
        "more": '["x"]',
    }
    assert made(msgspec.json.decode(json.encode(as_cloudevent(event)))) == event
    assert event.data == made(DOCUMENT).data


def test_the_names_of_attributes_are_in_lower_case_however_they_are_written() -> None:
    event = made({**DOCUMENT, "Subject": "other", "TraceParent": "00-ab", "dataSchema": "https://x.example"})
    assert event.subject == "D-1"
    assert event.extensions == {"traceparent": "00-ab", "dataschema": "https://x.example"}
    shouted = {name.upper() if name != "data" else name: value for name, value in DOCUMENT.items()}
    assert made(shouted) == made(DOCUMENT)


@pytest.mark.parametrize("name", ["subject", "time", "datacontenttype", "workspace"])
def test_an_attribute_that_is_empty_is_not_there(name: str) -> None:
    assert made(changed(DOCUMENT, name, "")) == made(changed(DOCUMENT, name, MISSING))


def test_a_subject_is_any_text() -> None:
    assert made({**DOCUMENT, "subject": "x" * 5000}).subject == "x" * 5000
    assert made({**DOCUMENT, "subject": 17}) == made({**DOCUMENT, "subject": "17"})


def in_base64(raw: bytes, **attributes: object) -> dict[str, object]:
    document = changed(DOCUMENT, "data", MISSING)
    return {**document, "data_base64": base64.b64encode(raw).decode(), **attributes}


def test_data_may_come_as_bytes() -> None:
    data = msgspec.json.encode(DOCUMENT["data"])
    expected = made(DOCUMENT)
    assert made(in_base64(data)) == expected
    assert made(in_base64(data, data=None)) == expected
    assert made({**DOCUMENT, "data_base64": None}) == expected
    for kind, raw in [
        ("application/vnd.crm.deal+json", data),
        ("application/json; charset=utf-16", data.decode().encode("utf-16")),
        ("application/json", b"\xef\xbb\xbf" + data),
    ]:
        assert made(in_base64(raw, datacontenttype=kind)) == expected


@pytest.mark.parametrize(
    ("data", "attributes", "refused"),
    [
        (b"<x/>", {}, ("undecodable", None)),
        (b"<x/>", {"datacontenttype": "text/xml"}, ("content_type_unsupported", "datacontenttype")),
        (b"{}", {"data_base64": "e30"}, ("schema_invalid", "data_base64")),
        (b"{}", {"data_base64": "!!!!"}, ("schema_invalid", "data_base64")),
        (b"{}", {"data_base64": 5}, ("schema_invalid", "data_base64")),
        (b"{}", {"data_base64": "é"}, ("schema_invalid", "data_base64")),
        (b"{}", {"data": {}}, ("schema_invalid", "data_base64")),
    ],
)
def test_bytes_that_are_no_json_are_refused(
    data: bytes, attributes: dict[str, object], refused: tuple[str, str | None]
) -> None:
    found = refusal(made, in_base64(data, **attributes))
    assert found is not None
    assert (found.reason, found.field) == refused


def test_an_event_may_begin_with_a_byte_order_mark() -> None:
    raw = msgspec.json.encode(DOCUMENT)
    assert structured(b"\xef\xbb\xbf" + raw) == structured(raw)
    attributes, body = in_parts(DOCUMENT)
    assert binary(attributes, b"\xef\xbb\xbf" + body) == binary(attributes, body)


def test_an_event_that_brings_no_time_happened_now() -> None:
    for absent in (None, MISSING):
        assert made(changed(DOCUMENT, "time", absent)).time == NOW


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        " APPLICATION/JSON ; charset=utf-8",
        "text/json",
        "application/vnd.x+json",
        "",
        None,
    ],
)
def test_data_is_json_in_every_notation(kind: str | None) -> None:
    assert made({**DOCUMENT, "datacontenttype": kind}).payload.deal_id == "D-1"


def test_the_sender_or_the_event_names_the_workspace() -> None:
    for said, sender in [("acme", "acme"), (None, "acme"), ("acme", None)]:
        raw = msgspec.json.encode({**DOCUMENT, "workspace": said})
        assert structured(raw, sender).workspace == "acme"
    refused = refusal(structured, msgspec.json.encode(DOCUMENT), None)
    assert refused is not None
    assert (refused.reason, refused.field) == ("workspace_missing", "workspace")


def ordered(deal_id: str = "D-1", cause: Event | None = None) -> Event:
    fact = InvoiceRequested(deal_id, "ada")
    return own_event(
        catalog.INVOICE_REQUESTED, fact, workspace="acme", source="q2c", time=NOW, id="1", cause=cause
    )


@pytest.mark.parametrize("deal_id", ["D-1", "2026/17", "a/b/c", "/", "workspace"])
def test_our_own_event_is_about_its_deal_with_any_id(deal_id: str) -> None:
    event = ordered(deal_id)
    assert (event.subject, event.extensions) == (deal_id, {"partitionkey": f"acme/{deal_id}"})


@pytest.mark.parametrize("deal_id", ["", "a\tb", "a\n", "x" * 129, "a\0", "a\udcff"])
def test_an_event_that_the_catalog_can_not_read_is_never_written(deal_id: str) -> None:
    refused = refusal(ordered, deal_id)
    assert refused is not None
    assert refused.reason in {"schema_invalid", "text_invalid"}


def test_our_own_event_has_no_text_that_a_database_cannot_store() -> None:
    refused = refusal(
        own_event,
        catalog.SETTINGS_CHANGED,
        SettingsChanged({"memo": "a\0b"}, "ada"),
        workspace="acme",
        source="q2c",
        time=NOW,
        id="1",
    )
    assert refused is not None
    assert refused.reason == "text_invalid"


def test_an_optional_identifier_is_looked_at_too() -> None:
    fact = CustomerLinked("A-1", "1", "9130\n")
    refused = refusal(
        own_event, catalog.CUSTOMER_LINKED, fact, workspace="acme", source="q2c", time=NOW, id="1"
    )
    assert refused is not None
    assert refused.field == "realm"


def test_our_own_event_names_its_cause_and_its_origin() -> None:
    began = account(1, traceparent="00-ab", other="x")
    first = ordered(cause=began)
    expected = {"partitionkey": "acme/D-1", "correlationid": began.id, "traceparent": "00-ab"}
    assert first.extensions == {**expected, "causationid": began.id}
    second = ordered(cause=msgspec.structs.replace(first, id="2"))
    assert second.extensions == {**expected, "causationid": "2"}
    assert "traceparent" not in ordered(cause=account(1)).extensions


def test_a_derived_identity_follows_from_its_cause_its_type_and_its_subject_alone() -> None:
    cause = account(1)
    named = derived_id(cause, "t", "s")
    assert derived_id(account(1, name="Other", time="2027-01-01T00:00:00Z"), "t", "s") == named
    others = [derived_id(account(2), "t", "s"), derived_id(account(1, workspace="bolt"), "t", "s")]
    others += [
        derived_id(account(1, source="x"), "t", "s"),
        derived_id(cause, "s", "t"),
        derived_id(cause, "t", ""),
    ]
    assert len({named, *others}) == 6
