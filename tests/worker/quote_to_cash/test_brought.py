"""A customer that the CRM's snapshot of an account brings: the account is linked to it, unless a person has decided."""

from typing import Any

import pytest

from events.contract import catalog
from events.contract.reviewing import BROUGHT_REFUSED, MAPPING_BROUGHT
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    REALM,
    Decider,
    chosen,
    connected,
    customer_asked,
    customer_created,
    customer_seen,
    given,
    ignored,
    mapped,
    mapped_product,
    observed,
    ready,
    rejected,
    rejected_pair,
    suggested,
    unignored,
)

READY: list[Any] = [*ready()[:3], mapped_product()]
DEAL = stories.signed_deal()


def account(
    customer: str | None = "58", revision: int = 2, account_id: str = "A-1", realm: str = REALM
) -> dict[str, Any]:
    """Return a snapshot of an account that brings a customer, or none."""
    brought = {"customer": {"realm": realm, "customer_id": customer}} if customer else {}
    return stories.account(account_id, revision=revision, **brought)


def brought(decider: Decider) -> list[tuple[str, str]]:
    return [(each.account_id, each.customer_id) for each in decider.facts(MAPPING_BROUGHT)]


def refused(decider: Decider) -> list[tuple[str, str, str | None]]:
    return [(each.customer_id, each.reason, each.holder) for each in decider.facts(BROUGHT_REFUSED)]


def told(decider: Decider) -> list[str]:
    return [each.customer_id for each in decider.facts(catalog.CUSTOMER_LINKED)]


def invoiced_to(decider: Decider) -> list[str]:
    return [body["CustomerRef"]["value"] for body in decider.bodies()]


def test_an_account_is_linked_without_a_review_and_the_crm_is_told_once() -> None:
    decider = given(*READY, stories.account(), *DEAL, suggested(customer="59"))
    assert decider.stands_at() == "mapping_in_review"
    decider.when(account(), account(revision=3), account(None, revision=4))
    assert (brought(decider), told(decider), invoiced_to(decider)) == ([("A-1", "58")], ["58"], ["58"])


def test_a_snapshot_without_the_customer_undoes_nothing_and_another_customer_replaces_it() -> None:
    decider = given(*READY, account(), account(None, revision=3), account("59", revision=4), *DEAL)
    assert (brought(decider), told(decider)) == ([("A-1", "58"), ("A-1", "59")], ["58", "59"])
    assert invoiced_to(decider) == ["59"]
    assert brought(given(*READY, account(revision=5), account("59", revision=4))) == [("A-1", "58")]


def test_the_crm_s_word_replaces_a_link_that_the_worker_made_by_itself() -> None:
    sure: list[Any] = [chosen(auto_link="80"), stories.account(), suggested(verdict="link")]
    assert told(given(*READY, *sure, account())) == ["58"], "an echo says nothing new"
    decider = given(*READY, *sure, account("59"), *DEAL)
    assert (told(decider), invoiced_to(decider)) == (["58", "59"], ["59"])


@pytest.mark.parametrize("first", ["the mapping", "the snapshot"])
def test_a_person_s_mapping_stays_whenever_it_was_made(first: str) -> None:
    events = [mapped(customer="7"), account()]
    decider = given(*READY, *(events if first == "the mapping" else reversed(events)), *DEAL)
    assert invoiced_to(decider) == ["7"]
    assert refused(decider) == ([("58", "account_mapped", "7")] if first == "the mapping" else [])
    decider.when(account(revision=3), account("7", revision=4), account(revision=5))
    assert refused(decider) == [("58", "account_mapped", "7")], "said once"


def test_a_rejected_pair_stays_rejected_and_a_rejection_undoes_the_link() -> None:
    decider = given(*READY, rejected_pair(), account())
    assert (brought(decider), refused(decider)) == ([], [("58", "pair_rejected", None)])
    decider = given(*READY, account(), rejected_pair(), *DEAL)
    assert (decider.stands_at(), refused(decider)) == ("account_not_mapped", [])
    assert refused(decider.when(account(revision=3))) == [("58", "pair_rejected", None)]


