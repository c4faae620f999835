"""With QuickBooks: items of unmapped products are created once, or their lines have the default item."""

import sqlalchemy as sa

from projections.mappings import mappings
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.sandbox import accountant
from worker.verification.books import Books
from worker.verification.invariants import violations


async def opened(world: World, rule: str) -> None:
    await world.add_workspace()
    await world.connect()
    await world.admin().change_settings(
        {
            "auto_invoice": "true",
            "cut_over": "2026-01-01T00:00:00Z",
            "income_account": "Services",
            "unmapped_product": rule,
        }
    )
    await world.settle()
    await Office(world).work()
    await world.admin().request_customer("A-1")


async def check(world: World) -> None:
    found = await world.services.database.read(violations, world.clock.now(), Books({}))
    assert not any(found.values()), found


def sold(world: World) -> list[str]:
    """Return the item on the first line of each invoice."""
    return [str(each["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"]) for each in world.books()]


async def shown(world: World) -> tuple[str, str | None]:
    """Return the status and the item of the product in the read model."""
    query = sa.select(mappings.c.status, mappings.c.target).where(mappings.c.id == "P-1")
    (row,) = await world.services.database.read(lambda connection: list(connection.execute(query)))
    return row[0], row[1]


async def test_one_item_is_created_for_two_deals(world: World) -> None:
    await opened(world, "create")
    await world.send(stories.account(), *stories.signed_deal(), *stories.signed_deal("D-2"))
    await world.settle()
    (item,) = [each for each in world.books("Item") if each["Name"] == "Platform seat"]
    assert sold(world) == [item["Id"]] * 2
    assert item["IncomeAccountRef"]["name"] == "Services"
    await check(world)


async def test_the_owner_of_the_name_is_named_and_a_person_maps_the_product_to_it(world: World) -> None:
    await opened(world, "create")
    company = world.sandbox.companies[world.realm]
    incomes = [each for each in world.books("Account") if each["AccountType"] == "Income"]
    earns = next(each["Id"] for each in incomes if each["Name"] != "Services")
    fields = {"Name": "Platform seat", "Type": "Service", "IncomeAccountRef": {"value": earns}}
    holder = str(accountant.create(company, "Item", fields, world.clock.now())["Id"])
    await world.send(stories.account(), *stories.signed_deal())
    await world.settle()
    row = (await world.deals())["D-1"]
    assert (row["gate"], world.books()) == ("product_not_mapped", [])
    assert f"item {holder} (Platform seat) already has the name" in str(row["reason"])
    await world.admin().map_product("P-1", holder)
    await world.settle()
    assert sold(world) == [holder]
    await check(world)


async def test_the_default_item_is_invoiced_until_an_accountant_makes_it_inactive(world: World) -> None:
    await opened(world, "default 1")
    await world.send(stories.account(), *stories.signed_deal())
    await world.settle()
    assert sold(world) == ["1"]
    assert world.books()[0]["Line"][0]["Description"].startswith("Platform seat")
    company = world.sandbox.companies[world.realm]
    accountant.change(company, "Item", "1", {"Active": False}, world.clock.now())
    await world.admin().change_settings({"unmapped_product": "default 1"})
    await world.send(*stories.signed_deal("D-2"))
    await world.settle()
    row = (await world.deals())["D-2"]
    assert (row["gate"], len(world.books())) == ("item_inactive", 1)
    assert "The default item of unmapped products is inactive" in str(row["reason"])
    accountant.change(company, "Item", "1", {"Active": True}, world.clock.now())
    await world.admin().change_settings({"unmapped_product": "default 1"})
    await world.settle()
    assert sold(world) == ["1", "1"]
    await check(world)


async def test_a_mapping_made_while_the_item_is_being_created_stays_and_is_shown(world: World) -> None:
    await opened(world, "create")
    await world.send(stories.account())
    await world.settle()
    await world.send(*stories.signed_deal())
    await world.follow()
    assert await shown(world) == ("requested", None)
    await world.admin().map_product("P-1", "1")
    await world.settle()
    assert (sold(world), await shown(world)) == (["1"], ("mapped", "1"))
    assert [each["Name"] for each in world.books("Item")].count("Platform seat") == 1
    await check(world)
