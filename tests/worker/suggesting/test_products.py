"""Each product of a quote is suggested the item that it could be, once, and again when the product or its item changes."""

from random import Random
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract.matching import PRODUCT_SUGGESTED, ProductSuggested
from tests import stories
from tests.worker.suggesting.comparing import outdated
from tests.worker.sync.office import Office
from tests.world import World
from worker.sandbox import accountant
from worker.suggesting import portions


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A connected company with two more items than it had, which was not read yet."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    create(opened, "Platform seat", Sku="SEAT-1")
    create(opened, "Onboarding")
    return opened


def create(office: Office, name: str, **fields: Any) -> str:
    account = next(each["Id"] for each in office.world.books("Account") if each["AccountType"] == "Income")
    income = {} if fields.get("Type") == "Category" else {"IncomeAccountRef": {"value": account}}
    content = {"Name": name, "Type": "Service", **income, **fields}
    return str(accountant.create(office.company, "Item", content, office.world.clock.now())["Id"])


def change(office: Office, item: str, **fields: Any) -> None:
    accountant.change(office.company, "Item", item, fields, office.world.clock.now())


async def quote(office: Office, product: str, name: str, sku: str | None = None, revision: int = 1) -> None:
    """Send a deal with a product on its quote."""
    line = {**stories.LINE, "product_id": product, "name": name, "sku": sku}
    quoted = {**stories.QUOTE, "lines": [line]}
    await office.world.send(stories.deal(f"D-{product}", revision=revision, quote=quoted))
    await office.work()


async def suggested(office: Office, product: str | None = None) -> list[ProductSuggested]:
    """Return all suggestions, in order."""
    events = [each.event for each in await office.world.log() if each.event.type == PRODUCT_SUGGESTED]
    return [each.payload for each in events if product in (None, each.payload.product_id)]


async def said(office: Office, product: str) -> list[tuple[str, str | None]]:
    """Return the verdicts on a product, each with the name of the best item."""
    found = await suggested(office, product)
    return [(each.verdict, each.best.item_name if each.best else None) for each in found]


async def test_nothing_is_suggested_before_the_first_sync_is_complete_and_then_everything_is(
    office: Office,
) -> None:
    for product, name, sku in (("P-1", "platform seat", "seat-1"), ("P-2", "Quixote", None)):
        line = {**stories.LINE, "product_id": product, "name": name, "sku": sku}
        await office.world.send(stories.deal(product, quote={**stories.QUOTE, "lines": [line]}))
    await office.world.follow()
    assert await suggested(office) == []
    await office.work()
    first, other = await suggested(office)
    assert (first.product_id, first.verdict, first.number, first.name, first.sku) == (
        "P-1",
        "link",
        1,
        "platform seat",
        "seat-1",
    )
    assert first.best is not None
    assert (first.best.item_name, first.best.reasons) == ("Platform seat", ("same_sku", "same_name"))
    assert (other.product_id, other.verdict, other.best) == ("P-2", "none", None)
    assert await office.world.services.database.read(portions.workspaces) == []


async def test_a_product_is_suggested_again_when_it_or_its_best_item_changes_and_only_then(
    office: Office,
) -> None:
    await office.work()
    await quote(office, "P-1", "Onboarding")
    await quote(office, "P-1", "Onboarding", revision=2)
    await office.sync(full=True)
    assert await said(office, "P-1") == [("link", "Onboarding")]
    await quote(office, "P-1", "Onboarding, remote", revision=3)
    await quote(office, "P-1", "Quixote", revision=4)
    await quote(office, "P-1", "Quichote", revision=5)
    assert (await said(office, "P-1"))[1:] == [("review", "Onboarding"), ("none", None), ("none", None)]
    assert [each.name for each in await suggested(office)][-1] == "Quichote"


async def test_changes_of_items_are_followed_one_by_one(office: Office) -> None:
    await office.work()
    await quote(office, "P-1", "Training day")
    item = create(office, "Training day")
    await office.notify()
    change(office, item, Sku="DAY")
    await office.notify()
    change(office, item, Name="Training day, remote")
    await office.notify()
    change(office, item, Active=False)
    await office.notify()
    found = await suggested(office, "P-1")
    assert [(each.verdict, each.best and each.best.item_name) for each in found] == [
        ("none", None),
        ("link", "Training day"),
        ("review", "Training day, remote"),
        ("review", "Training day, remote (deleted)"),
    ]
    assert found[-1].best
    assert "inactive" in found[-1].best.reasons


