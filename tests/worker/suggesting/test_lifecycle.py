"""Customers that accountants rename, merge, make inactive, reactivate or put below another one, and what becomes of mappings."""

from typing import Any

import pytest
import pytest_asyncio

from events.contract import catalog
from events.contract.matching import MAPPING_SUGGESTED
from events.contract.reviewing import MAPPING_MOVED
from projections import mappings
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import reviews
from worker.actions.admin import ActionRefused
from worker.actions.reviewed import ACCOUNTS
from worker.sandbox import accountant


@pytest_asyncio.fixture
async def office(ready: World) -> Office:
    """A company that was read, and an account and a product that a person mapped, ready to be invoiced."""
    opened = Office(ready)
    await opened.work()
    return opened


def create(office: Office, name: str, **fields: Any) -> str:
    now = office.world.clock.now()
    return str(accountant.create(office.company, "Customer", {"DisplayName": name, **fields}, now)["Id"])


def change(office: Office, customer: str, **fields: Any) -> None:
    accountant.change(office.company, "Customer", customer, fields, office.world.clock.now())


async def merge(
    office: Office, gone: str, stays: str, entity: str = "Customer", *, is_named: bool = True
) -> None:
    """Merge two entries, and deliver the notices of it; they may name which one stays."""
    now = office.world.clock.now()
    accountant.merge(office.company, entity, gone, stays, now)
    for each, survivor in ((stays, None), (gone, stays if is_named else None)):
        fact = {"realm": office.world.realm, "entity": entity, "entity_id": each, "operation": "Merge"}
        fact |= {"at": now.isoformat()} | ({"survivor": survivor} if survivor else {})
        await office.world.send(stories.cloudevent("quickbooks.changed", fact, id=f"{each}-{now}"))
    await office.world.follow()
    office.world.clock.advance(2)
    await office.work()
    await office.world.settle()


async def sell(office: Office, deal: str, account: str = "A-1") -> Any:
    """Sign a deal, and return the customer of its invoice; or the case of the gate at which it stands."""
    await office.world.send(*stories.signed_deal(deal, account_id=account))
    await office.world.settle()
    gate = await stands_at(office, deal)
    if gate is not None:
        return gate
    created = [
        each.event.payload for each in await office.world.log() if each.event.type == catalog.INVOICE_CREATED
    ]
    return next(each.customer_id for each in created if each.deal_id == deal)


async def stands_at(office: Office, deal: str) -> tuple[str, str | None] | None:
    """Return the first unmet gate of a deal, with its case."""
    gates = (await office.world.explain(deal)).gates
    return next(((each.gate, each.case) for each in gates if not each.met), None)


async def listed(office: Office, account: str) -> tuple[str, str | None, str | None]:
    """Return the state, the customer and the person of a mapping in the read model."""
    table = mappings.mappings
    found = await office.world.services.database.read(
        lambda connection: connection.execute(
            table.select().where(table.c.kind == "account", table.c.id == account)
        ).one()
    )
    return found.state, found.target, found.by


async def verdicts(office: Office, account: str) -> list[tuple[str, str | None]]:
    events = [each.event for each in await office.world.log() if each.event.type == MAPPING_SUGGESTED]
    found = [each.payload for each in events if each.payload.account_id == account]
    return [(each.verdict, each.best.customer_id if each.best else None) for each in found]


async def test_a_mapping_follows_a_merge_and_stays_the_person_s(office: Office) -> None:
    gone, stays = create(office, "Blue Falcon"), create(office, "Blue Falcon Airways")
    await office.notify()
    await office.world.send(stories.account("A-2", name="Falcon"))
    await office.world.admin().map_account("A-2", gone)
    await office.work()
    await merge(office, gone, stays)
    moved = [each.event.payload for each in await office.world.log() if each.event.type == MAPPING_MOVED]
    assert [(each.account_id, each.merged, each.customer_id) for each in moved] == [("A-2", gone, stays)]
    assert await listed(office, "A-2") == ("mapped", stays, "ada")
    assert await sell(office, "D-2", "A-2") == stays
    await office.world.send(stories.account("A-3", name="Falcon"))
    await office.work()
    assert (await verdicts(office, "A-3"))[-1][1] == stays, "the name is one of the customer that stays"


async def test_a_merge_without_a_known_survivor_holds_the_deals(office: Office) -> None:
    gone, stays = create(office, "Blue Falcon"), create(office, "Blue Falcon Airways")
    await office.notify()
    await office.world.send(stories.account("A-2", name="Falcon"))
    await office.world.admin().map_account("A-2", gone)
    await office.work()
    await merge(office, gone, stays, is_named=False)
    assert await sell(office, "D-2", "A-2") == ("account_not_mapped", "merged")
    await office.world.admin().map_account("A-2", stays)
    await office.world.settle()
    assert await listed(office, "A-2") == ("mapped", stays, "ada")
    assert await stands_at(office, "D-2") is None


