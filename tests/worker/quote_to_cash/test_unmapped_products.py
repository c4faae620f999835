"""A product that is mapped to no item: its deal waits, its item is created, or its lines have the default item."""

from typing import Any

import pytest
from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import ItemRequested
from events.contract.quickbooks import CommandRejected, Holder
from events.contract.unmatched import PRODUCT_COMPARISON_REQUESTED
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    REALM,
    Decider,
    chosen,
    connected,
    disconnected,
    fact,
    given,
    ignored_product,
    invoice_created,
    item_asked,
    item_created,
    item_seen,
    item_suggested,
    mapped,
    mapped_product,
    observed,
    ordered,
    rejected,
    uncertain,
    unlike_all,
    unmatched_product,
)
from tests.worker.quote_to_cash.without_item import case, creations, items, two_products, without_item
from worker.quote_to_cash.keys import of_setting
from worker.workspaces.settings import SettingInvalid, checked

KEY = of_setting("unmapped_product")


def test_by_default_the_deal_waits_for_a_person() -> None:
    decider = given(*without_item("hold"), *stories.signed_deal())
    assert (case(decider), creations(decider), decider.commanded()) == (("product_not_mapped", None), [], [])
    assert checked("unmapped_product", " Create ") == "create"


@pytest.mark.parametrize("value", ["default", "default 1 2", "default a/b", "item 5", "none"])
def test_another_value_is_refused_with_the_valid_ones(value: str) -> None:
    with pytest.raises(SettingInvalid, match="unmapped_product must be hold, create, or default with the ID"):
        checked("unmapped_product", value)


def test_lines_of_an_unmapped_product_have_the_default_item_and_describe_the_product() -> None:
    decider = given(
        *without_item("default 6"), mapped_product("P-2", "9"), *stories.signed_deal(quote=two_products())
    )
    assert items(decider) == ["6", "9"]
    assert decider.bodies()[0]["Line"][0]["Description"].startswith("Platform seat")
    (commanded,) = decider.facts(catalog.INVOICE_COMMANDED)
    assert commanded.notes == (
        "The default item 6 is on the lines of unmapped products: P-1.",
        *commanded.notes[1:],
    )


def test_a_line_whose_product_has_a_blank_name_is_described_by_the_products_id() -> None:
    quote = {**stories.QUOTE, "lines": [{**stories.LINE, "name": " ", "description": "May"}]}
    decider = given(*without_item("default 6"), *stories.signed_deal(quote=quote))
    assert decider.bodies()[0]["Line"][0]["Description"].startswith("Product P-1: May")


def test_the_default_item_is_read_when_it_is_chosen_and_again_when_it_is_chosen_again() -> None:
    decider = given(*without_item("hold"), chosen(unmapped_product="default 6"))
    assert [command.key.subject for command in decider.commanded("read_item")] == ["item/1111/6"]
    decider.when(chosen(unmapped_product="default 6"))
    assert len(decider.commanded("read_item")) == 2


def test_a_default_item_that_was_chosen_before_connecting_is_read_once_a_deal_needs_it() -> None:
    settings = {"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z", "unmapped_product": "default 6"}
    decider = given(chosen(**settings), mapped(), *stories.signed_deal(), connected(), observed())
    assert (items(decider), len(decider.commanded("read_item"))) == (["6"], 1)


def test_the_invoice_waits_until_the_default_item_has_been_read() -> None:
    decider = Decider()
    decider.reads = False
    decider.when(*without_item("default 6"), *stories.signed_deal())
    assert decider.stands_at() == "mapping_being_read"
    decider.when(item_seen("6"))
    assert items(decider) == ["6"]


