"""With QuickBooks: customers of unmapped accounts are created once, after a comparison that knows all that was observed."""

from collections.abc import Sequence
from random import Random

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract import catalog
from events.contract.envelope import Recorded
from events.contract.unmatched import ACCOUNT_UNMATCHED, COMPARISON_REQUESTED
from projections.mappings import mappings
from tests import stories
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
from worker.actions import reviews
from worker.actions.reviewed import ACCOUNTS
from worker.verification.books import Books
from worker.verification.invariants import violations

KESTREL = "Kestrel Aviation Services"


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A connected company with two customers, which was read."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    for name in ("Harper & Lowe Architects", KESTREL):
        create(opened, name)
    await opened.work()
    return opened


async def choose(office: Office, rule: str, **settings: str) -> None:
    chosen = {"unmapped_account": rule, "customer_sync": "to_quickbooks"} | settings
    await office.world.admin().change_settings(chosen)


async def mapping(office: Office, account: str = "A-1") -> tuple[str, str, str | None]:
    query = sa.select(mappings.c.state, mappings.c.status, mappings.c.target).where(mappings.c.id == account)
    (row,) = await office.world.services.database.read(lambda connection: list(connection.execute(query)))
    return row[0], row[1], row[2]


async def check(office: Office) -> None:
    found = await office.world.services.database.read(violations, office.world.clock.now(), Books({}))
    assert not any(found.values()), found


async def test_at_once_a_customer_is_created_for_what_is_like_none(office: Office) -> None:
    await choose(office, "create_at_once")
    await office.world.send(account("A-1", "Lakeshore Montessori"))
    await office.world.send(account("A-2", f"{KESTREL}, Inc."))
    await everything(office)
    (customer,) = named(office, "Lakeshore Montessori")
    assert await mapping(office) == ("mapped", "mapped", customer)
    assert (await mapping(office, "A-2"))[:2] == ("suggested", "unmapped")
    await office.world.send(account("A-1", "Lakeshore Montessori School", revision=2))
    await office.notify()
    await office.sync(full=True)
    assert (named(office, "Lakeshore Montessori"), named(office, "Lakeshore Montessori School")) == (
        [customer],
        [],
    )
    assert len(await payloads(office, catalog.CUSTOMER_COMMANDED)) == 1
    await check(office)


async def test_on_invoice_it_is_created_for_the_first_deal_that_needs_it_and_all_are_invoiced(
    office: Office,
) -> None:
    world = office.world
    await choose(office, "create_on_invoice", auto_invoice="true", cut_over="2026-01-01T00:00:00Z")
    await world.send(account("A-1", "Lakeshore Montessori"), account("A-2", "Bolt"))
    await everything(office)
    assert named(office, "Lakeshore Montessori") == []
    await world.admin().map_product("P-1", "1")
    await world.send(*stories.signed_deal(), *stories.signed_deal("D-2"))
    await everything(office)
    (customer,) = named(office, "Lakeshore Montessori")
    assert [each["CustomerRef"]["value"] for each in world.books()] == [customer] * 2
    assert named(office, "Bolt") == []
    await check(office)


async def test_a_customer_that_was_observed_before_the_creation_is_reviewed_instead(office: Office) -> None:
    world = office.world
    await choose(office, "create_on_invoice", auto_invoice="true", cut_over="2026-01-01T00:00:00Z")
    await world.admin().map_product("P-1", "1")
    await world.send(account("A-1", "Lakeshore Montessori"))
    await everything(office)
    lakeshore = create(office, "Lakeshore Montessori LLC")
    await request_sync(office)
    await read_all(office)
    await world.send(*stories.signed_deal())
    await everything(office)
    assert (await world.deals())["D-1"]["gate"] == "mapping_in_review"
    assert (await mapping(office))[0] == "suggested"
    await world.admin().map_account("A-1", lakeshore)
    await everything(office)
    assert [each["CustomerRef"]["value"] for each in world.books()] == [lakeshore]
    await check(office)


@pytest.mark.parametrize("entity", ["Customer", "Vendor"])
async def test_a_taken_name_waits_for_a_person(office: Office, entity: str) -> None:
    await choose(office, "create_at_once", auto_invoice="true", cut_over="2026-01-01T00:00:00Z")
    await office.world.send(account("A-1", "Lakeshore Montessori"))
    holder = create(office, "Lakeshore Montessori", entity)
    await everything(office)
    await office.world.admin().map_product("P-1", "1")
    await office.world.send(*stories.signed_deal())
    await everything(office)
    row = (await office.world.deals())["D-1"]
    assert (row["gate"], f"{entity.lower()} {holder}" in str(row["reason"])) == ("account_not_mapped", True)
    assert len(await payloads(office, catalog.CUSTOMER_COMMANDED)) == 1


