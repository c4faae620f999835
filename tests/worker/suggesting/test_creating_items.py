"""With QuickBooks: an item of an unmapped product is created once, after a comparison that knows all that was observed."""

from random import Random
from typing import Any

import pytest
import pytest_asyncio

from events.contract import catalog
from events.contract.unmatched import PRODUCT_COMPARISON_REQUESTED, PRODUCT_UNMATCHED
from tests import stories
from tests.worker.suggesting.steps import (
    STEPS,
    compare,
    decide,
    everything,
    listen,
    payloads,
    read_all,
    request_sync,
)
from tests.worker.sync.office import Office
from tests.world import World
from worker.sandbox import accountant
from worker.verification.books import Books
from worker.verification.invariants import violations

NAMES = ("Onboarding workshop", "Annual audit", "Priority support", "Data migration")


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A connected company that was read, in which items are created, and a mapped account."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    chosen = {"unmapped_product": "create", "income_account": "Services", "auto_invoice": "true"}
    await world.admin().change_settings({**chosen, "cut_over": "2026-01-01T00:00:00Z"})
    await world.send(stories.account())
    await opened.work()
    await world.admin().map_account("A-1", "1")
    await everything(opened)
    return opened


def item(office: Office, name: str) -> str:
    account = next(each["Id"] for each in office.world.books("Account") if each["AccountType"] == "Income")
    fields: dict[str, Any] = {"Name": name, "Type": "Service", "IncomeAccountRef": {"value": account}}
    return str(accountant.create(office.company, "Item", fields, office.world.clock.now())["Id"])


def sold(deal: str, product: str, name: str) -> list[dict[str, Any]]:
    line = {**stories.LINE, "product_id": product, "name": name, "sku": None}
    return stories.signed_deal(deal, quote={**stories.QUOTE, "lines": [line]})


def named(office: Office, name: str) -> list[str]:
    return [each["Id"] for each in office.world.books("Item") if each["Name"] == name]


async def check(office: Office) -> None:
    found = await office.world.services.database.read(violations, office.world.clock.now(), Books({}))
    assert not any(found.values()), found


async def test_an_item_is_created_once_and_its_deals_are_invoiced(office: Office) -> None:
    await office.world.send(*sold("D-1", "P-1", NAMES[0]), *sold("D-2", "P-1", NAMES[0]))
    await everything(office)
    (created,) = named(office, NAMES[0])
    lines = [
        invoice["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] for invoice in office.world.books()
    ]
    assert lines == [created, created]
    await check(office)


async def test_an_item_that_was_observed_before_the_creation_is_reviewed_instead(office: Office) -> None:
    await office.world.send(*sold("D-1", "P-1", NAMES[0]))
    for step in (decide, listen, compare, decide, listen):
        await step(office)
    assert len(await payloads(office, PRODUCT_COMPARISON_REQUESTED)) == 1
    there = item(office, f"{NAMES[0]}s")
    await request_sync(office)
    await read_all(office)
    await compare(office)
    assert await payloads(office, PRODUCT_UNMATCHED) == [], "an item was observed that was not heard of yet"
    await everything(office)
    assert await payloads(office, catalog.ITEM_COMMANDED) == []
    row = (await office.world.deals())["D-1"]
    assert (row["gate"], f"({there})" in str(row["reason"])) == ("product_not_mapped", True)
    await office.world.admin().map_product("P-1", there)
    await everything(office)
    assert len(office.world.books()) == 1
    await check(office)


@pytest.mark.parametrize("seed", range(3))
async def test_in_any_order_of_steps_no_item_is_created_beside_one_that_was_observed_before(
    office: Office, seed: int
) -> None:
    """Each name arrives on a quote and as an item; the worker's steps run in any order, and its memory is lost."""
    chance = Random(seed)
    coming = [(side, name) for name in NAMES for side in ("product", "item")]
    chance.shuffle(coming)
    while coming:
        side, name = coming.pop()
        if side == "product":
            number = NAMES.index(name)
            await office.world.send(*sold(f"D-{number}", f"P-{number}", name))
        else:
            item(office, f"{name}s")
            await request_sync(office)
        for _ in range(chance.randrange(12)):
            await chance.choice([*STEPS.values(), read_all])(office)
    await everything(office)
    log = [(each.position, each.event.type, each.event.payload) for each in await office.world.log()]
    commanded = [fact.product_id for _, kind, fact in log if kind == catalog.ITEM_COMMANDED]
    assert len(set(commanded)) == len(commanded)
    for product_id in commanded:
        name = NAMES[int(product_id.removeprefix("P-"))]
        answer = max(
            position
            for position, kind, fact in log
            if kind == PRODUCT_UNMATCHED and fact.product_id == product_id
        )
        seen = [
            position
            for position, kind, fact in log
            if kind == catalog.ITEM_OBSERVED and fact.name == f"{name}s"
        ]
        assert all(position > answer for position in seen), name
    for number, name in enumerate(NAMES):
        assert len(named(office, name)) == (f"P-{number}" in commanded), name
    await check(office)
