"""With QuickBooks: customers that no account is like are offered to the CRM once, and nothing becomes a double in any order."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from events.contract import catalog
from events.contract.envelope import Recorded
from events.contract.reviewing import MAPPING_BROUGHT, MAPPING_LINKED
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER, ACCOUNT_UNMATCHED, CUSTOMER_UNMATCHED
from tests.worker.suggesting.steps import (
    STEPS,
    account,
    compare,
    create,
    decide,
    everything,
    listen,
    named,
    payloads,
    read_all,
    request_sync,
)
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import mappings, reviews
from worker.actions.reviewed import ACCOUNTS
from worker.roles import suggesting
from worker.roles.runner import ShortTurns
from worker.sandbox import accountant
from worker.verification.books import Books
from worker.verification.invariants import violations

LAKESHORE = "Lakeshore Montessori"


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A connected company that was read."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    await everything(opened)
    return opened


async def choose(office: Office, **settings: str) -> None:
    chosen = {"unmapped_customer": "create_in_crm", "customer_sync": "both"} | settings
    await office.world.admin().change_settings(chosen)


async def offered(office: Office) -> list[str]:
    """Return the names of the offered customers, in alphabetical order."""
    offers = await payloads(office, ACCOUNT_CREATED_FROM_CUSTOMER)
    return sorted(str(offer.fields["name"]) for offer in offers)


async def observe(office: Office) -> None:
    """Read what changed in QuickBooks, and work until nothing is left."""
    await request_sync(office)
    await everything(office)


def change(office: Office, customer: str, **fields: Any) -> None:
    accountant.change(office.company, "Customer", customer, fields, office.world.clock.now())


async def check(office: Office) -> None:
    found = await office.world.services.database.read(violations, office.world.clock.now(), Books({}))
    assert not any(found.values()), found


async def test_customers_that_no_account_is_like_are_offered_once_and_those_of_before_in_portions(
    office: Office,
) -> None:
    world = office.world
    names = [
        f"{word} Bakery {number}" for number, word in enumerate(("Fresh", "Golden", "Corner", "Village"))
    ]
    for name in names:
        create(office, name)
    parent = create(office, LAKESHORE)
    create(office, "Summer School", ParentRef={"value": parent}, Job=True)
    change(office, create(office, "Closed Shop"), Active=False)
    await world.send(account("A-1", "Lakeshore Montessori, Inc."))
    await observe(office)
    assert await offered(office) == []
    await choose(office)
    for step in (decide, listen):
        await step(office)
    size = ShortTurns(2)
    size.events = 2
    portions = 0
    while await suggesting.compare(world.services.database, world.clock, "test", size, world.indexes):
        portions += 1
        size.events = 2
        await listen(office)
    assert portions > 2
    await everything(office)
    assert [each for each in await offered(office) if each in names] == sorted(names)
    assert not {LAKESHORE, "Summer School", "Closed Shop (deleted)"} & set(await offered(office))
    before = await offered(office)
    change(office, named(office, names[0])[0], PrimaryPhone={"FreeFormNumber": "555 0100"})
    await choose(office, unmapped_customer="ignore")
    await everything(office)
    await choose(office)
    await office.sync(full=True)
    await world.connect()
    await everything(office)
    await office.sync()
    await everything(office)
    assert await offered(office) == before


async def test_a_customer_like_an_open_account_is_offered_once_a_person_says_that_it_is_another(
    office: Office,
) -> None:
    await choose(office)
    await office.world.send(account("A-1", LAKESHORE))
    await everything(office)
    create(office, f"{LAKESHORE} Academy")
    await observe(office)
    assert f"{LAKESHORE} Academy" not in await offered(office)
    await reviews.reject(office.world.admin(), ACCOUNTS, "A-1")
    await everything(office)
    assert f"{LAKESHORE} Academy" in await offered(office)


@pytest.mark.parametrize("when", ["before the answer", "afterwards"])
async def test_a_customer_of_our_own_is_never_offered(office: Office, when: str) -> None:
    world = office.world
    await choose(office)
    await everything(office)
    before = await offered(office)
    await world.send(account("A-1", LAKESHORE))
    await mappings.request_customer(world.admin(), "A-1", name="Zebra Crossing")
    await world.follow()
    if when == "before the answer":
        world.trouble("lost_answer", "lost_answer", "lost_answer", late_seconds=0)
        (command,) = await world.claim()
        await world.dispatcher.work(command)
        await request_sync(office)
        await read_all(office)
        for _ in range(4):
            for step in (listen, compare, decide):
                await step(office)
        assert len(named(office, "Zebra Crossing")) == 1
        assert await payloads(office, catalog.CUSTOMER_CREATED) == []
    await everything(office)
    assert len(await payloads(office, catalog.CUSTOMER_CREATED)) == 1
    create(office, "Unrelated Fishing")
    await observe(office)
    await world.admin().map_account("A-1", named(office, "Unrelated Fishing")[0])
    change(office, named(office, "Zebra Crossing")[0], DisplayName="Quiet Harbour")
    await observe(office)
    await office.sync(full=True)
    await everything(office)
    assert await offered(office) == sorted([*before, "Unrelated Fishing"])


async def test_the_account_that_the_crm_creates_from_an_offer_is_linked_and_its_double_waits(
    office: Office,
) -> None:
    world = office.world
    await choose(office, auto_link="90", unmapped_account="create_at_once")
    customer = create(office, LAKESHORE)
    await observe(office)
    await world.send(account("A-1", f"{LAKESHORE}, Inc."))
    await everything(office)
    assert await payloads(office, MAPPING_LINKED) == [], (
        "the CRM may be creating another account for the customer"
    )
    brought = {"realm": world.realm, "customer_id": customer}
    await world.send(account("A-2", LAKESHORE, customer=brought))
    await everything(office)
    (linked,) = await payloads(office, MAPPING_BROUGHT)
    assert (linked.account_id, linked.customer_id) == ("A-2", customer)
    assert await payloads(office, MAPPING_LINKED) == []
    assert await payloads(office, catalog.CUSTOMER_COMMANDED) == []
    await check(office)


async def test_of_two_customers_with_nearly_one_name_the_older_is_offered(office: Office) -> None:
    await choose(office)
    create(office, LAKESHORE)
    await observe(office)
    create(office, f"{LAKESHORE}, Inc.")
    await observe(office)
    assert [each for each in await offered(office) if each.startswith(LAKESHORE)] == [LAKESHORE]


async def test_an_account_in_the_log_that_was_not_heard_of_withholds_the_offer(office: Office) -> None:
    await choose(office)
    await everything(office)
    create(office, LAKESHORE)
    await request_sync(office)
    await read_all(office)
    await listen(office)
    await office.world.send(account("A-1", LAKESHORE))
    for _ in range(3):
        await compare(office)
    assert [each.customer.display_name for each in await payloads(office, CUSTOMER_UNMATCHED)].count(
        LAKESHORE
    ) == 0
    await everything(office)
    assert LAKESHORE not in await offered(office)


@pytest.mark.parametrize("seed", range(6))
async def test_in_any_order_of_steps_no_account_and_no_customer_becomes_a_double(
    office: Office, seed: int
) -> None:
    """Companies arrive in the CRM, in QuickBooks, or in both; the CRM creates accounts from offers, sooner or later."""
    chance, world = Random(seed), office.world
    auto_link = chance.choice(("off", "90"))
    await choose(office, unmapped_account="create_at_once", auto_link=auto_link)
    await everything(office)
    names = [f"{word} {kind}" for word in ("Lakeshore", "Bolt", "Fresh") for kind in ("Montessori", "Bakery")]
    coming = [
        (side, name)
        for name in names
        for side in ("account", "customer")
        if name != names[0] or side == "customer"
    ]
    chance.shuffle(coming)
    crm = Crm(office)
    while coming:
        side, name = coming.pop()
        if side == "account":
            await world.send(account(f"A-{names.index(name)}", name))
        else:
            create(office, f"{name} LLC")
            await request_sync(office)
        for _ in range(chance.randrange(12)):
            await chance.choice([*STEPS.values(), read_all, crm.create_one])(office)
    await everything(office)
    await crm.create_all(office)
    await office.sync(full=True)
    await everything(office)
    assert_no_double(await world.log(), names)
    assert f"{names[0]} LLC" in await offered(office)
    await check(office)


class Crm:
    """The CRM, which creates an account from each offer that it has read."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._created = 0

    async def create_one(self, office: Office) -> None:
        """Create the account of the next offer, if there is one."""
        offers = await payloads(office, ACCOUNT_CREATED_FROM_CUSTOMER)
        for offer in offers[self._created : self._created + 1]:
            customer = {"realm": offer.realm, "customer_id": offer.customer_id}
            await office.world.send(
                account(f"N-{offer.customer_id}", offer.fields["name"], customer=customer)
            )
            self._created += 1

    async def create_all(self, office: Office) -> None:
        """Create the accounts of all offers."""
        for _ in await payloads(office, ACCOUNT_CREATED_FROM_CUSTOMER):
            await self.create_one(office)


