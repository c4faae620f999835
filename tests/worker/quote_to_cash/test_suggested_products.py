"""A product waits for a person while an item is suggested for it, or is linked by itself; people's decisions hold."""

from typing import Any

import pytest

from events.contract import catalog
from events.contract.reviewing import PRODUCT_LINKED
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    Decider,
    chosen,
    connected,
    given,
    ignored_product,
    item_suggested,
    mapped_product,
    observed,
    ready,
    rejected_item,
    unignored_product,
    unlike_all,
    unmatched_product,
)
from tests.worker.quote_to_cash.without_item import case, creations, items, two_products, without_item


@pytest.mark.parametrize("rule", ["create", "default 6"])
def test_nothing_is_created_or_chosen_before_the_product_was_compared(rule: str) -> None:
    decider = Decider()
    decider.compares = False
    decider.when(*without_item(rule), *stories.signed_deal())
    assert case(decider) == ("mapping_being_read", "to_be_compared")
    assert decider.facts(catalog.DEAL_INVOICE_HELD) == [], "nobody has to act"
    decider.when(unmatched_product(name="Its former name"), unmatched_product(realm=OTHER_REALM))
    assert (creations(decider), decider.commanded()) == ([], [])
    decider.when(unmatched_product(), *([unlike_all()] if rule == "create" else []))
    assert (len(creations(decider)), len(decider.commanded())) == ((1, 0) if rule == "create" else (0, 1))


@pytest.mark.parametrize("rule", ["hold", "create", "default 6"])
def test_a_suggested_item_waits_for_a_person_whatever_the_setting_is(rule: str) -> None:
    decider = given(*without_item(rule), item_suggested(), *stories.signed_deal())
    assert case(decider) == ("product_not_mapped", "in_review")
    (gate,) = decider.gates()
    assert (gate.action, gate.about) == ("review_product", ("product/P-1",))
    assert (creations(decider), decider.commanded()) == ([], [])
    decider.when(mapped_product("P-1", "58"))
    assert items(decider) == ["58"]


def test_after_a_rejection_the_product_is_compared_again_before_an_item_is_created() -> None:
    decider = given(*without_item("create"), item_suggested(), *stories.signed_deal(), rejected_item())
    assert case(decider) == ("mapping_being_read", "to_be_compared")
    decider.when(item_suggested(item="59", number=2))
    assert case(decider) == ("product_not_mapped", "in_review")
    decider.when(rejected_item(item="59"), unmatched_product(number=3))
    assert creations(decider) == ["product/P-1"]


@pytest.mark.parametrize("rule", ["hold", "create", "default 6"])
def test_an_ignored_product_holds_its_deals_and_says_who_ignored_it(rule: str) -> None:
    decider = given(*without_item(rule), ignored_product(), *stories.signed_deal())
    assert case(decider) == ("product_not_mapped", "ignored")
    assert "ada said that it gets none" in decider.gates()[0].reason
    assert (creations(decider), decider.commanded()) == ([], [])
    decider.when(unignored_product())
    assert case(decider) != ("product_not_mapped", "ignored")
    decider.when(ignored_product(), mapped_product("P-1", "8"))
    assert items(decider)[-1] == ("6" if rule == "default 6" else "8")


def test_suggested_ignored_and_unmatched_products_of_a_deal_are_all_named() -> None:
    second = {**stories.LINE, "line_id": "2", "product_id": "P-2", "name": "Training"}
    third = {**stories.LINE, "line_id": "3", "product_id": "P-3", "name": "Travel"}
    quote = {**stories.QUOTE, "lines": [stories.LINE, second, third], "total": "1799.82"}
    decider = given(*without_item("hold"), *stories.signed_deal(quote=quote), item_suggested())
    decider.when(ignored_product("P-3"))
    assert decider.gates()[0].reason == (
        "Platform seat (P-1) could be the QuickBooks item Seats (58), with a score of 87.5 %. No QuickBooks item is mapped"
        " to Training (P-2), Travel (P-3; ada said that it gets none)."
    )
    assert decider.gates()[0].about == ("product/P-1", "product/P-2", "product/P-3")


SURE = item_suggested(verdict="link")  # with a score of 87.5


def linked(decider: Decider) -> list[tuple[str, str]]:
    return [(each.product_id, each.item_id) for each in decider.facts(PRODUCT_LINKED)]


@pytest.mark.parametrize("rule", ["hold", "create", "default 6"])
def test_a_product_is_linked_by_itself_from_the_score_of_the_setting(rule: str) -> None:
    waiting: list[Any] = [*without_item(rule), *stories.signed_deal()]
    assert linked(given(chosen(auto_link="88"), SURE, *waiting)) == []
    assert linked(given(chosen(auto_link="80"), item_suggested(), *waiting)) == [], "the matcher is not sure"
    decider = given(SURE, *waiting, chosen(auto_link="87.5"))
    assert (linked(decider), items(decider)) == ([("P-1", "58")], ["58"])
    (fact_of,) = decider.facts(PRODUCT_LINKED)
    assert (fact_of.by, str(fact_of.auto_link), str(fact_of.evidence.score)) == ("automatic", "87.5", "87.5")


def test_several_products_may_be_linked_to_one_item() -> None:
    decider = given(*without_item("hold", auto_link="80"), *stories.signed_deal(quote=two_products()))
    decider.when(SURE, item_suggested("P-2", verdict="link", name="Training"))
    assert linked(decider) == [("P-1", "58"), ("P-2", "58")]
    assert items(decider) == ["58", "58"]


def test_a_product_that_is_called_otherwise_is_not_linked_by_its_former_name() -> None:
    decider = given(*without_item("hold", auto_link="80"), *stories.signed_deal())
    decider.when(item_suggested(verdict="link", name="Its former name"))
    assert linked(decider) == []


def test_a_rejected_link_is_undone_and_a_person_s_mapping_replaces_it() -> None:
    decider = given(*without_item("hold", auto_link="80"), SURE, stories.deal())
    assert linked(decider) == [("P-1", "58")]
    decider.when(rejected_item(), *stories.signed_deal()[1:])
    assert (decider.stands_at(), decider.commanded()) == ("product_not_mapped", [])
    decider.when(item_suggested(item="59", verdict="link", number=2))
    assert (linked(decider)[1:], items(decider)) == ([("P-1", "59")], ["59"])
    decider.when(mapped_product("P-1", "8"), item_suggested(item="60", verdict="link", number=3))
    decider.when(*stories.signed_deal("D-2"))
    assert (len(linked(decider)), items(decider)) == (2, ["8"])


def test_a_person_s_mapping_holds_in_its_company_whatever_is_connected_or_suggested_later() -> None:
    decider = given(*ready(income_account="Services"), connected(OTHER_REALM), observed(realm=OTHER_REALM))
    decider.when(mapped_product("P-1", "9"), connected(), observed(), chosen(auto_link="80"), SURE)
    assert items(decider.when(*stories.signed_deal())) == ["5"]
    assert linked(decider) == []
