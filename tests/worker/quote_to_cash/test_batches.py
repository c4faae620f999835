"""With an hourly or daily sync, a due invoice waits for the batch, and for nothing longer."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from events.contract import catalog
from events.contract.administration import SyncDue
from events.contract.envelope import Event
from tests import stories
from tests.worker.quote_to_cash.given import (
    Decider,
    chosen_at,
    expired,
    fact,
    given,
    invoice_created,
    mapped,
    observed,
    ordered,
    ready,
    rejected,
    uncertain,
)
from worker.quote_to_cash import view
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.deal.state import WHOLE, Deal
from worker.quote_to_cash.decide import reconsider
from worker.quote_to_cash.invoice.batch import BATCH_NOT_DUE

SIGNED = stories.signed_deal()
CHANGED = datetime.fromisoformat("2026-05-04T08:20:00Z")
NINE, TEN = datetime.fromisoformat("2026-05-04T09:00Z"), datetime.fromisoformat("2026-05-04T10:00Z")
DAILY = datetime.fromisoformat("2026-05-04T09:30Z")  # 02:30 in Los Angeles


def frequency(value: str, at: datetime = CHANGED) -> Event:
    return chosen_at(at, {"sync_frequency": value})


def tick(due: datetime, of: str = "hourly") -> Event:
    return fact(catalog.SYNC_DUE, SyncDue(of, due), due)


def hourly(*happened: Event | dict[str, Any]) -> Decider:
    return given(*ready(), frequency("hourly"), *happened)


def cause_of_invoice(decider: Decider) -> str:
    (commanded,) = (event for event in decider.events if event.type == catalog.INVOICE_COMMANDED)
    return commanded.extensions["causationid"]


def test_a_deal_waits_for_the_batch_whose_tick_causes_its_invoice() -> None:
    decider = hourly(*SIGNED)
    assert decider.commanded() == []
    (gate,) = decider.gates()
    assert gate.code == BATCH_NOT_DUE
    assert gate.params == {
        "frequency": "hourly",
        "at": "2026-05-04T09:00:00+00:00",
        "local": "2026-05-04 02:00",
        "time_zone": "America/Los_Angeles",
    }
    nine = tick(NINE)
    decider.when(nine)
    assert len(decider.commanded()) == 1
    assert cause_of_invoice(decider) == nine.id


def test_the_crm_is_told_once_which_batch_it_is() -> None:
    decider = hourly(*SIGNED, stories.account())
    (held,) = decider.facts(catalog.DEAL_INVOICE_HELD)
    (gate,) = held.gates
    assert (gate.gate, gate.action) == (BATCH_NOT_DUE, "wait")
    assert gate.reason == (
        "The invoice is sent with the next batch (hourly), at 2026-05-04 02:00 (America/Los_Angeles)."
    )


def test_a_deal_that_fails_another_gate_shows_that_one_alone_and_sleeps_through_batches() -> None:
    decider = hourly(chosen_at(CHANGED, {"paused": "true"}), *SIGNED)
    assert [gate.code for gate in decider.gates()] == ["paused"]
    assert decider.view.waiting(catalog.SYNC_CLOCK) == []
    events = len(decider.events)
    decider.when(tick(NINE))
    assert len(decider.events) == events


def test_a_batch_that_comes_while_another_gate_holds_the_deal_is_missed() -> None:
    decider = hourly(*SIGNED, chosen_at(CHANGED, {"paused": "true"}), tick(NINE))
    decider.when(chosen_at(NINE, {"paused": "false"}))
    (gate,) = decider.gates()
    assert (gate.code, gate.params["at"]) == (BATCH_NOT_DUE, TEN.isoformat())
    decider.when(tick(TEN))
    assert len(decider.commanded()) == 1


def test_the_log_s_order_decides_about_a_deal_won_at_the_tick() -> None:
    assert len(hourly(*SIGNED, tick(NINE)).commanded()) == 1
    after = hourly(tick(NINE), *SIGNED)
    assert after.gates()[0].params["at"] == TEN.isoformat()


@pytest.mark.parametrize("place", range(4))
def test_an_invoice_by_hand_never_waits(place: int) -> None:
    events: list[Event | dict[str, Any]] = [*SIGNED]
    events.insert(min(place, len(events)), ordered())
    assert len(hourly(*events).commanded()) == 1


def test_a_request_by_hand_that_another_gate_holds_is_still_answered_at_once() -> None:
    decider = hourly(chosen_at(CHANGED, {"paused": "true"}), *SIGNED, ordered())
    decider.when(chosen_at(NINE, {"paused": "false"}))
    assert len(decider.commanded()) == 1


def test_a_refused_invoice_is_retried_by_hand_at_once() -> None:
    decider = hourly(*SIGNED, tick(NINE))
    decider.when(rejected(decider.commanded()[0]), tick(TEN))
    assert len(decider.commanded()) == 1
    assert decider.stands_at() == "rejected_by_quickbooks"
    decider.when(ordered())
    assert [command.key.generation for command in decider.commanded()] == [1, 2]


def test_a_batch_holds_no_command_that_was_made() -> None:
    decider = given(*ready(), *SIGNED, frequency("hourly"))
    assert decider.stands_at() == "in_progress"
    decider.when(uncertain(decider.commanded()[0]))
    assert [gate.code for gate in decider.gates()] == ["outcome_uncertain"]
    decider.when(tick(NINE), invoice_created(decider.commanded()[0]), tick(TEN))
    assert (len(decider.commanded()), decider.gates()) == (1, [])


def test_a_person_s_mapping_is_read_at_once_and_its_deal_waits() -> None:
    happened = [event for event in ready() if event.type != catalog.ACCOUNT_MAPPED]
    decider = given(*happened, frequency("hourly"), stories.account(), *SIGNED)
    assert decider.stands_at() == "account_not_mapped"
    decider.when(mapped(customer="8"))
    assert [command.key.subject for command in decider.commanded("read_customer")][-1:] == ["customer/1111/8"]
    assert decider.stands_at() == BATCH_NOT_DUE


@pytest.mark.parametrize("value", ["real_time", ""])
def test_a_change_to_real_time_releases_whatever_waits(value: str) -> None:
    signed = [event for deal in ("D-1", "D-2") for event in stories.signed_deal(deal)]
    decider = hourly(*signed, frequency(value))
    assert len(decider.commanded()) == 2


def test_a_changed_frequency_or_time_zone_names_another_batch() -> None:
    decider = hourly(*SIGNED, frequency("daily 02:30"))
    assert decider.gates()[0].params["at"] == DAILY.isoformat()
    decider.when(tick(NINE))  # of the former frequency, by a scheduler that had not seen the change
    assert decider.commanded() == []
    decider.when(chosen_at(CHANGED, {"time_zone": "Europe/London"}))
    recorded = decider.view.get(Deal, "D-1").part(WHOLE).unmet
    assert recorded[0].params["at"] == "2026-05-05T01:30:00+00:00"
    assert recorded[0].params["local"] == "2026-05-05 02:30"
    decider.when(frequency("hourly"), tick(NINE))
    assert len(decider.commanded()) == 1


@pytest.mark.parametrize(
    ("since", "local"),
    [
        pytest.param("2026-03-08T08:00Z", "2026-03-08 03:00", id="02:30 is skipped"),
        pytest.param("2026-03-08T10:00Z", "2026-03-09 02:30", id="and has run"),
        pytest.param("2026-11-01T08:00Z", "2026-11-01 02:30", id="01:00 is repeated"),
    ],
)
def test_a_daily_batch_on_days_whose_clocks_change(since: str, local: str) -> None:
    decider = given(*ready(), frequency("daily 02:30", datetime.fromisoformat(since)), *SIGNED)
    assert decider.gates()[0].params["local"] == local


def test_a_schedule_that_begins_to_apply_later_has_missed_nothing() -> None:
    unknown = observed(time_zone=None)
    decider = given(*ready(), unknown, frequency("daily 02:30"), *SIGNED)
    assert decider.stands_at() == "time_zone_not_set"
    later = CHANGED + timedelta(days=3)
    decider.when(chosen_at(later, {"time_zone": "America/Los_Angeles"}))
    assert decider.view.get(WorkspaceState).batches_since == later
    assert decider.gates()[0].params["at"] == (DAILY + timedelta(days=3)).isoformat()


def test_a_connection_that_ends_does_not_lose_the_deal() -> None:
    decider = hourly(*SIGNED, expired(), tick(NINE))
    assert decider.stands_at() == "connection_expired"
    decider.when(*ready()[1:], tick(TEN))
    assert len(decider.commanded()) == 1


def test_a_portion_opens_the_deals_that_waited_when_the_batch_was_due() -> None:
    deals = [event for deal in ("D-1", "D-2") for event in stories.signed_deal(deal)]
    decider = hourly(*deals)
    nine = tick(NINE)
    with patch.object(view, "AT_ONCE", 1):
        decider.when(nine)
    assert decider.commanded() == []
    # Between the tick and their portion, an event of theirs neither sends them nor makes them wait for longer.
    decider.when(stories.deal("D-2", revision=3, stage="closed_won", name="Another name"))
    assert [gate.params["at"] for gate in decider.gates("D-2")] == [NINE.isoformat()]
    decider.when(*stories.signed_deal("D-3"))
    waiting = decider.view.waiting(catalog.SYNC_CLOCK)
    assert waiting == ["deal/D-1", "deal/D-2", "deal/D-3"]
    decision = reconsider(decider.view, nine, catalog.SYNC_CLOCK, waiting)
    assert [command.key.subject for command in decision.commands] == ["deal/D-1", "deal/D-2"]
    assert decider.stands_at("D-3") == BATCH_NOT_DUE
    decider.when(tick(TEN))
    assert [command.key.subject for command in decider.commanded()] == ["deal/D-3"]
