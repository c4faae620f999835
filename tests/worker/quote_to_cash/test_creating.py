"""A requested customer or item is created, or the gate names the obstacle and the remedy."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests import stories
from tests.world import World, open_world, types
from worker.actions.admin import ActionRefused
from worker.sandbox import accountant
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan
from worker.verification.books import Books
from worker.verification.invariants import violations

TAXED = {**stories.QUOTE, "lines": [{**stories.LINE, "tax_code": "20.0% S"}]}


@pytest_asyncio.fixture
async def opened(world: World) -> World:
    """A world with an item for P-1, but no customer for the account."""
    return await with_item(world)


@pytest_asyncio.fixture
async def london(tmp_path: Path) -> AsyncIterator[World]:
    """The same for a company that sells in several currencies."""
    async with open_world(tmp_path, kinds=("uk",)) as world:
        yield await with_item(world)


async def with_item(world: World) -> World:
    await world.add_workspace()
    await world.connect()
    await world.admin().change_settings(
        {"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z", "income_account": "Services"}
    )
    await world.settle()
    await world.admin().map_product("P-1", "1")
    await world.settle()
    return world


def add(world: World, entity: str, name: str, **fields: Any) -> str:
    field = "Name" if entity == "Item" else "DisplayName"
    company = world.sandbox.companies[world.realm]
    return str(accountant.create(company, entity, {field: name, **fields}, world.clock.now())["Id"])


def deactivate(world: World, entity: str, object_id: str) -> None:
    company = world.sandbox.companies[world.realm]
    accountant.change(company, entity, object_id, {"Active": False}, world.clock.now())


async def asked_for(world: World, name: str) -> None:
    """A deal waits for the requested customer of its account."""
    await world.send(stories.account(name=name), *stories.signed_deal())
    await world.settle()
    await world.admin().request_customer("A-1")
    await world.settle()


async def gate(world: World, deal: str = "D-1") -> tuple[str | None, str, str]:
    row = (await world.deals())[deal]
    return row["gate"], row["reason"] or "", row["remedy"] or ""


def names(world: World, entity: str = "Customer") -> list[str]:
    return [found.get("DisplayName") or found["Name"] for found in world.books(entity)]


async def check(world: World) -> None:
    found = await world.services.database.read(violations, world.clock.now(), Books({}))
    assert not any(found.values()), found


@pytest.mark.parametrize("entity", ["Vendor", "Employee"])
@pytest.mark.parametrize("is_inactive", [False, True])
async def test_the_holder_of_the_name_in_another_list_is_named_and_another_name_goes_through(
    opened: World, entity: str, is_inactive: bool
) -> None:
    opened.sandbox.change_traits(opened.realm, {"inactive_names_stay": True})
    holder = add(opened, entity, "Sam \u2019O\u2019 Neill")
    if is_inactive:
        deactivate(opened, entity, holder)
    await asked_for(opened, "SAM \u2019o\u2019 neill")
    code, reason, remedy = await gate(opened)
    assert code == "account_not_mapped"
    inactive = ", inactive" if is_inactive else ""
    assert f"{entity.lower()} {holder} (Sam \u2019O\u2019 Neill{inactive})" in reason
    assert "under another name" in remedy
    await opened.admin().request_customer("A-1", name="Sam Neill (customer)")
    await opened.settle()
    assert (names(opened)[-1], len(opened.books())) == ("Sam Neill (customer)", 1)
    await check(opened)


async def test_the_customer_with_the_name_and_its_account_are_named_and_mapping_to_it_goes_through(
    opened: World,
) -> None:
    await opened.send(stories.account("A-7", name="Acme"))
    await opened.admin().request_customer("A-7")
    await opened.settle()
    await asked_for(opened, "acme")
    holder = opened.books("Customer")[-1]["Id"]
    code, reason, _ = await gate(opened)
    assert code == "account_not_mapped"
    assert f"customer {holder} (Acme), mapped to account Acme (A-7), already has the name" in reason
    await check(opened)
    await opened.admin().map_account("A-1", holder, also=True)
    await opened.settle()
    assert len(opened.books()) == 1


async def test_a_list_that_is_not_shown_leaves_the_refusal_as_quickbooks_said_it(opened: World) -> None:
    refusal = Refusal(operations=("query",), entities=("Vendor", "Employee"))
    opened.sandbox.trouble.follow(Plan(refusals=(refusal,)))
    await asked_for(opened, "Books by Bessie")
    code, reason, _ = await gate(opened)
    assert code == "account_not_mapped"
    assert "code 6240" in reason


async def test_a_mapped_customer_or_item_is_not_created_again_and_the_refusal_names_it(opened: World) -> None:
    await asked_for(opened, "Acme")
    customer = opened.books("Customer")[-1]["Id"]
    with pytest.raises(
        ActionRefused, match=rf"is already mapped to QuickBooks customer {customer} \(Acme\)"
    ) as refused:
        await opened.admin().request_customer("A-1")
    assert refused.value.reason == "customer_exists"
    with pytest.raises(ActionRefused, match=r"is already mapped to QuickBooks item 1 \(Services\)"):
        await opened.admin().request_item("P-1")
    with pytest.raises(ActionRefused, match="uses only USD"):
        await opened.admin().request_customer("A-9", currency="EUR")
    for name in ("a: b", " a", "a  b", "x" * 101):
        with pytest.raises(ActionRefused, match="A name in QuickBooks has at most"):
            await opened.admin().request_item("P-9", name=name)
    before = len(names(opened))
    await opened.settle()
    assert len(names(opened)) == before


async def test_an_inactive_customer_is_replaced_on_request(opened: World) -> None:
    await asked_for(opened, "Acme")
    first = opened.books("Customer")[-1]["Id"]
    deactivate(opened, "Customer", first)
    await opened.send(*stories.signed_deal("D-2"))
    await opened.settle()
    assert (await gate(opened, "D-2"))[0] == "customer_inactive"
    assert names(opened).count("Acme") == 0, "nobody has asked"
    await opened.admin().request_customer("A-1")
    await opened.settle()
    assert names(opened)[-1] == "Acme"
    await opened.admin().request_invoice("D-2")
    await opened.settle()
    customers = [invoice["CustomerRef"]["value"] for invoice in opened.books()]
    assert customers == [first, opened.books("Customer")[-1]["Id"]]
    await check(opened)


@pytest.mark.parametrize("stays", [False, True])
async def test_an_unusable_item_is_replaced_or_the_refusal_has_the_reason(opened: World, stays: bool) -> None:
    opened.sandbox.change_traits(opened.realm, {"inactive_names_stay": stays})
    item = add(opened, "Item", "Platform seat", Type="Service", IncomeAccountRef={"value": "1150040001"})
    await opened.admin().map_account("A-1", "1")
    await opened.admin().map_product("P-1", item)
    await opened.settle()
    deactivate(opened, "Item", item)
    await opened.admin().map_product("P-1", item)
    await opened.send(stories.account(), *stories.signed_deal())
    await opened.settle()
    assert (await gate(opened))[0] == "item_inactive"
    await opened.admin().request_item("P-1")
    await opened.settle()
    if stays:
        code, reason, remedy = await gate(opened)
        assert code == "item_inactive"
        assert (
            f"creating it was refused: item {item} (Platform seat, inactive) already has the name" in reason
        )
        assert "Activate the item" in remedy
        await opened.admin().request_item("P-1", name="Platform seat 2")
        await opened.settle()
    assert len(opened.books()) == 1
    await check(opened)


async def test_a_taken_items_name_names_the_item_that_has_it(opened: World) -> None:
    add(opened, "Item", "beta", Type="Category")
    lines = [{**stories.LINE, "product_id": "P-9", "name": "Beta"}]
    await opened.admin().map_account("A-1", "1")
    quote = {**stories.QUOTE, "lines": lines}
    await opened.send(stories.account(), *stories.signed_deal(quote=quote))
    await opened.settle()
    await opened.admin().request_item("P-9")
    await opened.settle()
    code, reason, remedy = await gate(opened)
    assert code == "product_not_mapped"
    assert "(beta) already has the name" in reason
    assert "under another name" in remedy
    await opened.admin().request_item("P-9", name="Beta service")
    await opened.settle()
    assert len(opened.books()) == 1


async def test_a_request_that_a_mapping_answered_stays_answered_without_the_mapping(opened: World) -> None:
    await opened.admin().request_customer("A-1")
    await opened.settle()
    customer = add(opened, "Customer", "Acme")
    await opened.admin().map_account("A-1", customer)
    deactivate(opened, "Customer", customer)
    await opened.admin().map_account("A-1", customer)
    await opened.send(stories.account(), *stories.signed_deal())
    await opened.settle()
    assert (await gate(opened))[0] == "customer_inactive"
    assert "customer.created.v1" not in types(await opened.log())


async def test_a_first_deal_in_a_foreign_currency_makes_a_customer_of_that_currency(london: World) -> None:
    await london.send(
        stories.account(name="Acme", currency="GBP"), *stories.signed_deal(currency="EUR", quote=TAXED)
    )
    await london.settle()
    await london.admin().request_customer("A-1")
    await london.settle()
    [invoice] = london.books()
    assert invoice["CurrencyRef"]["value"] == "EUR"
    await london.send(*stories.signed_deal("D-2", currency="GBP", quote=TAXED))
    await london.settle()
    code, reason, remedy = await gate(london, "D-2")
    assert code == "customer_currency_differs"
    assert "EUR, and the deal is in GBP" in reason
    assert "customer with the deal's currency, or create one" in remedy
    await london.admin().request_customer("A-1")
    await london.settle()
    made = {c["DisplayName"]: (c["Id"], c["CurrencyRef"]["value"]) for c in london.books("Customer")}
    assert (made["Acme"][1], made["Acme (GBP)"][1]) == ("EUR", "GBP")
    await london.send(*stories.signed_deal("D-3", currency="EUR", quote=TAXED))
    await london.settle()
    billed = [(i["CustomerRef"]["value"], i["CurrencyRef"]["value"]) for i in london.books()]
    assert billed == [made["Acme"], made["Acme (GBP)"], made["Acme"]]
    with pytest.raises(ActionRefused, match="already"):
        await london.admin().request_customer("A-1", currency="EUR")
    await check(london)


async def test_a_mapping_is_for_one_currency_or_for_all(london: World) -> None:
    euros = add(london, "Customer", "Acme euros", CurrencyRef={"value": "EUR"})
    pounds, others = add(london, "Customer", "Acme"), add(london, "Customer", "Other")
    await london.admin().map_account("A-1", pounds)
    await london.admin().map_account("A-1", euros, "EUR")
    await london.send(stories.account())
    for number, currency in enumerate(("EUR", "GBP")):
        await london.send(*stories.signed_deal(f"D-{number}", currency=currency, quote=TAXED))
    await london.settle()
    billed = {i["CurrencyRef"]["value"]: i["CustomerRef"]["value"] for i in london.books()}
    assert billed == {"EUR": euros, "GBP": pounds}
    await london.admin().map_account("A-1", others)
    await london.send(*stories.signed_deal("D-3", currency="EUR", quote=TAXED))
    await london.settle()
    assert (await gate(london, "D-3"))[0] == "customer_currency_differs"
    await check(london)


async def test_a_name_taken_in_the_other_currency_is_said_too(london: World) -> None:
    holder = add(london, "Vendor", "Acme (EUR)")
    await london.send(stories.account(name="Acme"), *stories.signed_deal("D-0", currency="GBP", quote=TAXED))
    await london.settle()
    await london.admin().request_customer("A-1")
    await london.settle()
    await london.send(*stories.signed_deal(currency="EUR", quote=TAXED))
    await london.admin().request_customer("A-1", currency="EUR")
    await london.settle()
    code, reason, _ = await gate(london)
    assert code == "customer_currency_differs"
    assert f"creating it was refused: vendor {holder} (Acme (EUR)) already has the name" in reason
    await london.admin().request_customer("A-1", currency="EUR", name="Acme Europe")
    await london.settle()
    assert len(london.books()) == 2
    await check(london)