FACTS: dict[str, Callable[[Any], tuple[str, str]]] = {
    catalog.ACCOUNT_UPDATED: lambda fact: ("account", fact.name),
    catalog.CUSTOMER_OBSERVED: lambda fact: ("customer", str(fact.display_name)),
    catalog.CUSTOMER_COMMANDED: lambda fact: ("created", fact.display_name),
    ACCOUNT_UNMATCHED: lambda fact: ("unlike", fact.account_id),
    CUSTOMER_UNMATCHED: lambda fact: ("alone", fact.customer.display_name),
    ACCOUNT_CREATED_FROM_CUSTOMER: lambda fact: ("offered", fact.fields["name"]),
    MAPPING_LINKED: lambda fact: ("linked", fact.account_id),
}


def assert_no_double(log: Sequence[Recorded], names: Sequence[str]) -> None:
    """Check that what the log had when a fact was found was known to it, and that a company is created on one side only."""
    positions: dict[tuple[str, str], list[int]] = {}
    for each in log:
        if each.event.type in FACTS:
            positions.setdefault(FACTS[each.event.type](each.event.payload), []).append(each.position)
    for number, name in enumerate(names):
        at = {
            kind: found[0]
            for (kind, of), found in positions.items()
            if of in {name, f"{name} LLC", f"A-{number}"}
        }
        done = [
            (kind, position)
            for (kind, of), found in positions.items()
            for position in found
            if kind in {"created", "offered", "linked"} and of in {name, f"{name} LLC", f"A-{number}"}
        ]
        assert len(done) <= 1, (name, done)
        if "created" in at and "customer" in at:
            assert at["unlike"] < at["customer"], name
        if "offered" in at and "account" in at:
            assert at["alone"] < at["account"], name
