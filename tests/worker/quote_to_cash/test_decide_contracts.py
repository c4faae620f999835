"""The contract and the quote of an invoice: with two signed contracts, edits around the signature, in any order."""

import itertools
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from events.contract import catalog
from tests import stories
from tests.worker.quote_to_cash.given import Decider, chosen, given, ordered, ready

CHANGED = {**stories.QUOTE, "lines": [{**stories.LINE, "quantity": "24"}], "total": "1199.88"}
SHOWN = stories.deal(time="2026-05-01T00:00:00Z")
SHOWN_AGAIN = stories.deal(revision=2, time="2026-05-03T12:00:00Z", quote=CHANGED)


def contract(status: str, contract_id: str, day: int, deal_id: str = "D-1") -> dict[str, Any]:
    return stories.contract(status, deal_id, contract_id, at=f"2026-05-{day:02}T18:00:00Z")


# The contract that was signed later has the earlier name.
TWO_SIGNED = [
    SHOWN,
    contract("sent", "C-9", 1),
    contract("signed", "C-9", 2),
    SHOWN_AGAIN,
    contract("sent", "C-1", 3),
    contract("signed", "C-1", 4),
]


def net_of(decider: Decider) -> list[str]:
    return [str(fact.net) for fact in decider.facts(catalog.INVOICE_COMMANDED)]


@pytest.mark.parametrize("seed", range(40))
def test_of_two_signed_contracts_the_later_one_holds_in_any_order_of_arrival(seed: int) -> None:
    shuffled = TWO_SIGNED.copy()
    Random(seed).shuffle(shuffled)
    decider = given(*ready(auto_invoice="false"), *shuffled)
    assert decider.stands_at() == "auto_invoice_off"
    assert net_of(decider.when(chosen(auto_invoice="true"))) == ["1199.88"]


def test_of_two_contracts_signed_at_once_the_same_one_always_holds() -> None:
    signed = [contract("signed", name, 4) for name in ("C-1", "C-9")]
    sent = [contract("sent", "C-9", 3), contract("sent", "C-1", 1)]
    found = set()
    for order in itertools.permutations(signed):
        decider = given(*ready(auto_invoice="false"), SHOWN, SHOWN_AGAIN, *sent, *order)
        found.add(tuple(net_of(decider.when(chosen(auto_invoice="true")))))
    assert found == {("1199.88",)}


def test_a_second_contract_after_the_invoice_makes_none() -> None:
    decider = given(*ready(), *TWO_SIGNED)
    assert net_of(decider) == ["599.94"]


def test_the_later_contract_is_the_one_that_won_once_and_for_all() -> None:
    decider = given(*ready(auto_invoice="false"), *TWO_SIGNED)
    [won] = decider.facts(catalog.DEAL_CLOSED_WON)
    assert won.contract_id == "C-9", "the CRM is told once, when it is known"


@pytest.mark.parametrize("late", ["sent", "delivered", "declined", "voided"])
def test_a_signed_contract_stays_signed_despite_late_messages(late: str) -> None:
    decider = given(
        *ready(auto_invoice="false"), SHOWN, contract("sent", "C-1", 1), contract("signed", "C-1", 2)
    )
    decider.when(contract(late, "C-1", 9))
    assert decider.stands_at() == "auto_invoice_off"


@pytest.mark.parametrize("end", ["declined", "voided"])
def test_an_old_contract_that_ends_never_touches_a_newer_one(end: str) -> None:
    newer = [contract("sent", "C-2", 2), contract("signed", "C-2", 3)]
    decider = given(*ready(), SHOWN, contract("sent", "C-1", 1), *newer, contract(end, "C-1", 4))
    assert net_of(decider) == ["599.94"]


@pytest.mark.parametrize("end", ["declined", "voided"])
@pytest.mark.parametrize("swapped", [False, True])
def test_an_ended_contract_stays_ended_despite_late_messages(end: str, *, swapped: bool) -> None:
    events = [contract("delivered", "C-1", 2), contract(end, "C-1", 3)]
    decider = given(*ready(), SHOWN, contract("sent", "C-1", 1), *(reversed(events) if swapped else events))
    assert decider.stands_at() == f"contract_{end}"