@pytest.mark.parametrize(
    ("seen", "code", "of"),
    [
        ({"active": False}, "item_inactive", "default_item_inactive"),
        ({"exists": False}, "product_not_mapped", "no_such_default_item"),
        ({"type": "Category"}, "product_not_mapped", "default_item_not_for_sale"),
        ({"type": "Group"}, "product_not_mapped", "default_item_not_for_sale"),
    ],
)
def test_an_unusable_default_item_holds_its_deals_until_another_is_chosen_or_it_is_corrected(
    seen: dict[str, Any], code: str, of: str
) -> None:
    held: list[Any] = [*without_item("default 6"), item_seen("6", reading=9, **seen), *stories.signed_deal()]
    assert case(given(*held)) == (code, of)
    assert items(given(*held, chosen(unmapped_product="default 7"))) == ["7"]
    assert items(given(*held, item_seen("6", reading=10))) == ["6"]
    assert items(given(*held, mapped_product("P-1", "8"))) == ["8"]


def test_an_inventory_default_item_needs_a_quantity_as_any_other() -> None:
    line = {**stories.LINE, "quantity": "99999999", "unit_price": "0.0000000033"}
    held = given(
        *without_item("default 6"),
        item_seen("6", type="Inventory", reading=9),
        *stories.signed_deal(quote={**stories.QUOTE, "lines": [line], "total": "0.33"}),
    )
    assert held.stands_at() == "quantity_not_representable"


def test_another_companys_default_item_is_on_no_invoice_until_it_is_chosen_again() -> None:
    decider = given(*without_item("default 6"), connected(OTHER_REALM), observed(realm=OTHER_REALM))
    decider.when(mapped(), *stories.signed_deal())
    assert case(decider) == ("product_not_mapped", "default_item_elsewhere")
    assert decider.gates()[0].action == "choose_default_item"
    decider.when(chosen(unmapped_product="default 6"))
    assert (items(decider), decider.commanded()[0].realm) == (["6"], OTHER_REALM)


def test_the_same_companys_default_item_survives_connecting_again() -> None:
    decider = given(*without_item("default 6"), disconnected(), *stories.signed_deal(), connected())
    assert items(decider) == ["6"]


def test_a_mapping_wins_over_the_default_and_a_commanded_invoice_keeps_its_item() -> None:
    decider = given(*without_item("default 6"), *stories.signed_deal())
    decider.when(mapped_product("P-1", "8"), *stories.signed_deal("D-2"))
    assert [items(decider, number) for number in range(2)] == [["6"], ["8"]]
    decider.when(chosen(unmapped_product="default 7"), invoice_created(decider.commanded()[0]))
    assert len(decider.commanded()) == 2


def test_a_refused_invoice_with_an_inactive_default_item_says_so_and_is_sent_with_the_mapped_one() -> None:
    decider = given(*without_item("default 6"), *stories.signed_deal())
    decider.when(rejected(decider.commanded()[0]), item_seen("6", active=False, reading=9))
    assert case(decider) == ("item_inactive", "default_item_inactive")
    decider.when(mapped_product("P-1", "8"), ordered())
    assert [items(decider, number) for number in range(2)] == [["6"], ["8"]]


def test_a_changed_setting_reconsiders_the_deals_that_need_it_and_only_those() -> None:
    other = {**stories.QUOTE, "lines": [{**stories.LINE, "product_id": "P-2"}]}
    decider = given(
        *without_item("hold"),
        mapped_product("P-2", "9"),
        *stories.signed_deal(),
        *stories.signed_deal("D-2", quote=other),
        *stories.signed_deal("D-3", quote=other, account_id="A-3"),
    )
    assert decider.view.waiting(KEY) == ["deal/D-1"]
    assert items(decider.when(chosen(unmapped_product="default 6"))) == ["6"]


def test_a_person_who_wants_an_item_of_its_own_gets_it_before_the_default() -> None:
    decider = given(*without_item("hold"), *stories.signed_deal(), item_asked())
    decider.when(chosen(unmapped_product="default 6"))
    assert (decider.stands_at(), decider.commanded()) == ("product_not_mapped", [])
    decider.when(item_created(decider.commanded("create_item")[0]))
    assert items(decider) == ["19"]


def test_a_person_whose_item_was_refused_decides_before_the_default_is_used() -> None:
    decider = given(*without_item("default 6"), item_asked(), *stories.signed_deal())
    decider.when(rejected(decider.commanded("create_item")[0]))
    assert case(decider) == ("product_not_mapped", None)
    assert items(decider.when(mapped_product("P-1", "8"))) == ["8"]