async def test_a_lost_answer_makes_no_second_customer(office: Office) -> None:
    await choose(office, "create_at_once")
    office.world.trouble("lost_answer", "lost_answer", "unavailable")
    await office.world.send(account("A-1", "Lakeshore Montessori"))
    await everything(office)
    await office.notify()
    (customer,) = named(office, "Lakeshore Montessori")
    assert await mapping(office) == ("mapped", "mapped", customer)


async def test_what_a_person_decides_while_the_customer_is_created_is_shown(office: Office) -> None:
    world = office.world
    await choose(office, "create_at_once")
    for account_id, name in (("A-1", "Lakeshore Montessori"), ("A-2", "Bolt & Sons")):
        await world.send(account(account_id, name))
    await world.follow()
    assert (await mapping(office))[:2] == ("unmatched", "requested")
    await world.admin().map_account("A-1", "1")
    await reviews.ignore(world.admin(), ACCOUNTS, "A-2")
    await everything(office)
    assert await mapping(office) == ("mapped", "mapped", "1")
    assert (await mapping(office, "A-2"))[0] == "ignored"
    assert [len(named(office, name)) for name in ("Lakeshore Montessori", "Bolt & Sons")] == [1, 1]
    await check(office)


async def test_an_answer_waits_until_what_was_observed_before_it_was_compared(office: Office) -> None:
    await choose(office, "create_at_once")
    await everything(office)
    await office.world.send(account("A-1", "Lakeshore Montessori"))
    for step in (listen, compare, decide, listen):
        await step(office)
    assert len(await payloads(office, COMPARISON_REQUESTED)) == 1
    create(office, "Lakeshore Montessori LLC")
    await request_sync(office)
    await read_all(office)
    await compare(office)
    assert await payloads(office, ACCOUNT_UNMATCHED) == [], (
        "a customer was observed that was not heard of yet"
    )
    await everything(office)
    assert await payloads(office, catalog.CUSTOMER_COMMANDED) == []
    assert (await mapping(office))[0] == "suggested"


@pytest.mark.parametrize("seed", range(4))
async def test_in_any_order_of_steps_no_customer_is_created_beside_one_that_was_observed_before(
    office: Office, seed: int
) -> None:
    """Each name arrives as an account and as a customer; the worker's steps run in any order, and its memory is lost."""
    chance = Random(seed)
    await choose(office, "create_at_once")
    await everything(office)
    names = [f"{word} {kind}" for word in ("Lakeshore", "Bolt", "Fresh") for kind in ("Montessori", "Bakery")]
    coming = [(side, name) for name in names for side in ("account", "customer")]
    chance.shuffle(coming)
    while coming:
        side, name = coming.pop()
        if side == "account":
            await office.world.send(account(f"A-{names.index(name)}", name))
        else:
            create(office, f"{name} LLC")
            await request_sync(office)
        for _ in range(chance.randrange(12)):
            await chance.choice([*STEPS.values(), read_all])(office)
    await everything(office)
    await office.sync(full=True)
    await everything(office)
    log = await office.world.log()
    assert_none_was_created_beside(log, names)
    commanded = {
        each.event.payload.account_id for each in log if each.event.type == catalog.CUSTOMER_COMMANDED
    }
    for number, name in enumerate(names):
        assert len(named(office, name)) == (f"A-{number}" in commanded), name


def assert_none_was_created_beside(log: Sequence[Recorded], names: Sequence[str]) -> None:
    """Check that no customer was commanded for a name of which a customer was observed before the answer that caused it."""
    commanded = [
        each.event.payload.account_id for each in log if each.event.type == catalog.CUSTOMER_COMMANDED
    ]
    assert len(set(commanded)) == len(commanded)
    answers = {
        each.event.payload.account_id: each.position for each in log if each.event.type == ACCOUNT_UNMATCHED
    }
    for account_id in commanded:
        name = names[int(account_id.removeprefix("A-"))]
        seen = [
            each.position
            for each in log
            if each.event.type == catalog.CUSTOMER_OBSERVED
            and each.event.payload.display_name == f"{name} LLC"
        ]
        assert all(position > answers[account_id] for position in seen), name