async def test_an_item_that_was_merged_into_another_is_no_longer_suggested(office: Office) -> None:
    old = create(office, "Training day")
    new = create(office, "Training days")
    await office.work()
    await quote(office, "P-1", "Training day")
    accountant.merge(office.company, "Item", old, new, office.world.clock.now())
    await office.notify()
    assert await said(office, "P-1") == [("link", "Training day"), ("review", "Training days")]


async def test_categories_and_bundles_are_never_suggested_and_their_names_count(office: Office) -> None:
    category = create(office, "Software", Type="Category")
    create(office, "Seat", SubItem=True, ParentRef={"value": category})
    await office.work()
    await quote(office, "P-1", "Software")
    await quote(office, "P-2", "Software seat")
    assert [name for _, name in await said(office, "P-1")] != ["Software"]
    assert await said(office, "P-2") == [("link", "Software:Seat")]


@pytest.mark.parametrize("decision", ["map", "create"])
async def test_a_product_with_an_item_is_not_suggested(office: Office, decision: str) -> None:
    await office.work()
    acting = office.world.admin()
    await (acting.map_product("P-1", "1") if decision == "map" else acting.request_item("P-1"))
    await quote(office, "P-1", "Onboarding")
    await office.world.settle()
    await office.notify()
    await office.sync(full=True)
    assert await suggested(office, "P-1") == []


async def test_the_names_of_mapped_products_are_learned_until_another_item_is_mapped(office: Office) -> None:
    await office.work()
    seat = next(item["Id"] for item in office.world.books("Item") if item["Name"] == "Platform seat")
    await quote(office, "P-1", "Workplace licence")
    await office.world.admin().map_product("P-1", seat)
    await office.world.settle()
    await quote(office, "P-2", "Workplace Licence")
    (found,) = await suggested(office, "P-2")
    assert found.best is not None
    assert (found.verdict, found.best.item_id, found.best.name) == ("link", seat, "Workplace licence")
    assert "learned_name" in found.best.reasons
    await office.world.admin().map_product("P-1", "1")
    await office.world.settle()
    await quote(office, "P-3", "Workplace licence")
    assert [each.best and each.best.item_id for each in await suggested(office, "P-3")] == ["1"]


async def test_a_rebuilt_table_knows_the_products_of_earlier_quotes(office: Office) -> None:
    await office.work()
    await quote(office, "P-1", "Onboarding")
    before = await suggested(office)

    def forget(connection: sa.Connection) -> None:
        for table in ("suggesting_sought", "suggesting_companies", "suggesting_changed"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - names of tables
        connection.exec_driver_sql("DELETE FROM subscriptions WHERE name = 'matching'")

    await office.world.services.database.transaction(forget)
    await office.work()
    assert await suggested(office) == before
    create(office, "Onboarding again")
    await office.notify()
    await quote(office, "P-1", "Onboarding again", revision=2)
    assert [each.number for each in await suggested(office)] == [1, 2]


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_changes_each_product_is_suggested_as_if_all_were_compared(
    office: Office, seed: int
) -> None:
    chance = Random(seed)
    words = ("Seat", "Training", "Day", "Pro", "Support", "2", "10")

    def name() -> str:
        return " ".join(chance.sample(words, 2))

    items = [create(office, f"{name()} {number}") for number in range(6)]
    await office.work()
    for step in range(25):
        product, item = f"P-{chance.randrange(6)}", chance.choice(items)
        match chance.choice(("quote", "quote", "rename", "sku", "inactive", "merge", "map", "create")):
            case "quote":
                sku = chance.choice((None, "S-1", "S-2"))
                await quote(office, product, name(), sku, revision=step + 1)
            case "rename":
                change(office, item, Name=f"{name()} {step}")
            case "sku":
                change(office, item, Sku=chance.choice(("S-1", "S-2")))
            case "inactive" if len(items) > 3:
                change(office, item, Active=False)
                items.remove(item)
            case "merge" if len(items) > 3:
                stays = chance.choice([each for each in items if each != item])
                accountant.merge(office.company, "Item", item, stays, office.world.clock.now())
                items.remove(item)
            case "map" if step > 15:
                await office.world.admin().map_product(product, item)
            case _:
                items.append(create(office, f"{name()} new {step}"))
        if chance.random() < 0.5:
            await office.notify()
    await office.notify()
    await office.sync()
    assert await office.world.services.database.read(outdated) == []
    assert await suggested(office)
