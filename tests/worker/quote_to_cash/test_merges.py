"""Customers and items that were merged in QuickBooks: mappings move to the one that stays, unless people decided otherwise."""

from typing import Any

import pytest

from events.contract import catalog
from events.contract.reviewing import MAPPING_MOVED, PRODUCT_MOVED
from tests import stories
from tests.worker.quote_to_cash.given import (
    Decider,
    chosen,
    customer_seen,
    given,
    mapped,
    mapped_product,
    merged,
    ready,
    rejected_pair,
    suggested,
)
from worker.quote_to_cash.customers.holders import holders

REALM = "1111"
READY: list[Any] = [*ready(), stories.account(), stories.account("A-2")]
DEAL = stories.signed_deal()


def moved(decider: Decider) -> list[tuple[str, str, str]]:
    return [(each.account_id, each.merged, each.customer_id) for each in decider.facts(MAPPING_MOVED)]


def told(decider: Decider) -> list[tuple[str, str]]:
    """Return the accounts and customers that the CRM was told."""
    return [(each.account_id, each.customer_id) for each in decider.facts(catalog.CUSTOMER_LINKED)]


def invoiced_to(decider: Decider) -> list[str]:
    return [body["CustomerRef"]["value"] for body in decider.bodies()]


def case(decider: Decider) -> str | None:
    return decider.gates()[0].case


def test_a_mapping_moves_to_the_customer_that_stays_and_its_deal_is_invoiced_there() -> None:
    decider = given(*READY).when(*merged("7", "8"))
    assert moved(decider) == [("A-1", "7", "8")]
    assert told(decider)[-1] == ("A-1", "8")
    assert decider.commanded("read_customer")[-1].key.subject == f"customer/{REALM}/8"
    decider.when(*DEAL)
    assert invoiced_to(decider) == ["8"]


def test_a_deal_that_waits_is_invoiced_once_the_mapping_has_moved() -> None:
    decider = given(
        *ready(paused="true"), stories.account(), *DEAL, *merged("7", "8"), chosen(paused="false")
    )
    assert invoiced_to(decider) == ["8"]


def test_a_link_that_the_worker_made_by_itself_moves_too_and_a_person_can_still_reject_it() -> None:
    sure = suggested(customer="58", verdict="link")
    decider = given(*ready()[:3], mapped_product(), chosen(auto_link="80"), stories.account(), sure)
    decider.when(*merged("58", "59"), *DEAL)
    assert (moved(decider), invoiced_to(decider)) == ([("A-1", "58", "59")], ["59"])
    decider.when(rejected_pair(customer="59"), *stories.signed_deal("D-2"))
    assert decider.stands_at("D-2") == "account_not_mapped"


def test_several_merges_move_it_on() -> None:
    decider = given(*READY).when(*merged("7", "8"), *merged("8", "9"), *DEAL)
    assert moved(decider) == [("A-1", "7", "8"), ("A-1", "8", "9")]
    assert invoiced_to(decider) == ["9"]


def test_a_mapping_to_a_customer_that_has_gone_already_moves_at_once() -> None:
    decider = given(*ready()[:3], mapped_product(), *merged("7", "8")).when(mapped(customer="7"), *DEAL)
    assert (moved(decider), invoiced_to(decider)) == ([("A-1", "7", "8")], ["8"])


def test_the_second_of_two_accounts_whose_customers_became_one_holds_until_a_person_maps_it() -> None:
    decider = given(*READY, mapped("A-2", "8")).when(*merged("7", "8"), *DEAL)
    assert (moved(decider), case(decider)) == ([], "merged_into_another_accounts")
    decider.when(mapped("A-1", "8"))
    assert invoiced_to(decider) == ["8"]


def test_the_second_account_moves_when_the_first_gets_another_customer_and_its_own_data_changes() -> None:
    decider = given(*READY, mapped("A-2", "8")).when(*merged("7", "8"), *DEAL, mapped("A-2", "10"))
    assert decider.when(stories.account(revision=2)).facts(MAPPING_MOVED)[0].customer_id == "8"
    assert invoiced_to(decider) == ["8"]


def test_accounts_that_shared_the_merged_customer_go_on_sharing() -> None:
    decider = given(*READY, mapped("A-2", "7")).when(*merged("7", "8"))
    assert moved(decider) == [("A-1", "7", "8"), ("A-2", "7", "8")]
    assert list(holders(decider.view, "A-3", "8", REALM, None)) == ["A-1", "A-2"]


def test_a_customer_that_a_person_rejected_gets_no_mapping_by_a_merge() -> None:
    decider = given(*READY, rejected_pair(customer="8")).when(*merged("7", "8"), *DEAL)
    assert (moved(decider), case(decider)) == ([], "merged_into_rejected")


@pytest.mark.parametrize("survivor", [None, "8"])
def test_without_a_known_survivor_a_deal_holds_and_a_person_s_mapping_ends_that(survivor: str | None) -> None:
    decider = given(*READY).when(*merged("7", survivor), *DEAL)
    assert (moved(decider) == []) is (survivor is None)
    if survivor is None:
        assert case(decider) == "merged"
        decider.when(mapped(customer="8"))
    assert invoiced_to(decider) == ["8"]


def test_an_inactive_survivor_holds_as_any_inactive_customer() -> None:
    decider = given(*READY).when(*merged("7", "8"), customer_seen("8", active=False, reading=9), *DEAL)
    assert decider.stands_at() == "customer_inactive"
    assert invoiced_to(decider.when(customer_seen("8", reading=10))) == ["8"]


def test_a_customer_that_sync_observes_after_its_merge_was_not_merged() -> None:
    decider = given(*READY, *merged("7", None), *DEAL)
    assert invoiced_to(decider.when(customer_seen("7", reading=0, sync_token=9))) == ["7"]


def test_a_merge_of_another_kind_of_objects_moves_nothing() -> None:
    assert moved(given(*READY).when(merged("7", "8", "Vendor")[0])) == []


def test_a_product_s_mapping_moves_with_its_item_also_twice() -> None:
    decider = given(*READY, mapped_product("P-2", "5")).when(
        *merged("5", "6", "Item"), *merged("6", "9", "Item")
    )
    found = [(each.product_id, each.merged, each.item_id) for each in decider.facts(PRODUCT_MOVED)]
    assert found == [("P-1", "5", "6"), ("P-2", "5", "6"), ("P-1", "6", "9"), ("P-2", "6", "9")]
    (body,) = decider.when(*DEAL).bodies()
    assert body["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] == "9"