def test_the_item_that_a_ready_deal_needs_is_created_and_then_invoiced() -> None:
    decider = given(*without_item("create"), *stories.signed_deal())
    assert (creations(decider), decider.commanded()) == (["product/P-1"], [])
    assert case(decider) == ("item_being_created", None)
    assert decider.facts(catalog.DEAL_INVOICE_HELD) == []
    assert items(decider.when(item_created(decider.commanded("create_item")[0]))) == ["19"]


def uncompared() -> Decider:
    """Return a decider with a deal that needs an item, before the product was compared once more."""
    decider = Decider()
    decider.compares = False
    return decider.when(*without_item("create"), *stories.signed_deal(), unmatched_product())


def requests(decider: Decider) -> list[tuple[str, int]]:
    return [(each.product_id, each.number) for each in decider.facts(PRODUCT_COMPARISON_REQUESTED)]


def test_the_product_is_compared_once_more_and_then_its_item_is_created() -> None:
    decider = uncompared()
    assert (requests(decider), creations(decider)) == ([("P-1", 1)], [])
    assert case(decider) == ("item_being_created", "to_create")
    decider.when(*stories.signed_deal("D-2"), stories.deal(revision=2))
    assert requests(decider) == [("P-1", 1)], "one request is under way"
    decider.when(unlike_all())
    assert (creations(decider), case(decider)) == (["product/P-1"], ("item_being_created", None))


@pytest.mark.parametrize(
    "meanwhile",
    [
        [item_suggested(number=2)],
        [mapped_product("P-1", "8")],
        [ignored_product()],
        [item_asked()],
        [disconnected()],
        [chosen(unmapped_product="hold")],
        [chosen(income_account="")],
        [stories.deal(revision=2, quote={**stories.QUOTE, "lines": [{**stories.LINE, "name": "Seat"}]})],
        [connected(OTHER_REALM), observed(realm=OTHER_REALM)],
    ],
    ids=["suggested", "mapped", "ignored", "asked", "left", "held", "no account", "renamed", "elsewhere"],
)
def test_the_answer_creates_no_item_if_something_happens_before_it(meanwhile: list[Any]) -> None:
    decider = uncompared().when(*meanwhile)
    before = len(creations(decider))
    assert len(creations(decider.when(unlike_all()))) == before


def test_an_answer_that_came_too_early_is_worth_nothing_later() -> None:
    decider = uncompared().when(disconnected(), unlike_all())
    assert creations(decider) == []
    decider.when(connected())
    assert (requests(decider), creations(decider)) == ([("P-1", 1), ("P-1", 2)], [])
    assert creations(decider.when(unlike_all())) == [], "the former answer again"
    assert creations(decider.when(unlike_all(number=2))) == ["product/P-1"]


def test_the_request_is_that_of_a_person_who_asked_for_the_item() -> None:
    by_itself = given(*without_item("create"), *stories.signed_deal())
    by_hand = given(*without_item("hold"), *stories.signed_deal(), item_asked())
    assert by_itself.commanded("create_item")[0].body == by_hand.commanded("create_item")[0].body
    assert by_itself.commanded("create_item")[0].request_id == by_hand.commanded("create_item")[0].request_id


def test_no_item_is_created_while_its_deal_waits_for_something_else() -> None:
    decider = given(*without_item("create", paused="true"), *stories.signed_deal())
    assert (creations(decider), decider.stands_at()) == ([], "paused")
    assert decider.gates()[-1].case == "to_create"
    assert creations(decider.when(chosen(paused="false"))) == ["product/P-1"]


def test_an_open_deal_creates_nothing() -> None:
    assert creations(given(*without_item("create"), stories.deal(stage="contract_sent"))) == []


def test_without_an_income_account_the_deal_waits_for_one() -> None:
    decider = given(*without_item("create", income_account=""), *stories.signed_deal())
    assert (decider.stands_at(), creations(decider)) == ("income_account_missing", [])
    assert creations(decider.when(chosen(income_account="Services"))) == ["product/P-1"]


