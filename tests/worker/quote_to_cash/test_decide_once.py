"""Exactly one: an invoice is commanded once, a rejection waits for a person, and each order counts once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from msgspec.structs import replace

from events.contract import catalog
from events.contract.envelope import Event
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    Decider,
    chosen,
    connected,
    customer_asked,
    customer_created,
    disconnected,
    expired,
    given,
    invoice_created,
    item_asked,
    item_created,
    mapped,
    mapped_product,
    observed,
    ordered,
    ready,
    rejected,
    uncertain,
)
from worker.commands.table import NewCommand

SIGNED = stories.signed_deal()
Outcome = Callable[[NewCommand], Event]


def commanded() -> Decider:
    return given(*ready(), *SIGNED)


def generations(decider: Decider, kind: str = "create_invoice") -> list[int]:
    return [command.key.generation for command in decider.commanded(kind)]


ANYTHING: dict[str, list[Event | dict[str, Any]]] = {
    "an edit": [stories.deal(revision=2, name="Renamed")],
    "a closing": [stories.deal(revision=2, stage="closed_won")],
    "another contract": [stories.contract("signed", contract_id="C-2", at="2026-05-04T00:00:00Z")],
    "a setting": [chosen(memo="Thanks"), chosen(auto_invoice="false"), chosen(auto_invoice="true")],
    "a pause": [chosen(paused="true"), chosen(paused="false")],
    "a mapping": [mapped("A-1", "8"), mapped_product("P-1", "6")],
    "an account": [stories.account()],
    "a reading": [observed(company_name="Other")],
    "an order": [ordered(), ordered()],
    "a new connection": [expired(), connected()],
    "a disconnect": [disconnected(), connected()],
    "no answer": [],
}


@pytest.mark.parametrize("what", ANYTHING)
def test_while_an_invoice_is_being_made_nothing_asks_for_another(what: str) -> None:
    decider = commanded()
    [command] = decider.commanded()
    assert generations(decider.when(*ANYTHING[what])) == [1]
    assert generations(decider.when(uncertain(command), *ANYTHING[what])) == [1]
    assert decider.stands_at() == "outcome_uncertain"


@pytest.mark.parametrize("what", ANYTHING)
def test_an_invoice_that_is_made_is_made_for_good(what: str) -> None:
    decider = commanded()
    [command] = decider.commanded()
    decider.when(invoice_created(command), *ANYTHING[what], uncertain(command), *ANYTHING[what])
    assert generations(decider) == [1]
    assert decider.facts(catalog.DEAL_INVOICED)[0].invoice_id == "130"


def test_an_invoice_that_was_found_after_all_is_made_for_good() -> None:
    decider = commanded()
    [command] = decider.commanded()
    decider.when(uncertain(command), invoice_created(command, adopted=True), ordered())
    assert generations(decider) == [1]


@pytest.mark.parametrize("what", [name for name in ANYTHING if name != "an order"])
def test_an_invoice_that_quickbooks_refused_is_tried_again_only_by_a_person(what: str) -> None:
    decider = commanded()
    [command] = decider.commanded()
    decider.when(rejected(command, "period_closed"), *ANYTHING[what])
    assert (generations(decider), decider.stands_at()) == ([1], "period_closed")


def test_each_order_after_a_refusal_is_one_more_generation_and_no_more() -> None:
    decider = commanded()
    for number in (1, 2, 3):
        assert generations(decider) == list(range(1, number + 1))
        decider.when(rejected(decider.commanded()[-1]), ordered(), ordered())
    requests = [command.request_id for command in decider.commanded()]
    assert len(set(requests)) == len(requests) == 4
    marks = [body["PrivateNote"].rpartition(" ")[2] for body in decider.bodies()]
    assert marks == [f"[q2c:{request}]" for request in requests]


def test_an_order_from_before_the_refusal_is_answered_by_it() -> None:
    decider = commanded()
    decider.when(ordered(), rejected(decider.commanded()[0]))
    assert generations(decider) == [1]
    assert generations(decider.when(ordered())) == [1, 2]


def test_an_invoice_that_an_earlier_generation_made_after_all_is_the_deals_invoice() -> None:
    decider = commanded()
    [first] = decider.commanded()
    decider.when(rejected(first), ordered())
    second = decider.commanded()[1]
    decider.when(invoice_created(first), rejected(second), ordered(), ordered())
    assert generations(decider) == [1, 2]
    [told] = decider.facts(catalog.DEAL_INVOICED)
    assert told.invoice_id == "130"


def test_a_refusal_of_an_earlier_generation_says_nothing_of_the_present_one() -> None:
    decider = commanded()
    [first] = decider.commanded()
    decider.when(rejected(first), ordered(), rejected(first, "period_closed"), uncertain(first))
    assert decider.stands_at() == "in_progress"


def test_a_revision_is_decided_once_however_often_it_comes() -> None:
    decider = given(*ready(), *SIGNED, *SIGNED, stories.deal(time="2026-06-01T00:00:00Z"))
    assert generations(decider) == [1]


KEYS = [given(*ready(), customer_asked("A-1"), *stories.signed_deal(deal)) for deal in ("D-1", "D-2")]


def test_every_command_has_a_request_id_of_its_own() -> None:
    keys = {
        (command.key.workspace, command.realm, command.key): command.request_id
        for command in chain.from_iterable(decider.commands for decider in KEYS)
    }
    assert len(set(keys.values())) == len(keys)


WISHED: dict[str, tuple[Callable[[], Event], Outcome]] = {
    "customer": (customer_asked, customer_created),
    "item": (item_asked, item_created),
}


@pytest.fixture(params=WISHED)
def wish(request: pytest.FixtureRequest) -> "Wish":
    return Wish(request.param)


class Wish:
    """A requested customer or item, in a company that was read."""

    def __init__(self, kind: str) -> None:
        self.kind = f"create_{kind}"
        self.ask, self.created = WISHED[kind]
        self.decider = given(
            chosen(income_account="Services"), connected(), observed(), stories.account(), stories.deal()
        )

    def generations(self) -> list[int]:
        return generations(self.decider, self.kind)

    @property
    def command(self) -> NewCommand:
        return self.decider.commanded(self.kind)[-1]


def test_an_object_that_is_requested_twice_is_commanded_once(wish: Wish) -> None:
    wish.decider.when(wish.ask(), wish.ask())
    assert wish.generations() == [1]
    wish.decider.when(wish.created(wish.command), wish.ask(), wish.ask())
    assert wish.generations() == [1]


def test_an_object_without_a_request_is_not_commanded(wish: Wish) -> None:
    wish.decider.when(*SIGNED, stories.account(revision=2), chosen(memo="-"))
    assert wish.generations() == []


def test_a_refused_object_is_commanded_again_only_after_another_request(wish: Wish) -> None:
    wish.decider.when(wish.ask())
    wish.decider.when(rejected(wish.command))
    wish.decider.when(stories.account(revision=2), *SIGNED, observed(company_name="Other"))
    assert wish.generations() == [1]
    wish.decider.when(wish.ask(), wish.ask())
    assert wish.generations() == [1, 2]


def test_while_an_outcome_is_uncertain_no_second_object_is_commanded(wish: Wish) -> None:
    wish.decider.when(wish.ask())
    wish.decider.when(uncertain(wish.command), wish.ask(), observed(company_name="Other"))
    assert wish.generations() == [1]


def test_an_object_of_one_company_has_to_be_requested_again_in_another(wish: Wish) -> None:
    wish.decider.when(wish.ask())
    wish.decider.when(wish.created(wish.command))
    wish.decider.when(connected(OTHER_REALM), observed(realm=OTHER_REALM))
    assert wish.generations() == [1], "nobody asked for it there"
    wish.decider.when(wish.ask())
    assert (wish.generations(), wish.command.realm) == ([1, 2], OTHER_REALM)


def test_a_late_answer_of_another_company_answers_no_request_for_this_one(wish: Wish) -> None:
    wish.decider.when(wish.ask())
    first = wish.command
    wish.decider.when(connected(OTHER_REALM), observed(realm=OTHER_REALM), wish.ask())
    wish.decider.when(wish.created(first), wish.ask())
    assert wish.generations() == [1, 2]
    wish.decider.when(rejected(wish.command), wish.ask())
    assert wish.generations() == [1, 2, 3]


def test_a_company_is_read_once_for_each_time_that_it_is_connected() -> None:
    decider = given(connected(), observed(), stories.account(), *SIGNED)
    assert generations(decider, "read_company") == [1]
    decider.when(expired(), connected())
    assert generations(decider, "read_company") == [1, 2]
    decider.when(chosen(terms="Net 30"), chosen(memo="-"))
    assert generations(decider, "read_company") == [1, 2, 3]


def test_an_invoice_may_have_been_sent_since_the_deal_was_won_and_not_since_we_heard_of_it() -> None:
    (signed,) = commanded().commanded()
    assert signed.since == datetime(2026, 5, 3, tzinfo=UTC)
    won = stories.deal(revision=2, stage="closed_won", closed_at="2026-05-02T00:00:00Z")
    (told,) = given(*ready(), won).commanded()
    assert told.since == datetime(2026, 5, 2, tzinfo=UTC)
    # The CRM may send it again after a restore, without a date.
    (untold,) = given(*ready(), stories.deal(revision=2, stage="closed_won")).commanded()
    assert untold.since is not None
    assert untold.since < datetime(2025, 6, 1, tzinfo=UTC)


def test_a_deal_won_later_than_the_cause_of_its_invoice_may_have_been_invoiced_long_ago() -> None:
    """By our clock, hours behind DocuSign's, a request from before a restore seems to be commanded only now."""
    decider = given(*ready(auto_invoice="false"), *stories.signed_deal())
    won = datetime(2026, 5, 3, tzinfo=UTC)
    switched_on = chosen(auto_invoice="true", cut_over="2026-01-01T00:00:00Z")
    (behind,) = decider.when(replace(switched_on, time=won - timedelta(hours=2))).commanded()
    assert behind.since is not None
    assert behind.since < won - timedelta(days=300)
    ready_again = given(*ready(auto_invoice="false"), *stories.signed_deal())
    (apart,) = ready_again.when(replace(switched_on, time=won - timedelta(minutes=4))).commanded()
    assert apart.since == won, "two clocks may be so far apart"
