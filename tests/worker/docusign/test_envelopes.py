"""The contract event of a Connect message: its contract, deal, status and instant."""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from events.contract import catalog
from events.contract.contracts import ContractChanged
from events.contract.envelope import Event
from events.errors import InvalidEvent
from worker.docusign import connect

TIMES = {
    "sentDateTime": "2026-05-01T10:00:00.1234567Z",
    "deliveredDateTime": "2026-05-02T10:00:00Z",
    "completedDateTime": "2026-05-03T23:30:00-07:00",
    "declinedDateTime": "2026-05-05T10:00:00Z",
    "voidedDateTime": "2026-05-06T10:00:00Z",
    "statusChangedDateTime": "2026-05-07T10:00:00Z",
}


def read(event: str, summary: dict[str, Any] | None = None, envelope: str = "E-1") -> Event:
    told = {**TIMES, "customFields": {"textCustomFields": [{"name": "deal_id", "value": "D-17"}]}}
    data = {"accountId": "acc", "envelopeId": envelope, "envelopeSummary": told | (summary or {})}
    raw = msgspec.json.encode({"event": event, "retryCount": 3, "data": data})
    return connect.read_message(raw, workspace="acme")


def fact(event: str, summary: dict[str, Any] | None = None) -> ContractChanged:
    payload: ContractChanged = read(event, summary).payload
    return payload


EVENTS = {
    "envelope-sent": (catalog.CONTRACT_SENT, "2026-05-01T10:00:00.123456+00:00"),
    "envelope-delivered": (catalog.CONTRACT_DELIVERED, "2026-05-02T10:00:00+00:00"),
    "envelope-completed": (catalog.CONTRACT_SIGNED, "2026-05-04T06:30:00+00:00"),
    "envelope-declined": (catalog.CONTRACT_DECLINED, "2026-05-05T10:00:00+00:00"),
    "envelope-voided": (catalog.CONTRACT_VOIDED, "2026-05-06T10:00:00+00:00"),
}


@pytest.mark.parametrize("event", EVENTS)
def test_each_message_is_an_event_of_its_contract_at_its_own_instant(event: str) -> None:
    kind, at = EVENTS[event]
    recorded = read(event)
    told = recorded.payload
    assert (recorded.type, recorded.stream, recorded.time) == (kind, "deal/D-17", told.at)
    assert (told.contract_id, told.deal_id, told.at) == ("E-1", "D-17", datetime.fromisoformat(at))


@pytest.mark.parametrize("event", EVENTS)
def test_each_message_has_the_sending_of_its_contract(event: str) -> None:
    assert fact(event).sent_at == datetime.fromisoformat("2026-05-01T10:00:00.123456+00:00")


def test_a_message_without_its_own_instant_has_that_of_the_status() -> None:
    told = fact("envelope-completed", {"completedDateTime": None, "sentDateTime": None})
    assert (told.at.isoformat(), told.sent_at) == ("2026-05-07T10:00:00+00:00", None)


def test_two_envelopes_of_the_same_second_are_two_events() -> None:
    ids = {read("envelope-completed", envelope=name).id for name in ("E-1", "E-2")}
    assert len(ids) == 2


def test_a_retry_is_the_same_event_and_another_status_is_another() -> None:
    assert read("envelope-completed").id == read("envelope-completed").id
    assert len({read(event).id for event in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize("typed", ["D-17", " D-17 ", "D-17\n", "\u00a0D-17\u200b", "\ufeffD-17"])
@pytest.mark.parametrize("name", ["deal_id", "Deal ID", "dealid", " deal_id "])
@pytest.mark.parametrize("kind", ["textCustomFields", "listCustomFields"])
def test_the_deal_id_is_read_in_spite_of_blanks(typed: str, name: str, kind: str) -> None:
    told = fact("envelope-completed", {"customFields": {kind: [{"name": name, "value": typed}]}})
    assert told.deal_id == "D-17"


def test_the_reason_of_a_declined_or_voided_envelope_is_kept() -> None:
    signers = {"signers": [{"declinedReason": None}, {"declinedReason": "Too dear"}]}
    assert fact("envelope-declined", {"recipients": signers}).reason == "Too dear"
    assert fact("envelope-voided", {"voidedReason": "Wrong person"}).reason == "Wrong person"
    assert fact("envelope-completed", {"voidedReason": "-", "recipients": signers}).reason is None


@pytest.mark.parametrize("part", [b"{},", b"[],", b"1,"])
def test_a_message_larger_than_any_envelope_is_not_decoded(part: bytes) -> None:
    connect.check_rest(part * (connect.REST_OBJECTS_MAX // 2))
    with pytest.raises(InvalidEvent, match="too_large"):
        connect.check_rest(part * (connect.REST_VALUES_MAX + 1))


def test_documents_are_removed_fast_from_any_bytes() -> None:
    message = b"<PDFBytes " * 100_000  # would take tens of minutes if each were scanned to the end
    assert connect.without_documents(message) == message
