"""IDs are unique only within a company: another company with the same IDs is connected."""

import pytest

from events.contract import catalog
from events.contract.envelope import Event
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    REALM,
    Decider,
    chosen,
    connected,
    customer_seen,
    disconnected,
    expired,
    given,
    item_seen,
    mapped,
    mapped_product,
    observed,
    ordered,
    ready,
    referred,
    rejected,
)

MOVED = [connected(OTHER_REALM), observed(realm=OTHER_REALM, company_name="Another")]


def invoices(decider: Decider) -> list[tuple[str, str, str]]:
    """Return the company, customer and item of each invoice."""
    return [
        (
            command.realm,
            body["CustomerRef"]["value"],
            body["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"],
        )
        for command, body in zip(decider.commanded(), decider.bodies(), strict=True)
    ]


def test_a_mapping_of_one_company_is_none_in_another() -> None:
    decider = given(*ready(), *MOVED, *stories.signed_deal())
    assert [gate.code for gate in decider.gates()] == ["account_missing", "product_not_mapped"]
    assert decider.commanded() == []
    decider.when(stories.account())
    assert [gate.code for gate in decider.gates()] == ["account_not_mapped", "product_not_mapped"]


def test_the_new_mappings_count() -> None:
    decider = given(*ready(), *MOVED, *stories.signed_deal(), *referred("7", "6", OTHER_REALM))
    assert invoices(decider) == [(OTHER_REALM, "7", "6")]


def test_each_deal_goes_to_the_company_that_is_connected_when_it_is_won() -> None:
    decider = given(*ready(), *stories.signed_deal())
    decider.when(*MOVED, *referred("7", "5", OTHER_REALM), *stories.signed_deal("D-2"))
    assert invoices(decider) == [(REALM, "7", "5"), (OTHER_REALM, "7", "5")]
    first, second = decider.commanded()
    assert first.request_id != second.request_id


def test_an_invoice_on_its_way_to_one_company_is_not_made_in_another() -> None:
    decider = given(*ready(), *stories.signed_deal(), *MOVED, *referred("7", "5", OTHER_REALM), ordered())
    assert invoices(decider) == [(REALM, "7", "5")]
    assert decider.stands_at() == "other_company_connected"


def test_an_invoice_that_one_company_refused_may_be_requested_in_another() -> None:
    decider = given(*ready(), *stories.signed_deal())
    decider.when(rejected(decider.commanded()[0]), *MOVED, *referred("8", "6", OTHER_REALM))
    assert len(invoices(decider)) == 1
    decider.when(ordered())
    assert invoices(decider)[1:] == [(OTHER_REALM, "8", "6")]


def test_customers_and_items_are_known_in_their_own_company_alone() -> None:
    shut = [customer_seen("7", active=False, reading=9), item_seen("5", active=False, reading=9)]
    decider = given(*ready(), *MOVED, *referred("7", "5", OTHER_REALM), *shut, *stories.signed_deal())
    assert invoices(decider) == [(OTHER_REALM, "7", "5")]


@pytest.mark.parametrize("gate", ["customer_inactive", "item_inactive"])
def test_a_customer_or_item_that_is_inactive_in_the_company_holds(gate: str) -> None:
    seen = (
        customer_seen(active=False, reading=9)
        if gate == "customer_inactive"
        else item_seen(active=False, reading=9)
    )
    decider = given(*ready(), seen, *stories.signed_deal())
    assert (decider.stands_at(), decider.commanded()) == (gate, [])


def test_a_mapping_from_before_connecting_is_of_the_company_that_was_connected_first() -> None:
    decider = given(mapped(), mapped_product(), *ready(), *stories.signed_deal())
    assert invoices(decider) == [(REALM, "7", "5")]


def test_a_mapping_from_before_connecting_is_of_no_company_that_came_later() -> None:
    set_up = [chosen(auto_invoice="true", cut_over="2026-01-01T00:00:00Z"), mapped(), mapped_product()]
    decider = given(*set_up, connected(), observed(), *stories.signed_deal())
    assert invoices(decider) == [(REALM, "7", "5")]
    decider.when(*MOVED, *stories.signed_deal("D-2"))
    assert invoices(decider) == [(REALM, "7", "5")]
    assert decider.stands_at("D-2") == "account_missing"


@pytest.mark.parametrize(
    "late", [mapped(customer="8", realm=OTHER_REALM), mapped_product(item="6", realm=OTHER_REALM)]
)
def test_a_mapping_that_names_another_company_says_nothing_of_the_connected_one(late: Event) -> None:
    """A mapping to the other company's customer or item arrives after this company is connected again."""
    decider = given(*ready(), *MOVED, connected(), observed(), late, *stories.signed_deal())
    read = [*decider.commanded("read_customer"), *decider.commanded("read_item")]
    assert {command.realm for command in read} <= {REALM}, "a company is read only while it is connected"
    assert invoices(decider) == [(REALM, "7", "5")]
    decider.when(*MOVED, *referred("8", "6", OTHER_REALM), *stories.signed_deal("D-2"))
    assert invoices(decider)[-1] == (OTHER_REALM, "8", "6")


def test_a_companys_reading_is_forgotten_when_another_is_connected() -> None:
    decider = given(*ready(terms="Net 30"), connected(OTHER_REALM), *stories.signed_deal())
    assert "company_not_read" in [gate.code for gate in decider.gates()]
    decider.when(observed())
    assert "company_not_read" in [gate.code for gate in decider.gates()], "it is of the other company"


def test_a_connection_that_ended_is_of_its_company_alone() -> None:
    decider = given(*ready(), *MOVED, *referred(realm=OTHER_REALM), expired(), *stories.signed_deal())
    assert invoices(decider) == [(OTHER_REALM, "7", "5")]


def test_nothing_is_commanded_while_a_connection_is_over() -> None:
    decider = given(*ready(), expired(), *stories.signed_deal())
    assert (decider.stands_at(), decider.commanded()) == ("connection_expired", [])
    assert invoices(decider.when(connected())) == [(REALM, "7", "5")]


def test_a_company_that_a_person_disconnected_waits_and_goes_on_with_its_mappings() -> None:
    decider = given(*ready(), disconnected(), *stories.signed_deal())
    assert (decider.stands_at(), decider.commanded()) == ("connection_missing", [])
    decider.when(expired())
    assert decider.stands_at() == "connection_missing", "a person ended it before"
    assert invoices(decider.when(connected())) == [(REALM, "7", "5")]


def test_a_disconnect_ends_its_company_alone() -> None:
    decider = given(*ready(), *MOVED, *referred(realm=OTHER_REALM), disconnected(), *stories.signed_deal())
    assert invoices(decider) == [(OTHER_REALM, "7", "5")]


def test_the_announcement_of_a_customer_names_its_company() -> None:
    decider = given(*ready(), *MOVED, mapped("A-1", "7"))
    linked = decider.facts(catalog.CUSTOMER_LINKED)
    assert [(fact.account_id, fact.customer_id, fact.realm) for fact in linked] == [
        ("A-1", "7", REALM),
        ("A-1", "7", OTHER_REALM),
    ]
