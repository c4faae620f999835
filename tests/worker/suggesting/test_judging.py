"""Duplicate customers and differing decisions are listed on demand, and nothing is changed."""

from typing import Any

import pytest_asyncio

from events.contract.matching import MAPPING_SUGGESTED
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import reviews
from worker.actions.reviewed import ACCOUNTS, PRODUCTS
from worker.sandbox import accountant
from worker.suggesting import judging, kinds

HARPER = "Harper & Lowe Architects"


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A connected company with three customers, two of them duplicates, which was read, and an account."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    for name in (HARPER, "Harper and Lowe Architects, Inc.", "Kestrel Aviation"):
        create(opened, name)
    await world.send(stories.account("A-1", name=HARPER))
    await opened.work()
    return opened


def create(office: Office, name: str, **fields: Any) -> str:
    now = office.world.clock.now()
    return str(accountant.create(office.company, "Customer", {"DisplayName": name, **fields}, now)["Id"])


def ids(office: Office) -> dict[str, str]:
    return {customer["DisplayName"]: customer["Id"] for customer in office.world.books("Customer")}


async def differing(office: Office, *, older: bool = False) -> list[tuple[str, str, str, str]]:
    found = await judging.changed_decisions(office.world.services.database, "acme", older=older)
    return [(each.subject, each.decision, each.target, each.best) for each in found]


async def test_duplicates_are_listed_until_they_are_merged(office: Office) -> None:
    (found,) = [
        each
        for each in await judging.duplicate_customers(office.world.services.database, "acme")
        if each.other_name == HARPER
    ]
    assert (found.name, found.reasons) == ("Harper and Lowe Architects, Inc.", ("same_name",))
    accountant.merge(office.company, "Customer", found.id, found.other, office.world.clock.now())
    await office.sync(full=True)
    listed = await judging.duplicate_customers(office.world.services.database, "acme")
    assert found not in listed


async def test_a_suggestion_says_that_its_best_two_candidates_are_duplicates(office: Office) -> None:
    (event,) = [each.event for each in await office.world.log() if each.event.type == MAPPING_SUGGESTED]
    suggested = event.payload
    assert (suggested.verdict, suggested.duplicate) == ("review", True)
    assert suggested.twin is not None
    assert {suggested.best.display_name, suggested.twin.display_name} == {
        HARPER,
        "Harper and Lowe Architects, Inc.",
    }
    twin = ids(office)[suggested.twin.display_name]
    accountant.merge(office.company, "Customer", twin, suggested.best.customer_id, office.world.clock.now())
    await office.sync(full=True)
    events = [each.event.payload for each in await office.world.log() if each.event.type == MAPPING_SUGGESTED]
    assert (events[-1].verdict, events[-1].duplicate) == ("link", False)


async def test_a_mapping_is_listed_once_another_customer_is_the_best_and_it_stays(office: Office) -> None:
    kestrel, harper = ids(office)["Kestrel Aviation"], ids(office)[HARPER]
    await office.world.admin().map_account("A-1", kestrel)
    await office.work()
    before = await office.head()
    ((account, decision, customer, best),) = await differing(office)
    assert (account, decision, customer) == ("A-1", "mapped", kestrel)
    assert best in {harper, ids(office)["Harper and Lowe Architects, Inc."]}
    assert await differing(office, older=True) == [], "the present matcher compared it"
    assert await office.head() == before, "nothing is changed"
    await office.world.admin().map_account("A-1", harper)
    await office.work()
    assert await differing(office) == [], "a customer that is as good is no difference"


async def test_a_rejected_customer_that_is_the_best_is_listed(office: Office) -> None:
    acting, kestrel = office.world.admin(), ids(office)["Kestrel Aviation"]
    await office.world.send(stories.account("A-2", name="Kestrel"))
    await office.work()
    await reviews.reject(acting, ACCOUNTS, "A-2", kestrel)
    await office.work()
    assert await differing(office) == [("A-2", "rejected", kestrel, kestrel)]


async def test_decisions_about_products_are_listed_likewise(office: Office) -> None:
    world, acting = office.world, office.world.admin()
    account = next(each["Id"] for each in world.books("Account") if each["AccountType"] == "Income")
    made = {}
    for name in ("Platform seat", "Training day"):
        fields = {"Name": name, "Type": "Service", "IncomeAccountRef": {"value": account}}
        made[name] = str(accountant.create(office.company, "Item", fields, world.clock.now())["Id"])
    names = {"P-1": "Platform seat", "P-2": "Training day", "P-3": "Platform seat"}
    quoted = [
        {**stories.LINE, "line_id": product, "product_id": product, "name": name, "sku": None}
        for product, name in names.items()
    ]
    await world.send(stories.deal(quote={**stories.QUOTE, "lines": quoted}))
    await office.notify()
    seat, day = made.values()
    await acting.map_product("P-1", day)
    await reviews.reject(acting, PRODUCTS, "P-2", day)
    await acting.map_product("P-3", seat)
    await office.work()
    found = await judging.changed_decisions(world.services.database, "acme", kinds.PRODUCTS)
    assert [(each.subject, each.decision, each.target, each.best) for each in found] == [
        ("P-1", "mapped", day, seat),
        ("P-2", "rejected", day, day),
    ]
    told = found[0].told("product", "item")
    assert (told["product_name"], told["item_name"], told["best_name"]) == (
        "Platform seat",
        "Training day",
        "Platform seat",
    )
    assert await differing(office) == []


async def test_without_a_company_nothing_is_listed(world: World) -> None:
    await world.add_workspace()
    assert await judging.duplicate_customers(world.services.database, "acme") == []
    assert await judging.changed_decisions(world.services.database, "acme") == []