def test_an_ignored_account_is_linked_once_it_is_no_longer_ignored() -> None:
    decider = given(*READY, stories.account(), ignored(), account())
    assert (brought(decider), refused(decider)) == ([], [("58", "account_ignored", None)])
    assert brought(decider.when(unignored())) == [("A-1", "58")]


@pytest.mark.parametrize("holder", ["by a person", "by the CRM", "by itself", "by its creation"])
def test_a_customer_of_another_account_is_refused_with_the_holder_s_name(holder: str) -> None:
    decider = given(*READY, stories.account("A-2"), chosen(auto_link="80"))
    match holder:
        case "by a person":
            decider.when(mapped("A-2", "58"))
        case "by the CRM":
            decider.when(account(account_id="A-2"))
        case "by itself":
            decider.when(suggested("A-2", verdict="link"))
        case _:
            decider.when(customer_asked("A-2"))
            decider.when(customer_created(decider.commanded("create_customer")[-1], "58"))
    decider.when(*DEAL, account())
    assert refused(decider) == [("58", "customer_taken", "A-2")]
    gate = decider.gates()[0]
    assert (gate.code, gate.case) == ("account_not_mapped", "customer_of_another_account")
    assert gate.params["holder"] == "Acme A-2 (A-2)"
    decider.when(suggested(customer="59", verdict="link"))
    assert decider.stands_at() == "mapping_in_review", "the CRM and the matcher disagree: a person decides"
    assert invoiced_to(decider.when(mapped(customer="60"))) == ["60"]


def test_a_customer_that_its_holder_gives_up_is_linked_with_the_next_snapshot() -> None:
    decider = given(*READY, mapped("A-2", "58"), account(), mapped("A-2", "59"), account(revision=3))
    assert brought(decider) == [("A-1", "58")]


def test_the_customer_of_another_company_is_linked_once_that_company_is_connected() -> None:
    decider = given(*READY, account(realm=OTHER_REALM), *DEAL)
    assert (brought(decider), decider.stands_at()) == ([], "account_not_mapped")
    decider.when(account("59", revision=3), connected(OTHER_REALM))
    assert [(each.realm, each.customer_id) for each in decider.facts(MAPPING_BROUGHT)] == [
        (REALM, "59"),
        (OTHER_REALM, "58"),
    ]
    early = given(account(), *READY, *DEAL)
    assert (brought(early), invoiced_to(early)) == ([("A-1", "58")], ["58"])


def test_while_a_customer_is_being_created_nothing_is_decided() -> None:
    decider = given(*READY, stories.account(), customer_asked(), account())
    (command,) = decider.commanded("create_customer")
    assert (brought(decider), refused(decider)) == ([], [])
    created = given(*READY, stories.account(), customer_asked(), account(), customer_created(command, "60"))
    assert (brought(created), refused(created)) == ([], [("58", "account_mapped", "60")])
    decider.when(rejected(command), *DEAL)
    assert (brought(decider), invoiced_to(decider)) == ([("A-1", "58")], ["58"])


@pytest.mark.parametrize(
    ("seen", "gate"), [({"exists": False}, "account_not_mapped"), ({"active": False}, "customer_inactive")]
)
def test_an_unusable_customer_holds_the_deal(seen: dict[str, Any], gate: str) -> None:
    decider = Decider()
    decider.reads = False
    decider.when(*READY, account(), *DEAL, customer_seen("58", **seen))
    assert (decider.stands_at(), brought(decider)) == (gate, [("A-1", "58")])


def test_a_deal_that_waited_for_the_connection_is_invoiced() -> None:
    decider = given(READY[0], mapped_product(realm=REALM), account(), *DEAL, connected(), observed())
    assert invoiced_to(decider) == ["58"]