def test_two_deals_that_need_the_same_item_get_one() -> None:
    both = [*stories.signed_deal(), *stories.signed_deal("D-2")]
    decider = given(*without_item("hold"), *both, chosen(unmapped_product="create"))
    assert creations(decider) == ["product/P-1"]
    decider.when(item_created(decider.commanded("create_item")[0]))
    assert [items(decider, number) for number in range(2)] == [["19"], ["19"]]


def test_all_items_of_a_deal_are_created_and_mapped_ones_are_kept() -> None:
    quote = two_products()
    decider = given(*without_item("create"), mapped_product("P-2", "9"), *stories.signed_deal(quote=quote))
    assert creations(decider) == ["product/P-1"]
    assert items(decider.when(item_created(decider.commanded("create_item")[0]))) == ["19", "9"]
    assert creations(given(*without_item("create"), *stories.signed_deal(quote=quote))) == [
        "product/P-1",
        "product/P-2",
    ]


def test_a_refused_item_is_not_requested_again_until_a_person_does_so() -> None:
    decider = given(*without_item("create"), *stories.signed_deal())
    decider.when(rejected(decider.commanded("create_item")[0]))
    assert case(decider) == ("product_not_mapped", None)
    assert len(decider.facts(catalog.DEAL_INVOICE_HELD)) == 1
    decider.when(
        *stories.signed_deal("D-2"), chosen(unmapped_product="hold"), chosen(unmapped_product="create")
    )
    decider.when(ordered(), stories.deal(revision=2))
    assert len(creations(decider)) == 1
    decider.when(fact(catalog.ITEM_REQUESTED, ItemRequested("P-1", "ada", name="Seat of ours")))
    assert [body["Name"] for body in decider.bodies("create_item")] == ["Platform seat", "Seat of ours"]


def test_the_item_that_has_the_name_already_is_named() -> None:
    decider = given(*without_item("create"), *stories.signed_deal())
    refusal = rejected(decider.commanded("create_item")[0])
    assert isinstance(refusal.payload, CommandRejected)
    holder = Holder("Item", "4", "Platform seat", active=True)
    decider.when(fact(catalog.COMMAND_REJECTED, replace(refusal.payload, holder=holder)))
    assert case(decider) == ("product_not_mapped", "name_of_item")
    assert "item 4 (Platform seat) already has the name" in decider.gates()[0].reason


def test_a_creation_refused_by_quickbooks_that_nobody_asked_for_leaves_the_default() -> None:
    decider = given(*without_item("create"), *stories.signed_deal())
    decider.when(rejected(decider.commanded("create_item")[0]), chosen(unmapped_product="default 6"))
    assert items(decider) == ["6"]


def test_an_item_in_doubt_is_not_created_again_and_no_default_replaces_it() -> None:
    decider = given(*without_item("create"), *stories.signed_deal())
    decider.when(uncertain(decider.commanded("create_item")[0]), *stories.signed_deal("D-2"))
    assert (case(decider), len(creations(decider))) == (("product_not_mapped", None), 1)
    decider.when(chosen(unmapped_product="default 6"))
    assert decider.commanded() == []
    decider.when(item_created(decider.commanded("create_item")[0]))
    assert items(decider) == ["19"]


def test_a_person_who_maps_the_product_while_its_item_is_being_created_decides() -> None:
    decider = given(*without_item("create"), *stories.signed_deal())
    decider.when(mapped_product("P-1", "8"))
    assert items(decider) == ["8"]
    decider.when(item_created(decider.commanded("create_item")[0]), *stories.signed_deal("D-2"))
    assert items(decider) == ["8"]
    assert len(decider.commanded()) == 2


def test_each_company_gets_an_item_of_its_own() -> None:
    decider = given(*without_item("create"), *stories.signed_deal())
    decider.when(connected(OTHER_REALM), observed(realm=OTHER_REALM), mapped())
    assert [command.realm for command in decider.commanded("create_item")] == [REALM, OTHER_REALM]
    decider.when(item_created(decider.commanded("create_item")[1]))
    assert items(decider) == ["19"]
