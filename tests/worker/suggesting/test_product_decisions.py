"""People accept, reject and override suggested items, and ignore products; each decision is recorded with what was shown."""

from typing import Any

import pytest
import pytest_asyncio

from events.contract import catalog
from events.contract.reviewing import PRODUCT_LINKED, PRODUCT_REJECTED
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import reviews
from worker.actions.admin import ActionRefused
from worker.actions.reviewed import PRODUCTS
from worker.sandbox import accountant
from worker.verification.books import Books
from worker.verification.invariants import violations

SEAT = "Platform seat"


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A connected company with two items of nearly one name, and a product that could be either."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    account = next(each["Id"] for each in world.books("Account") if each["AccountType"] == "Income")
    for name in (SEAT, "Platform seat, yearly"):
        fields = {"Name": name, "Type": "Service", "IncomeAccountRef": {"value": account}}
        accountant.create(opened.company, "Item", fields, world.clock.now())
    await world.send(stories.deal())
    await opened.work()
    return opened


def ids(office: Office) -> dict[str, str]:
    return {item["Name"]: item["Id"] for item in office.world.books("Item")}


async def last(office: Office, event_type: str) -> Any:
    return [each.event.payload for each in await office.world.log() if each.event.type == event_type][-1]


async def refused(work: Any) -> str:
    with pytest.raises(ActionRefused) as caught:
        await work
    return caught.value.reason


async def test_an_accepted_suggestion_is_a_mapping_with_its_evidence(office: Office) -> None:
    acting = office.world.admin()
    await reviews.accept(acting, PRODUCTS, "P-1")
    mapped = await last(office, catalog.PRODUCT_MAPPED)
    assert (mapped.item_id, mapped.realm, mapped.by) == (ids(office)[SEAT], office.world.realm, "ada")
    assert (str(mapped.evidence.score), mapped.evidence.reasons) == ("99.9", ("same_name",))
    assert await refused(reviews.accept(acting, PRODUCTS, "P-1")) == "nothing_suggested"
    await office.work()
    assert await refused(reviews.accept(acting, PRODUCTS, "P-1")) == "nothing_suggested"
    assert await refused(reviews.reject(acting, PRODUCTS, "P-1", ids(office)[SEAT])) == "product_mapped"
    assert await refused(reviews.ignore(acting, PRODUCTS, "P-1")) == "product_mapped"


async def test_a_rejected_item_is_never_suggested_again_and_the_next_best_is(office: Office) -> None:
    acting, other = office.world.admin(), ids(office)["Platform seat, yearly"]
    assert await refused(reviews.accept(acting, PRODUCTS, "P-1", other)) == "suggestion_changed"
    await reviews.reject(acting, PRODUCTS, "P-1")
    rejected = await last(office, PRODUCT_REJECTED)
    assert (rejected.item_id, str(rejected.evidence.score)) == (ids(office)[SEAT], "99.9")
    await office.work()
    await reviews.accept(acting, PRODUCTS, "P-1", other)
    await office.sync(full=True)
    assert (await last(office, catalog.PRODUCT_MAPPED)).item_id == other


async def test_an_ignored_product_is_not_suggested(office: Office) -> None:
    acting = office.world.admin()
    await reviews.ignore(acting, PRODUCTS, "P-1", "a test")
    assert await refused(reviews.accept(acting, PRODUCTS, "P-1")) == "nothing_suggested"
    await reviews.unignore(acting, PRODUCTS, "P-1")
    assert await refused(reviews.unignore(acting, PRODUCTS, "P-1")) == "not_ignored"
    await reviews.accept(acting, PRODUCTS, "P-1")


async def test_several_products_may_be_mapped_to_one_item(office: Office) -> None:
    acting, item = office.world.admin(), ids(office)[SEAT]
    await acting.map_product("P-1", item)
    await acting.map_product("P-2", item)
    await office.work()
    assert await office.world.services.database.read(violated, office.world.clock.now()) == []


def violated(connection: Any, now: Any) -> list[str]:
    return [said for found in violations(connection, now, Books()).values() for said in found]


async def test_a_link_that_the_worker_made_by_itself_can_be_rejected(office: Office) -> None:
    acting = office.world.admin()
    await acting.change_settings({"auto_link": "95 %"})
    await office.work()
    linked = await last(office, PRODUCT_LINKED)
    assert linked.item_id == ids(office)[SEAT]
    assert await refused(reviews.ignore(acting, PRODUCTS, "P-1")) == "product_mapped"
    await reviews.reject(acting, PRODUCTS, "P-1")
    await office.work()
    await reviews.accept(acting, PRODUCTS, "P-1", ids(office)["Platform seat, yearly"])
    await office.work()
    assert await office.world.services.database.read(violated, office.world.clock.now()) == []


async def test_no_item_is_rejected_while_one_is_being_created_for_the_product(office: Office) -> None:
    acting = office.world.admin()
    await acting.request_item("P-1")
    assert await refused(reviews.reject(acting, PRODUCTS, "P-1")) == "item_being_created"


async def test_a_merged_item_takes_the_link_along(office: Office) -> None:
    acting, found = office.world.admin(), ids(office)
    await acting.change_settings({"auto_link": "95 %"})
    await office.work()
    now = office.world.clock.now()
    accountant.merge(office.company, "Item", found[SEAT], found["Platform seat, yearly"], now)
    await office.notify()
    await office.sync(full=True)
    assert await refused(reviews.accept(acting, PRODUCTS, "P-1")) == "nothing_suggested"
    assert await refused(reviews.ignore(acting, PRODUCTS, "P-1")) == "product_mapped"


async def test_the_log_tells_each_decision(office: Office) -> None:
    acting, first = office.world.admin(), ids(office)[SEAT]
    await reviews.ignore(acting, PRODUCTS, "P-1", "a test")
    await reviews.unignore(acting, PRODUCTS, "P-1")
    await reviews.reject(acting, PRODUCTS, "P-1")
    await office.work()
    await reviews.accept(acting, PRODUCTS, "P-1")
    await office.work()
    log = await office.world.services.database.read(lambda connection: list(log_of(connection)))
    second = ids(office)["Platform seat, yearly"]
    score = (await last(office, catalog.PRODUCT_MAPPED)).evidence.score
    assert [each for each in log if "Read QuickBooks" not in each] == [
        f"This product could be item {first} {SEAT} (99.9 %): same name.",
        "ada said that this product gets no item: a test.",
        "ada said that this product is no longer ignored.",
        f"ada said that this product is not item {first} (score 99.9 %).",
        f"This product could be item {second} Platform seat, yearly ({score} %): contained name.",
        f"ada mapped this product to item {second} (score {score} %).",
    ]


def log_of(connection: Any) -> list[str]:
    rows = connection.exec_driver_sql(
        "SELECT message FROM integration_log_v2 WHERE about = 'product/P-1' ORDER BY position"
    )
    return [row[0] for row in rows]


async def test_an_item_that_was_created_for_a_product_that_is_ignored_meanwhile_is_not_its(
    office: Office,
) -> None:
    acting = office.world.admin()
    await acting.change_settings({"income_account": "Services"})
    await acting.request_item("P-1")
    await office.work()
    await reviews.ignore(acting, PRODUCTS, "P-1")
    await office.world.settle()
    assert await refused(reviews.accept(acting, PRODUCTS, "P-1")) == "nothing_suggested"
    await reviews.unignore(acting, PRODUCTS, "P-1")
    await office.sync(full=True)
    await reviews.accept(acting, PRODUCTS, "P-1")
