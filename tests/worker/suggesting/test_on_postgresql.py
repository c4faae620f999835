"""Suggestions and decisions on PostgreSQL, as on SQLite."""

from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from events.contract import catalog
from events.contract.matching import MAPPING_SUGGESTED, PRODUCT_SUGGESTED
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER
from tests import stories
from tests.worker.suggesting.steps import everything, payloads
from tests.worker.sync.office import Office
from tests.world import World, open_world
from worker.actions import bulk_reviews
from worker.actions.effects import effects_of
from worker.actions.reviewed import ACCOUNTS, PRODUCTS
from worker.sandbox import accountant
from worker.suggesting import judging
from worker.suggesting.stages import stage_of
from worker.verification.books import Books
from worker.verification.invariants import violations

NAMES = ("Harper & Lowe Architects", "Kestrel Aviation Services", "Ünal Motor A.Ş.")


async def test_accounts_are_suggested_accepted_and_suggested_again(tmp_path: Path, postgres_url: str) -> None:
    async with open_world(tmp_path, database_url=postgres_url) as world:
        await world.add_workspace()
        await world.connect()
        office = Office(world)
        for name in NAMES:
            create(office, name)
        await world.send(*(stories.account(f"A-{name}", name=name) for name in NAMES))
        await office.work()
        assert await suggestions(world) == 3
        await world.send(stories.account("A-1", name="Lakeshore Montessori"))
        await office.work()
        create(office, "Lakeshore Montessori")
        await office.notify()
        assert await suggestions(world) == 3 + 2
        rows = await bulk_reviews.above(world.admin(), ACCOUNTS, Decimal(90))
        done = [each.done async for each in bulk_reviews.review(world.admin(), rows)]
        assert done == [True] * 4
        await office.work()
        assert await world.services.database.read(stage_of, "acme") == "compared"
        create(office, "Kestrel Aviation Services, Inc.")
        await office.notify()
        listed = await judging.duplicate_customers(world.services.database, "acme")
        assert "Kestrel Aviation Services" in {each.other_name for each in listed}
        assert await judging.changed_decisions(world.services.database, "acme") == []

        def broken(connection: sa.Connection) -> list[str]:
            found = violations(connection, world.clock.now(), Books())
            return [said for each in found.values() for said in each]

        assert await world.services.database.read(broken) == []


async def test_customers_are_created_and_offered_as_they_were_counted(
    tmp_path: Path, postgres_url: str
) -> None:
    async with open_world(tmp_path, database_url=postgres_url) as world:
        await world.add_workspace()
        await world.connect()
        office = Office(world)
        for name in NAMES[:2]:
            create(office, name)
        await world.send(*(stories.account(f"A-{name}", name=name) for name in NAMES[1:]))
        await everything(office)
        changes = {
            "customer_sync": "both",
            "unmapped_account": "create_at_once",
            "unmapped_customer": "create_in_crm",
        }
        counted = await effects_of(world.admin(), changes)
        await world.admin().change_settings(changes)
        await everything(office)
        created = await payloads(office, catalog.CUSTOMER_COMMANDED)
        offered = await payloads(office, ACCOUNT_CREATED_FROM_CUSTOMER)
        assert [each.display_name for each in created] == [NAMES[2]]
        assert NAMES[0] in {each.fields["name"] for each in offered}
        assert (counted.customers_created, counted.accounts_offered) == (len(created), len(offered))
        await office.sync(full=True)
        await everything(office)
        assert await payloads(office, ACCOUNT_CREATED_FROM_CUSTOMER) == offered
        assert await payloads(office, catalog.CUSTOMER_COMMANDED) == created


def create(office: Office, name: str) -> None:
    accountant.create(office.company, "Customer", {"DisplayName": name}, office.world.clock.now())


async def test_products_are_suggested_accepted_and_suggested_again(tmp_path: Path, postgres_url: str) -> None:
    async with open_world(tmp_path, database_url=postgres_url) as world:
        await world.add_workspace()
        await world.connect()
        office = Office(world)
        account = next(each["Id"] for each in world.books("Account") if each["AccountType"] == "Income")
        fields = {"Name": "Platform seat", "Type": "Service", "IncomeAccountRef": {"value": account}}
        item = accountant.create(office.company, "Item", fields, world.clock.now())["Id"]
        await world.send(stories.account(), stories.deal())
        await office.work()
        assert await suggestions(world, PRODUCT_SUGGESTED) == 1
        accountant.change(office.company, "Item", item, {"Name": "Platform seats"}, world.clock.now())
        await office.notify()
        assert await suggestions(world, PRODUCT_SUGGESTED) == 2
        rows = await bulk_reviews.above(world.admin(), PRODUCTS, Decimal(0))
        assert [each.done async for each in bulk_reviews.review(world.admin(), rows)] == [True]
        await office.work()
        assert await bulk_reviews.above(world.admin(), PRODUCTS, Decimal(0)) == []


async def suggestions(world: World, event_type: str = MAPPING_SUGGESTED) -> int:
    return sum(each.event.type == event_type for each in await world.log())
