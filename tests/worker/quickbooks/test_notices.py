"""Intuit's webhook deliveries, in both forms, as notices of changes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.contract.quickbooks import Changed
from events.errors import InvalidEvent
from tests.worker.web.fuzz import anything, damaged, deep, twisted
from worker.quickbooks import notices
from worker.quickbooks.notices import (
    CHANGES_MAX,
    ChangeNotice,
    Signature,
    TooManyChanges,
    UnusableNotice,
    event_of,
    read_delivery,
)
from worker.sandbox.books.journal import Change, Operation
from worker.sandbox.webhooks import quickbooks
from worker.sandbox.webhooks.quickbooks import ANNOUNCED, Notice

AT = datetime(2026, 5, 5, 16, 30, 12, 179851, tzinfo=UTC)
CLASSIC = {"id": "58", "operation": "Update", "name": "Customer", "lastUpdated": "2026-05-05T16:30:12.179Z"}
EVENT = {
    "specversion": "1.0",
    "id": "u-1",
    "source": "intuit.x",
    "type": "qbo.customer.updated.v1",
    "time": "2026-05-05T16:30:12.179851517Z",
    "intuitentityid": "58",
    "intuitaccountid": "310687",
    "data": {},
}
CHANGED = Changed("310687", "Customer", "58", "Update", AT)


def classic(*entities: Any, realm: Any = "310687") -> bytes:
    event = {"realmId": realm, "dataChangeEvent": {"entities": entities}}
    return json.dumps({"eventNotifications": [event]}).encode()


def events(*changes: Any) -> bytes:
    return json.dumps(changes).encode()


def changes_of(raw: bytes) -> list[Changed]:
    """Return the changes of a delivery, all of which can be read."""
    parts = read_delivery(raw)
    assert all(isinstance(part, ChangeNotice) for part in parts), parts
    return [part.changed for part in parts if isinstance(part, ChangeNotice)]


def test_the_published_signature() -> None:
    signature = Signature("verify_me")
    signature.update(b'{"stuff"')
    signature.update(b':"5"}')
    assert signature.fits("nfPLN16u3vMvv08ghDs+dOkLuirEVDy5wAeG/lmM2OA=")
    assert signature.fits(" nfPLN16u3vMvv08ghDs+dOkLuirEVDy5wAeG/lmM2OA= ")
    for wrong in ("", "nfPLN16u3vMvv08ghDs+dOkLuirEVDy5wAeG/lmM2Oa=", "é", "nfPL"):
        assert not signature.fits(wrong)


def test_each_form_gives_the_change_with_its_own_identity() -> None:
    [of_event] = read_delivery(events(EVENT))
    assert of_event == ChangeNotice("u-1", CHANGED, events(EVENT))
    [of_classic] = read_delivery(classic(CLASSIC))
    assert isinstance(of_classic, ChangeNotice)
    assert of_classic.changed == replace(CHANGED, at=AT.replace(microsecond=179000))
    event = event_of(of_event, "acme")
    assert (event.workspace, event.source, event.id) == ("acme", "urn:intuit:quickbooks", "u-1")
    assert (event.stream, event.time) == ("quickbooks/310687/Customer/58", AT)
    assert event.extensions["partitionkey"] == "acme/Customer/58"


noticed = st.builds(
    Notice,
    realm=st.sampled_from(["1", "2", "9341453908059621"]),
    change=st.builds(
        Change,
        at=st.timedeltas(timedelta(0), timedelta(days=1000)).map(lambda passed: AT + passed),
        entity=st.sampled_from(sorted(ANNOUNCED)),
        identifier=st.integers(1, 10**12).map(str),
        operation=st.sampled_from(get_args(Operation)),
        by=st.just("1"),
    ),
    event_id=st.uuids().map(str),
    nanoseconds=st.integers(0, 999),
)


@given(st.lists(noticed, max_size=20))
def test_both_forms_give_the_same_changes_again_and_again(told: list[Notice]) -> None:
    as_events = quickbooks.cloud_events(told, "app")
    as_classic = quickbooks.classic(told, merge_names_deleted=True)
    wanted = {
        Changed(each.realm, change.entity, change.identifier, change.operation, _milliseconds(change.at))
        for each in told
        for change in [each.change]
    }
    for raw in (as_events, as_classic):
        assert {replace(each, at=_milliseconds(each.at)) for each in changes_of(raw)} == wanted
        assert [event_of(part, "acme") for part in _notices(raw)] == [
            event_of(part, "acme") for part in _notices(raw)
        ]
    assert len({part.id for part in _notices(as_classic)}) == len(wanted)
    assert len({part.id for part in _notices(as_events)}) == len({each.event_id for each in told})


@given(
    damaged(twisted(st.sampled_from([json.loads(classic(CLASSIC, CLASSIC)), [EVENT, EVENT]])))
    | st.lists(anything).map(lambda parts: json.dumps(parts).encode())
    | st.binary(max_size=50)
    | deep
)
def test_any_bytes_are_read_and_every_part_stands_for_itself(raw: bytes) -> None:
    for part in read_delivery(raw):
        if isinstance(part, ChangeNotice):
            assert event_of(part, "acme").payload == part.changed
            assert part in read_delivery(part.written)
        else:
            assert part.problem.reason == notices.UNUSABLE
            assert [
                again.realm for again in read_delivery(part.written) if isinstance(again, UnusableNotice)
            ] == [part.realm]


def _notices(raw: bytes) -> list[ChangeNotice]:
    return [part for part in read_delivery(raw) if isinstance(part, ChangeNotice)]


def _milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_companies_are_mixed_in_one_delivery() -> None:
    assert [each.realm for each in changes_of(events(EVENT, {**EVENT, "intuitaccountid": "7"}))] == [
        "310687",
        "7",
    ]
    both = [json.loads(classic(CLASSIC, realm=realm))["eventNotifications"][0] for realm in ("7", "8")]
    raw = json.dumps({"eventNotifications": both}).encode()
    assert [each.realm for each in changes_of(raw)] == ["7", "8"]
    for empty in (b"[]", classic(), b'{"eventNotifications":[]}'):
        assert read_delivery(empty) == []


@pytest.mark.parametrize(
    ("written", "entity", "operation"),
    [
        ("qbo.salesreceipt.voided.v1", "SalesReceipt", "Void"),
        ("qbo.sales_receipt.voided.v2", "SalesReceipt", "Void"),
        ("qbo.journalentry.emailed.v1", "JournalEntry", "Emailed"),
        ("qbo.recurringthing.archived.v1", "recurringthing", "archived"),
    ],
)
def test_a_type_is_an_entity_and_an_operation(written: str, entity: str, operation: str) -> None:
    [changed] = changes_of(events({**EVENT, "type": written}))
    assert (changed.entity, changed.operation) == (entity, operation)


def test_unknown_entities_and_operations_are_kept() -> None:
    [changed] = changes_of(classic({**CLASSIC, "name": "RecurringThing", "operation": "Archive"}))
    assert (changed.entity, changed.operation) == ("RecurringThing", "Archive")


def test_a_merge_is_a_notice_of_each_object() -> None:
    merge = {**CLASSIC, "operation": "Merge"}
    assert [each.entity_id for each in changes_of(classic(merge))] == ["58"]
    for none in ("", None, "58"):
        assert [each.entity_id for each in changes_of(classic({**merge, "deletedId": none}))] == ["58"]
    for deleted in ("59", 59):
        both = read_delivery(classic({**merge, "deletedId": deleted}))
        found = [part.changed for part in both if isinstance(part, ChangeNotice)]
        assert [(each.entity_id, each.survivor) for each in found] == [("58", None), ("59", "58")]
        assert len({part.id for part in both if isinstance(part, ChangeNotice)}) == 2


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-05-05T16:30:12.179851517Z", AT),
        ("2026-05-05T16:30:12.179851Z", AT),
        ("2026-05-05T09:30:12.179851-0700", AT),
        ("2026-05-05T09:30:12.179851-07:00", AT),
        ("2026-05-05T16:30:12.179851", AT),
        ("2026-05-05T16:30:12Z", AT.replace(microsecond=0)),
    ],
)
def test_instants_in_any_form(written: str, at: datetime) -> None:
    for raw in (events({**EVENT, "time": written}), classic({**CLASSIC, "lastUpdated": written})):
        assert [each.at for each in changes_of(raw)] == [at]


def test_an_id_may_be_a_number() -> None:
    [changed] = changes_of(classic({**CLASSIC, "id": 58}, realm=310687))
    assert changed == replace(CHANGED, at=AT.replace(microsecond=179000))
    [of_text] = read_delivery(classic(CLASSIC))
    [of_number] = read_delivery(classic({**CLASSIC, "id": 58}, realm=310687))
    assert isinstance(of_text, ChangeNotice)
    assert isinstance(of_number, ChangeNotice)
    assert of_text.id == of_number.id


def test_the_identity_of_a_classic_notice_is_its_content() -> None:
    def identity(realm: str = "310687", **changes: str) -> str:
        [part] = read_delivery(classic({**CLASSIC, **changes}, realm=realm))
        assert isinstance(part, ChangeNotice)
        return part.id

    same_instant = datetime.fromisoformat(CLASSIC["lastUpdated"]).astimezone(timezone(timedelta(hours=-7)))
    assert identity() == identity(lastUpdated=same_instant.isoformat())
    others = {
        identity(realm="7"),
        identity(id="59"),
        identity(operation="Void"),
        identity(name="Vendor"),
        identity(lastUpdated="2026-05-05T16:30:12.180Z"),
    }
    assert len(others - {identity()}) == 5


@pytest.mark.parametrize("field", ["id", "name", "operation", "lastUpdated"])
@pytest.mark.parametrize("value", [None, "", "x" * 129, "a\u0001", "\u202e", True, [], "gone"])
def test_an_unusable_classic_part_does_not_affect_the_others(field: str, value: Any) -> None:
    unusable: dict[str, Any] = {**CLASSIC, field: value}
    if value == "gone":
        del unusable[field]
    raw = classic(unusable, {**CLASSIC, "id": "59"})
    [part] = [part for part in read_delivery(raw) if isinstance(part, UnusableNotice)]
    assert (part.realm, part.problem.reason) == ("310687", notices.UNUSABLE)
    assert json.loads(part.written) == json.loads(classic(unusable))
    assert [each.changed.entity_id for each in _notices(raw)] == ["59"]


@pytest.mark.parametrize(
    ("field", "value", "realm"),
    [
        ("type", "qbo.customer.v1", "310687"),
        ("type", "payments.charge.created.v1", "310687"),
        ("id", "", "310687"),
        ("time", "yesterday", "310687"),
        ("time", "0001-01-01T00:00:00+14:00", "310687"),
        ("intuitentityid", None, "310687"),
        ("intuitaccountid", None, None),
        ("intuitaccountid", "1\u0000", None),
        ("intuitaccountid", -1, None),
    ],
)
def test_an_unusable_event_does_not_affect_the_others(field: str, value: Any, realm: str | None) -> None:
    unusable = {**EVENT, field: value}
    raw = events(EVENT, unusable)
    [part] = [part for part in read_delivery(raw) if isinstance(part, UnusableNotice)]
    assert (part.realm, json.loads(part.written)) == (realm, [unusable])
    assert [each.changed for each in _notices(raw)] == [CHANGED]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"null", b"5", b'"text"', b"{}", b'{"eventNotifications":{}}', b"<xml/>", b"[1", b"\xff"],
)
def test_a_delivery_that_cannot_be_read_is_one_part(raw: bytes) -> None:
    [part] = read_delivery(raw)
    assert isinstance(part, UnusableNotice)
    assert (part.realm, part.written, part.problem.reason) == (None, raw, notices.UNUSABLE)
    assert isinstance(part.problem, InvalidEvent)


def test_a_byte_order_mark_is_no_reason() -> None:
    assert changes_of(b"\xef\xbb\xbf " + events(EVENT)) == [CHANGED]


def test_a_delivery_has_a_limit() -> None:
    assert len(changes_of(events(*[EVENT] * CHANGES_MAX))) == CHANGES_MAX
    assert len(changes_of(classic(*[CLASSIC] * CHANGES_MAX))) == CHANGES_MAX
    halves = [json.loads(classic(*[CLASSIC] * (CHANGES_MAX // 2 + 1)))["eventNotifications"][0]] * 2
    for raw in (
        events(*[EVENT] * (CHANGES_MAX + 1)),
        classic(*[CLASSIC] * (CHANGES_MAX + 1)),
        json.dumps({"eventNotifications": halves}).encode(),
        b"[" + b"1," * 200_000 + b"1]",
    ):
        with pytest.raises(TooManyChanges):
            read_delivery(raw)