async def test_of_two_accounts_whose_customers_became_one_the_second_holds(office: Office) -> None:
    gone, stays = create(office, "Blue Falcon"), create(office, "Blue Falcon Airways")
    await office.notify()
    for account, customer in (("A-2", gone), ("A-3", stays)):
        await office.world.send(stories.account(account))
        await office.world.admin().map_account(account, customer)
    await office.work()
    await merge(office, gone, stays)
    assert await sell(office, "D-2", "A-2") == ("account_not_mapped", "merged_into_another_accounts")
    assert await sell(office, "D-3", "A-3") == stays
    with pytest.raises(ActionRefused) as refused:
        await office.world.admin().map_account("A-2", stays)
    assert (refused.value.reason, "A-3" in refused.value.detail) == ("customer_taken", True)


async def test_a_product_s_mapping_follows_a_merge_of_items(office: Office) -> None:
    await sell(office, "D-1")
    [created] = [
        each.event.payload for each in await office.world.log() if each.event.type == catalog.ITEM_CREATED
    ]
    [row] = [each for each in office.world.books("Item") if each["Id"] == created.item_id]
    fields = {"Name": "Seat", "Type": "Service", "IncomeAccountRef": row["IncomeAccountRef"]}
    stays = accountant.create(office.company, "Item", fields, office.world.clock.now())["Id"]
    await office.notify()
    await merge(office, created.item_id, stays, "Item")
    await sell(office, "D-2")
    assert await stands_at(office, "D-2") is None
    invoice = max(office.world.books("Invoice"), key=lambda each: int(each["Id"]))
    assert invoice["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] == stays


async def test_a_renamed_customer_keeps_its_account_and_is_suggested_by_its_new_name(office: Office) -> None:
    customer = create(office, "Blue Falcon")
    await office.notify()
    change(office, customer, DisplayName="Quixote")
    await office.notify()
    await office.world.send(
        stories.account("A-2", name="Quixote"), stories.account("A-3", name="Blue Falcon")
    )
    await office.work()
    assert await verdicts(office, "A-2") == [("link", customer)]
    assert await verdicts(office, "A-3") == [("none", None)]
    await reviews.accept(office.world.admin(), ACCOUNTS, "A-2")
    await office.work()
    change(office, customer, DisplayName="Yet another name")
    await office.notify()
    assert await sell(office, "D-2", "A-2") == customer


async def test_an_inactive_customer_is_reviewed_by_its_former_name_and_reactivated_it_links(
    office: Office,
) -> None:
    customer = create(office, "Blue Falcon")
    change(office, customer, Active=False)
    await office.notify()
    await office.world.send(stories.account("A-2", name="Blue Falcon"))
    await office.work()
    assert await verdicts(office, "A-2") == [("review", customer)]
    change(office, customer, Active=True)
    await office.notify()
    assert (await verdicts(office, "A-2"))[1:] == [("link", customer)]
    await reviews.accept(office.world.admin(), ACCOUNTS, "A-2")
    await office.work()
    change(office, customer, Active=False)
    await office.notify()
    assert await sell(office, "D-2", "A-2") == ("customer_inactive", None)
    change(office, customer, Active=True)
    await office.notify()
    await office.world.settle()
    assert await stands_at(office, "D-2") is None


async def test_a_sub_customer_is_found_by_its_name_with_those_above_it_also_after_these_change(
    office: Office,
) -> None:
    above = create(office, "Blue Falcon")
    below = create(office, "Hangar", ParentRef={"value": above}, Job=True)
    await office.notify()
    await office.world.send(stories.account("A-2", name="Blue Falcon Hangar"))
    await office.work()
    assert await verdicts(office, "A-2") == [("review", below)]
    lowest = create(office, "Gate", ParentRef={"value": below}, Job=True)
    await office.notify()
    change(office, above, DisplayName="Quixote")
    await office.notify()
    office.world.clock.advance(5)
    await office.work()
    await office.world.send(stories.account("A-3", name="Quixote Hangar"))
    await office.world.send(stories.account("A-4", name="Quixote Hangar Gate"))
    await office.work()
    assert await verdicts(office, "A-3") == [("review", below)]
    assert await verdicts(office, "A-4") == [("review", lowest)]
    assert await office.differences() == []


async def test_a_sub_customer_is_reviewed_and_comes_after_the_customer_above_it(office: Office) -> None:
    above = create(office, "Blue Falcon")
    below = create(office, "Blue Falcon Hangar", ParentRef={"value": above}, Job=True)
    await office.notify()
    await office.world.send(
        stories.account("A-2", name="Blue Falcon Hangar"), stories.account("A-3", name="Blue Falcon")
    )
    await office.work()
    assert await verdicts(office, "A-2") == [("review", below)]
    assert await verdicts(office, "A-3") == [("link", above)]
    await reviews.accept(office.world.admin(), ACCOUNTS, "A-2")
    await office.work()
    assert await sell(office, "D-2", "A-2") == below
