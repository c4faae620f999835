"""The customer and items of an invoice are read before it is sent; an unusable one holds the deal by name."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from events.contract import catalog
from tests import stories
from tests.world import World, types
from worker.sandbox import accountant
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan
from worker.verification.books import Books
from worker.verification.invariants import violations


@pytest_asyncio.fixture
async def mapped(world: World) -> World:
    """A world with a customer and an item, to which account A-1 and product P-1 are mapped."""
    await world.add_workspace()
    await world.connect()
    await world.admin().change_settings({"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"})
    await world.settle()
    add(world, "Customer", DisplayName="Acme")
    add(world, "Item", Name="Seat", Type="Service", IncomeAccountRef=services(world))
    await world.admin().map_account("A-1", named(world, "Customer", "Acme"))
    await world.admin().map_product("P-1", named(world, "Item", "Seat"))
    await world.send(stories.account())
    await world.settle()
    return world


def services(world: World) -> dict[str, str]:
    return {"value": named(world, "Account", "Services")}


def add(world: World, entity: str, **fields: Any) -> str:
    made = accountant.create(world.sandbox.companies[world.realm], entity, fields, world.clock.now())
    return str(made["Id"])


def named(world: World, entity: str, name: str) -> str:
    names = ("DisplayName", "Name")
    return next(str(e["Id"]) for e in world.books(entity) if name in [e.get(field) for field in names])


def change(world: World, entity: str, object_id: str, **fields: Any) -> None:
    company = world.sandbox.companies[world.realm]
    accountant.change(company, entity, object_id, fields, world.clock.now())


async def map_again(world: World) -> None:
    """Map the account and the product to their present customer and item again."""
    customers, items = world.books("Customer"), world.books("Item")
    await world.admin().map_account("A-1", next(c["Id"] for c in customers if "Acme" in c["DisplayName"]))
    await world.admin().map_product("P-1", next(i["Id"] for i in items if "Seat" in i["Name"]))
    await world.settle()


async def gate_and_reason(world: World, deal: str = "D-1") -> tuple[str | None, str]:
    row = (await world.deals())[deal]
    return row["gate"], row["reason"] or ""


async def check(world: World) -> None:
    found = await world.services.database.read(violations, world.clock.now(), Books({}))
    assert not any(found.values()), found


async def test_mapped_customers_and_items_are_read_once(mapped: World) -> None:
    for number in range(3):
        await mapped.send(*stories.signed_deal(f"D-{number}"))
        await mapped.settle()
    assert len(mapped.books()) == 3
    seen = types(await mapped.log())
    assert (seen.count("customer.observed.v1"), seen.count("item.observed.v1")) == (1, 1)
    await check(mapped)


async def test_customers_and_items_mapped_before_connecting_are_read_when_a_deal_needs_them(
    world: World,
) -> None:
    await world.add_workspace()
    await world.admin().change_settings({"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"})
    await world.admin().map_account("A-1", "1")
    await world.admin().map_product("P-1", "1")
    await world.send(*stories.signed_deal(), *stories.signed_deal("D-2"))
    await world.settle()
    await world.connect()
    await world.settle()
    assert len(world.books()) == 2
    assert types(await world.log()).count("customer.observed.v1") == 1
    await check(world)


@pytest.mark.parametrize(("entity", "gate"), [("Customer", "customer_inactive"), ("Item", "item_inactive")])
async def test_an_inactive_customer_or_item_is_named_before_an_invoice_is_sent(
    mapped: World, entity: str, gate: str
) -> None:
    object_id = named(mapped, entity, "Acme" if entity == "Customer" else "Seat")
    change(mapped, entity, object_id, Active=False)
    await map_again(mapped)
    await mapped.send(*stories.signed_deal())
    await mapped.settle()
    found, reason = await gate_and_reason(mapped)
    assert found == gate
    assert object_id in reason
    assert "command.rejected.v1" not in types(await mapped.log())
    await check(mapped)

    change(mapped, entity, object_id, Active=True)
    await mapped.admin().request_invoice("D-1")
    await mapped.settle()
    assert len(mapped.books()) == 1
    await check(mapped)


@pytest.mark.parametrize("entity", ["Customer", "Item"])
async def test_a_customer_or_item_that_became_inactive_since_is_refused_read_again_and_named(
    mapped: World, entity: str
) -> None:
    object_id = named(mapped, entity, "Acme" if entity == "Customer" else "Seat")
    change(mapped, entity, object_id, Active=False)
    await mapped.send(*stories.signed_deal())
    await mapped.settle()
    found, reason = await gate_and_reason(mapped)
    assert found == ("customer_inactive" if entity == "Customer" else "item_inactive")
    assert object_id in reason
    await check(mapped)
    change(mapped, entity, object_id, Active=True)
    await mapped.admin().request_invoice("D-1")
    await mapped.settle()
    assert len(mapped.books()) == 1
    assert (await mapped.explain()).first_unmet is None


async def test_a_customer_or_item_that_quickbooks_does_not_have_is_a_fact_with_a_remedy(
    mapped: World,
) -> None:
    await mapped.admin().map_account("A-1", "999")
    await mapped.send(*stories.signed_deal())
    await mapped.settle()
    found, reason = await gate_and_reason(mapped)
    assert found == "account_not_mapped"
    assert "no customer 999" in reason
    await mapped.admin().map_product("P-1", "998")
    await mapped.admin().map_account("A-1", named(mapped, "Customer", "Acme"))
    await mapped.settle()
    found, reason = await gate_and_reason(mapped)
    assert found == "product_not_mapped"
    assert "no item 998" in reason
    await mapped.admin().map_product("P-1", named(mapped, "Item", "Seat"))
    await mapped.settle()
    assert len(mapped.books()) == 1
    await check(mapped)


async def test_a_customer_that_comes_to_be_under_a_mapped_id_opens_the_gate(mapped: World) -> None:
    next_id = str(max(int(c["Id"]) for c in (*mapped.books("Customer"), *mapped.books("Vendor"))) + 1)
    await mapped.admin().map_account("A-1", next_id)
    await mapped.send(*stories.signed_deal())
    await mapped.settle()
    assert (await gate_and_reason(mapped))[0] == "account_not_mapped"
    await mapped.send(stories.account("A-2"))
    await mapped.admin().request_customer("A-2")
    await mapped.settle()
    assert len(mapped.books()) == 1
    await check(mapped)


async def test_a_category_can_not_be_sold(mapped: World) -> None:
    category = add(mapped, "Item", Name="Hardware", Type="Category")
    await mapped.admin().map_product("P-1", category)
    await mapped.send(*stories.signed_deal())
    await mapped.settle()
    found, reason = await gate_and_reason(mapped)
    assert found == "product_not_mapped"
    assert f"Hardware ({category}, Category)" in reason
    await check(mapped)


@pytest.mark.parametrize("code", ["4002", "500"])
async def test_a_failed_reading_has_its_reason_and_is_retried_by_itself(mapped: World, code: str) -> None:
    status = 503 if code == "500" else 400
    refusal = Refusal(
        code=code, status=status, detail="Not now", operations=("read",), entities=("Customer",)
    )
    mapped.sandbox.trouble.follow(Plan(refusals=(refusal,)))
    await mapped.admin().map_account("A-1", named(mapped, "Customer", "Acme"))
    await mapped.send(*stories.signed_deal())
    await mapped.settle(patience=timedelta(minutes=10))
    found, reason = await gate_and_reason(mapped)
    assert found == "mapping_not_read"
    assert f"customer {named(mapped, 'Customer', 'Acme')}: " in reason
    assert code in reason
    assert types(await mapped.log()).count("reading.failed.v1") <= 10
    await check(mapped)
    mapped.sandbox.trouble.follow(Plan())
    await mapped.settle(patience=timedelta(hours=2))
    assert len(mapped.books()) == 1
    await check(mapped)


async def test_the_crm_is_not_told_that_something_is_being_read(mapped: World) -> None:
    await mapped.send(*stories.signed_deal(account_id="A-2"), stories.account("A-2"))
    await mapped.settle()
    await mapped.admin().map_account("A-2", "1")
    await mapped.follow()
    assert (await gate_and_reason(mapped))[0] == "mapping_being_read"
    await mapped.settle()
    held = [r.event.payload for r in await mapped.log() if r.event.type == catalog.DEAL_INVOICE_HELD]
    assert {gate.gate for told in held for gate in told.gates} == {"account_not_mapped", "account_missing"}
    assert len(mapped.books()) == 1
