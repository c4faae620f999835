"""Customers that belong to no account are offered to the CRM, each once; meanwhile an account like one waits for a review."""

from typing import Any

import pytest
from msgspec.structs import replace

from events.contract import catalog
from events.contract.crm import Address
from events.contract.envelope import Event
from events.contract.reviewing import MAPPING_BROUGHT, MAPPING_LINKED
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER, OFFERING_CHANGED
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
    customer_unmatched,
    disconnected,
    fact,
    given,
    ignored,
    mapped,
    mapped_product,
    observed,
    ready,
    suggested,
)

DEAL = stories.signed_deal()
SURE = suggested(verdict="link")  # of the customer 58, with a score of 87.5
BROUGHT = stories.account(revision=2, customer={"realm": REALM, "customer_id": "58"})


def offering(sync: str = "both", **settings: str) -> list[Any]:
    """Everything that a signed deal needs to be invoiced, except a customer, while customers are offered."""
    more = {"unmapped_customer": "create_in_crm", "customer_sync": sync} | settings
    return [*ready(**more)[:3], mapped_product()]


def offers(decider: Decider) -> list[str]:
    return [each.customer_id for each in decider.facts(ACCOUNT_CREATED_FROM_CUSTOMER)]


def switched(decider: Decider) -> list[tuple[str, bool, int]]:
    return [(each.realm, each.offered, each.number) for each in decider.facts(OFFERING_CHANGED)]


def case(decider: Decider) -> tuple[str, str | None]:
    gate = decider.gates()[0]
    return gate.code, gate.case


@pytest.mark.parametrize(("rule", "sync"), [("ignore", "both"), ("create_in_crm", "to_quickbooks")])
def test_nothing_is_offered_unless_both_settings_say_so(rule: str, sync: str) -> None:
    decider = given(*offering(sync, unmapped_customer=rule), customer_unmatched())
    assert (offers(decider), switched(decider)) == ([], [])


def test_a_customer_is_offered_once_with_its_data() -> None:
    address = Address(line1="1 Main St", city="Austin")
    decider = given(*offering(), customer_unmatched(phone="555 0100", billing_address=address))
    (offer,) = decider.facts(ACCOUNT_CREATED_FROM_CUSTOMER)
    assert (offer.realm, offer.customer_id, offer.currency) == (REALM, "58", "USD")
    texts = {"name": "Acme Inc", "email": "a@acme.example", "phone": "555 0100"}
    assert offer.fields == {**texts, "billing_address": address}
    decider.when(customer_unmatched(), chosen(unmapped_customer="ignore"))
    decider.when(chosen(unmapped_customer="create_in_crm"), customer_unmatched())
    assert offers(decider) == ["58"]


@pytest.mark.parametrize(
    "before",
    [
        [mapped("A-2", "58")],
        [stories.account("A-2"), suggested("A-2", verdict="link")],
        [stories.account("A-2", customer={"realm": REALM, "customer_id": "58"})],
        [ignored("A-2"), stories.account("A-2", customer={"realm": REALM, "customer_id": "58"})],
        [connected(OTHER_REALM)],
    ],
    ids=["mapped", "linked by itself", "brought", "brought and refused", "another company"],
)
def test_a_customer_of_an_account_is_not_offered(before: list[Event | dict[str, Any]]) -> None:
    decider = given(*offering(auto_link="80"), *before, customer_unmatched())
    assert offers(decider) == []


@pytest.mark.parametrize("changes", [{"active": False}, {"exists": False}, {"parent_id": "7"}])
def test_an_unusable_customer_and_a_job_are_not_offered(changes: dict[str, Any]) -> None:
    assert offers(given(*offering(), customer_unmatched(**changes))) == []


def test_a_customer_that_was_created_for_an_account_is_never_offered() -> None:
    decider = given(*offering(), stories.account(), customer_asked())
    created = customer_created(decider.commanded("create_customer")[0])
    decider.when(created, mapped(customer="7"), customer_unmatched())
    assert offers(decider) == []


def test_an_account_like_an_offered_customer_waits_for_a_review_until_it_brings_the_customer() -> None:
    decider = given(*offering(auto_link="80"), customer_unmatched(), stories.account(), SURE, *DEAL)
    assert (case(decider), decider.facts(MAPPING_LINKED)) == (("mapping_in_review", "offered"), [])
    decider.when(BROUGHT)
    assert len(decider.facts(MAPPING_BROUGHT)) == 1
    assert [body["CustomerRef"]["value"] for body in decider.bodies()] == ["58"]
    assert decider.when(stories.account("A-2"), suggested("A-2", verdict="link")).facts(MAPPING_LINKED) == []


def test_a_person_may_accept_the_offered_customer_for_an_account() -> None:
    decider = given(*offering(), customer_unmatched(), stories.account(), SURE, *DEAL, mapped(customer="58"))
    assert [body["CustomerRef"]["value"] for body in decider.bodies()] == ["58"]


@pytest.mark.parametrize("change", [{"unmapped_customer": "ignore"}, {"customer_sync": "to_quickbooks"}])
def test_switching_it_off_ends_the_offers_and_what_waited_is_linked(change: dict[str, str]) -> None:
    decider = given(*offering(auto_link="80"), customer_unmatched(), stories.account(), SURE, *DEAL)
    decider.when(chosen(**change))
    assert [each.customer_id for each in decider.facts(MAPPING_LINKED)] == ["58"]
    assert len(decider.commanded()) == 1


def test_an_inactive_customer_is_no_longer_offered() -> None:
    decider = given(*offering(auto_link="80"), customer_unmatched(), stories.account(), SURE, *DEAL)
    decider.when(customer_seen("58", active=False, reading=0, sync_token=1))
    assert case(decider) == ("mapping_in_review", None)


def test_the_matcher_is_told_from_when_on_customers_of_which_company_are_offered() -> None:
    decider = given(chosen(unmapped_customer="create_in_crm", customer_sync="to_crm"))
    assert switched(decider) == []
    decider.when(connected(), observed(), disconnected(), connected())
    assert switched(decider) == [(REALM, True, 1)]
    decider.when(connected(OTHER_REALM), chosen(customer_sync="off"), chosen(auto_link="80"))
    assert switched(decider)[1:] == [(OTHER_REALM, True, 2), (OTHER_REALM, False, 3)]
    assert switched(decider.when(chosen(customer_sync="both")))[3:] == [(OTHER_REALM, True, 4)]


def test_the_company_s_currency_is_told_if_the_customer_states_none() -> None:
    other = replace(observed().payload, home_currency="GBP")
    decider = given(*offering(), fact(catalog.COMPANY_OBSERVED, other), customer_unmatched(currency=None))
    (offer,) = decider.facts(ACCOUNT_CREATED_FROM_CUSTOMER)
    assert offer.currency == "GBP"
