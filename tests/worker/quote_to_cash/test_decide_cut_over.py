"""A deal won before the cut-over is never invoiced automatically, even if some of its winning events are after it."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import stories
from tests.worker.quote_to_cash.given import (
    Decider,
    chosen,
    chosen_at,
    connected,
    given,
    observed,
    ordered,
    ready,
    referred,
)

CUT_OVER = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE, AFTER = "2026-02-27T00:00:00Z", "2026-03-02T00:00:00Z"
JUST_BEFORE = (CUT_OVER - timedelta(microseconds=1)).isoformat()
HELD = "won_before_cut_over"


def straddled(*happened: Any) -> Decider:
    return given(*ready(cut_over=CUT_OVER.isoformat()), *happened)


def closed(revision: int = 1, time: str = AFTER, **fields: Any) -> dict[str, Any]:
    return stories.deal(revision=revision, stage="closed_won", time=time, **fields)


def signed(at: str, contract_id: str = "C-1") -> list[dict[str, Any]]:
    return [stories.contract(status, contract_id=contract_id, at=at) for status in ("sent", "signed")]


OPEN = stories.deal(time="2026-02-01T00:00:00Z")
WON: list[tuple[str, list[dict[str, Any]], str | None]] = [
    ("signed before", [OPEN, *signed(BEFORE)], HELD),
    ("signed after", [OPEN, *signed(AFTER)], None),
    ("signed on the instant", [OPEN, *signed(CUT_OVER.isoformat())], None),
    ("signed just before", [OPEN, *signed(JUST_BEFORE)], HELD),
    ("closed before", [closed(closed_at=BEFORE)], HELD),
    ("closed after", [closed(closed_at=AFTER)], None),
    ("closed just before", [closed(closed_at=JUST_BEFORE)], HELD),
    ("nobody says when it was closed", [closed(time=BEFORE)], HELD),
    ("nobody says when, and it is said after", [closed(time=AFTER)], None),
    ("closed after, and said before", [closed(time=BEFORE, closed_at=AFTER)], None),
    ("closed before and signed after", [closed(closed_at=BEFORE), *signed(AFTER)], HELD),
    ("signed before and closed after", [*signed(BEFORE), closed(closed_at=AFTER)], HELD),
    ("closed and signed after", [closed(closed_at=AFTER), *signed(AFTER)], None),
    ("signed before, and another one after", [OPEN, *signed(BEFORE), *signed(AFTER, "C-2")], HELD),
]


def orders(happened: list[dict[str, Any]]) -> list[tuple[dict[str, Any], ...]]:
    """Return the orders in which the winning events arrive as they happened."""
    winning = [event for event in happened if is_winning(event)]
    permuted = itertools.islice(itertools.permutations(happened), 120)
    return [order for order in permuted if [event for event in order if is_winning(event)] == winning]


def is_winning(event: dict[str, Any]) -> bool:
    kind, stage = str(event["type"]), event["data"].get("stage")
    return kind.endswith("contract.signed.v1") or stage == "closed_won"


@pytest.mark.parametrize(("happened", "gate"), [case[1:] for case in WON], ids=[case[0] for case in WON])
def test_the_earliest_instant_of_winning_counts(happened: list[dict[str, Any]], gate: str | None) -> None:
    for order in orders(happened):
        decider = straddled(*order)
        first = None if gate is None else decider.stands_at()
        assert (first, len(decider.commanded())) == (gate, gate is None)


@pytest.mark.parametrize("happened", [case[1] for case in WON if case[2]], ids=[c[0] for c in WON if c[2]])
def test_a_person_may_invoice_a_deal_from_before_the_cut_over_once(happened: list[dict[str, Any]]) -> None:
    decider = straddled(*happened, ordered(), ordered())
    assert len(decider.commanded()) == 1


EDITED = closed(2, closed_at=BEFORE, name="Renamed")


@pytest.mark.parametrize("order", [*itertools.permutations([closed(closed_at=BEFORE), EDITED])])
def test_an_edit_does_not_win_an_old_deal_anew(order: tuple[dict[str, Any], ...]) -> None:
    assert straddled(*order).stands_at() == HELD


def test_an_edit_that_does_not_say_when_it_was_closed_changes_nothing() -> None:
    decider = straddled(closed(closed_at=BEFORE), closed(2, name="Renamed"), closed(3, closed_at=AFTER))
    assert decider.stands_at() == HELD


def test_an_old_deal_that_is_reopened_and_closed_again_is_an_old_deal() -> None:
    reopened = stories.deal(revision=2, time=AFTER)
    decider = straddled(closed(closed_at=BEFORE), reopened, closed(3, closed_at=AFTER))
    assert decider.stands_at() == HELD


def day(number: int) -> datetime:
    return CUT_OVER + timedelta(days=number)


def switched(number: int, *, on: bool) -> Any:
    return chosen_at(day(number), {"auto_invoice": "true" if on else "false"})


def won_on(number: int, deal_id: str = "D-1") -> list[dict[str, Any]]:
    sent, got = (
        stories.contract(s, deal_id, f"C-{deal_id}", at=day(number).isoformat()) for s in ("sent", "signed")
    )
    return [stories.deal(deal_id, time=day(-9).isoformat()), sent, got]


SET_UP = [connected(), observed(), *referred()]


def test_by_default_the_cut_over_is_when_automatic_invoicing_was_first_switched_on() -> None:
    decider = given(*SET_UP, *won_on(0, "D-0"), switched(1, on=True), *won_on(2, "D-2"))
    assert decider.stands_at("D-0") == HELD
    assert [command.key.subject for command in decider.commanded()] == ["deal/D-2"]


def test_a_deal_won_while_invoicing_is_off_says_so_and_is_invoiced_when_it_is_on_again() -> None:
    decider = given(*SET_UP, switched(1, on=True), switched(2, on=False), *won_on(3), *won_on(0, "D-0"))
    assert [decider.stands_at(deal) for deal in ("D-1", "D-0")] == ["auto_invoice_off"] * 2
    decider.when(switched(4, on=True))
    assert [command.key.subject for command in decider.commanded()] == ["deal/D-1"]
    assert decider.stands_at("D-0") == HELD


def test_switching_on_again_moves_no_cut_over() -> None:
    decider = given(*SET_UP, switched(1, on=True), switched(4, on=True), *won_on(3))
    assert len(decider.commanded()) == 1


def test_a_moved_cut_over_holds_for_waiting_deals() -> None:
    decider = given(*SET_UP, switched(1, on=True), *won_on(0))
    decider.when(chosen(cut_over=day(-1).isoformat()))
    assert len(decider.commanded()) == 1


def test_a_cut_over_that_is_taken_back_is_the_first_switching_on_again() -> None:
    decider = given(*SET_UP, switched(1, on=True), chosen(cut_over=day(-5).isoformat()), chosen(cut_over=""))
    assert decider.when(*won_on(0)).stands_at() == HELD
    assert len(decider.when(*won_on(1, "D-2")).commanded()) == 1


def test_without_automatic_invoicing_nothing_is_invoiced_but_by_hand() -> None:
    decider = given(*SET_UP, *won_on(0))
    assert decider.stands_at() == "auto_invoice_off"
    assert len(decider.when(ordered()).commanded()) == 1