@pytest.mark.parametrize("order", [*itertools.permutations(("declined", "voided"))])
def test_of_two_ends_the_later_one_is_told_whichever_comes_first(order: tuple[str, ...]) -> None:
    days = {"declined": 3, "voided": 4}
    ends = [contract(end, "C-1", days[end]) for end in order]
    decider = given(*ready(), SHOWN, contract("sent", "C-1", 1), *ends)
    assert decider.stands_at() == "contract_voided"


def test_a_newer_contract_that_is_out_is_the_one_to_be_signed() -> None:
    decider = given(*ready(), SHOWN, contract("sent", "C-1", 1), contract("voided", "C-1", 2))
    assert decider.stands_at() == "contract_voided"
    assert decider.when(contract("sent", "C-2", 3)).stands_at() == "contract_not_signed"


EDITS: dict[str, dict[str, Any]] = {
    "quantity": {"quote": CHANGED},
    "price": {
        "quote": {**stories.QUOTE, "lines": [{**stories.LINE, "unit_price": "49.99"}], "total": "599.88"}
    },
    "total": {"quote": {**stories.QUOTE, "total": "599.95"}},
    "tax mode": {"quote": {**stories.QUOTE, "tax_mode": "none"}},
    "taxable": {"quote": {**stories.QUOTE, "lines": [{**stories.LINE, "taxable": False}]}},
    "tax code": {"quote": {**stories.QUOTE, "lines": [{**stories.LINE, "tax_code": "standard"}]}},
    "description": {"quote": {**stories.QUOTE, "lines": [{**stories.LINE, "description": "Other"}]}},
    "discount": {"quote": {**stories.QUOTE, "discount": {"amount": "1.00"}, "total": "598.94"}},
    "shipping": {"quote": {**stories.QUOTE, "shipping": "1.00", "total": "600.94"}},
    "product": {"quote": {**stories.QUOTE, "lines": [{**stories.LINE, "product_id": "P-2"}]}},
    "currency": {"currency": "EUR"},
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("after", ["the signature", "the sending"])
def test_a_quote_changed_after_the_sending_is_not_the_signed_one(edit: str, after: str) -> None:
    time = {"the signature": "2026-05-03T00:00:00Z", "the sending": "2026-05-01T22:00:00Z"}[after]
    edited = stories.deal(revision=2, time=time, **EDITS[edit])
    signed = [contract("sent", "C-1", 1), contract("signed", "C-1", 2)]
    for happened in ([SHOWN, *signed, edited], [SHOWN, edited, *signed], [edited, SHOWN, *signed]):
        decider = given(*ready(auto_invoice="false"), *happened, chosen(auto_invoice="true"))
        assert "quote_differs_from_signed" in [gate.code for gate in decider.gates()], happened
        assert decider.commanded() == []


def test_names_and_revisions_may_change_without_a_new_signature() -> None:
    renamed = {**stories.QUOTE, "quote_id": "Q-2", "revision": 7}
    edited = stories.deal(revision=2, time="2026-05-03T00:00:00Z", name="Renamed", owner="kim", quote=renamed)
    signed = [contract("sent", "C-1", 1), contract("signed", "C-1", 2)]
    decider = given(*ready(auto_invoice="false"), SHOWN, *signed, edited, chosen(auto_invoice="true"))
    assert net_of(decider) == ["599.94"]


def test_restoring_the_signed_quote_opens_the_gate_and_nothing_else_does() -> None:
    edited = stories.deal(revision=2, time="2026-05-03T00:00:00Z", quote=CHANGED)
    signed = [contract("sent", "C-1", 1), contract("signed", "C-1", 2)]
    decider = given(*ready(auto_invoice="false"), SHOWN, *signed, edited, chosen(auto_invoice="true"))
    assert decider.when(ordered()).commanded() == [], "what was not signed is invoiced by no order"
    decider.when(stories.deal(revision=3, time="2026-05-04T00:00:00Z"))
    assert net_of(decider) == ["599.94"]


LOST = stories.deal(revision=2, stage="closed_lost", time="2026-05-03T00:00:00Z")
SIGNED = [contract("sent", "C-1", 1), contract("signed", "C-1", 2)]


@pytest.mark.parametrize("order", [*itertools.permutations([SHOWN, LOST])])
def test_a_lost_deal_is_not_invoiced_though_its_contract_is_signed(order: tuple[dict[str, Any], ...]) -> None:
    decider = given(*ready(), *order, *SIGNED)
    assert (decider.stands_at(), decider.commanded(), decider.facts(catalog.DEAL_CLOSED_WON)) == (
        "deal_closed_lost",
        [],
        [],
    )


def test_a_deal_that_is_reopened_after_it_was_won_waits() -> None:
    won, reopened = stories.deal(stage="closed_won", quote=None), stories.deal(revision=2)
    decider = given(*ready(), won, reopened)
    assert (decider.stands_at(), decider.commanded()) == ("deal_reopened", [])
    decider.when(stories.deal(revision=3, stage="closed_won"))
    assert net_of(decider) == ["599.94"]


def test_a_snapshot_that_is_older_than_the_winning_reopens_nothing() -> None:
    won, older = stories.deal(revision=3, stage="closed_won", quote=None), stories.deal(revision=2)
    decider = given(*ready(), won, older)
    assert decider.stands_at() == "quote_missing"


@pytest.mark.parametrize("required", ["true", "false"])
def test_whether_the_crms_word_is_enough_is_a_setting(required: str) -> None:
    won = stories.deal(stage="closed_won")
    decider = given(*ready(invoice_requires_signature=required), won)
    assert net_of(decider) == ([] if required == "true" else ["599.94"])
    assert net_of(decider.when(*SIGNED)) == ["599.94"]


def test_the_crms_word_is_enough_once_the_setting_says_so() -> None:
    decider = given(*ready(invoice_requires_signature="true"), stories.deal(stage="closed_won"))
    assert decider.stands_at() == "contract_not_signed"
    assert net_of(decider.when(chosen(invoice_requires_signature="false"))) == ["599.94"]


@pytest.mark.parametrize("status", ["sent", "delivered", "declined", "voided"])
def test_only_a_signature_wins_a_deal(status: str) -> None:
    decider = given(*ready(), SHOWN, contract(status, "C-1", 1))
    assert (decider.commanded(), decider.facts(catalog.DEAL_CLOSED_WON)) == ([], [])


def minute(minutes: float) -> str:
    return (datetime(2026, 5, 2, 12, tzinfo=UTC) + timedelta(minutes=minutes)).isoformat()


def second_contract(*shown: dict[str, Any]) -> Decider:
    """A first contract is sent and declined; a second one is sent at minute 0 and signed."""
    first = [
        stories.contract(s, contract_id="C-1", at=minute(t)) for s, t in (("sent", -30), ("declined", -10))
    ]
    second = [stories.contract(s, contract_id="C-2", at=minute(t)) for s, t in (("sent", 0), ("signed", 60))]
    return given(*ready(), stories.deal(time=minute(-31)), *first, second[0], *shown, second[1])


@pytest.mark.parametrize(
    ("minutes", "stage", "net"),
    [
        (-5, "contract_sent", "1199.88"),
        (0, "contract_sent", "1199.88"),
        (0.5, "contract_sent", "1199.88"),
        (1, "contract_sent", "1199.88"),
        (1.5, "contract_sent", None),
        (10, "contract_sent", None),
        (0.5, "quote_draft", None),
    ],
)
def test_a_second_contract_signs_the_quote_that_the_crm_had_as_it_was_sent(
    minutes: float, stage: str, net: str | None
) -> None:
    decider = second_contract(stories.deal(revision=2, time=minute(minutes), stage=stage, quote=CHANGED))
    assert net_of(decider) == ([net] if net else [])
    assert decider.stands_at() == ("in_progress" if net else "quote_differs_from_signed")


def test_a_second_contract_of_the_same_quote_waits_for_nothing() -> None:
    assert net_of(second_contract()) == ["599.94"]


def test_a_draft_was_not_signed_yet() -> None:
    draft = stories.deal(stage="quote_draft", quote=CHANGED, time="2026-04-30T00:00:00Z")
    decider = given(*ready(), draft, *SIGNED)
    assert (decider.stands_at(), decider.commanded()) == ("quote_missing", [])
    assert net_of(decider.when(stories.deal(revision=2, time="2026-05-01T18:00:01Z"))) == ["599.94"]


def test_a_drafts_quote_is_invoiced_if_a_person_says_so() -> None:
    draft = stories.deal(stage="quote_draft", quote=CHANGED, time="2026-04-30T00:00:00Z")
    assert net_of(given(*ready(), draft, *SIGNED, ordered())) == ["1199.88"]
