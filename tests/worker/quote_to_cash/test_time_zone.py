"""An invoice is dated in the company's time zone. While that is unknown, it waits; UTC is never assumed."""

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from tests import stories
from tests.world import World, open_world
from worker.actions.settings import current_settings
from worker.commands.table import realms
from worker.roles.idle import left_to_do
from worker.verification.books import Books
from worker.verification.invariants import violations

TEXAS = {"CountrySubDivisionCode": "TX", "Country": "USA", "PostalCode": "79901"}
LAST_EVENING_OF_MAY = datetime(2026, 6, 1, 5, 30, tzinfo=UTC)  # 22:30 on 31 May in Los Angeles


def move(world: World, address: dict[str, str]) -> None:
    world.sandbox.change_traits(world.realm, {"address": address})


async def evening(world: World) -> None:
    world.clock.advance((LAST_EVENING_OF_MAY - world.clock.now()).total_seconds())


async def in_texas(world: World) -> None:
    """A world whose company has an address that does not determine its time zone."""
    move(world, TEXAS)
    await world.ready()
    await world.send(stories.account())
    await world.settle()


async def gate(world: World, deal: str = "D-1") -> tuple[str | None, str]:
    row = (await world.deals())[deal]
    return row["gate"], row["reason"] or ""


async def shown(world: World) -> tuple[object, bool, str | None]:
    rows = await world.services.database.read(current_settings, "acme")
    return next((row.value, row.chosen, row.reason) for row in rows if row.key == "time_zone")


async def check(world: World) -> None:
    found = await world.services.database.read(violations, world.clock.now(), Books({}))
    assert not any(found.values()), found


async def test_an_evening_deal_is_dated_that_evening_not_tomorrow(ready: World) -> None:
    await evening(ready)
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert [invoice["TxnDate"] for invoice in ready.books()] == ["2026-05-31"]
    value, chosen, reason = await shown(ready)
    assert (value, chosen) == ("America/Los_Angeles", False)
    assert reason == "the company's address is in CA, US, 94043"


async def test_a_person_chooses_a_zone_that_the_address_leaves_open(world: World) -> None:
    await in_texas(world)
    await evening(world)
    await world.send(*stories.signed_deal())
    await world.settle()
    found, reason = await gate(world)
    assert found == "time_zone_not_set"
    assert "TX, US, 79901" in reason
    assert "America/Chicago, America/Denver" in reason
    assert (await shown(world))[:2] == (None, False)
    assert await world.services.database.read(lambda c: c.scalar(sa.select(realms.c.time_zone))) is None
    await check(world)
    await world.admin().change_settings({"time_zone": "america/denver"})
    await world.settle()
    assert [invoice["TxnDate"] for invoice in world.books()] == ["2026-05-31"]
    assert (await shown(world))[:2] == ("America/Denver", True)
    await check(world)


async def test_an_address_corrected_in_quickbooks_is_read_when_the_company_is_connected_again(
    world: World,
) -> None:
    await in_texas(world)
    await world.send(*stories.signed_deal())
    await world.settle()
    move(world, {"CountrySubDivisionCode": "CO", "Country": "USA"})
    await world.connect()
    await world.settle()
    assert len(world.books()) == 1
    await check(world)


async def test_a_chosen_zone_holds_and_is_shown_beside_the_zone_of_the_address(ready: World) -> None:
    await ready.admin().change_settings({"time_zone": "Asia/Tokyo"})
    await evening(ready)
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert [invoice["TxnDate"] for invoice in ready.books()] == ["2026-06-01"]
    assert await shown(ready) == (
        "Asia/Tokyo",
        True,
        "the company's address is in CA, US, 94043: America/Los_Angeles",
    )
    await ready.admin().change_settings({"time_zone": ""})
    await ready.send(*stories.signed_deal("D-2"))
    await ready.settle()
    assert [invoice["TxnDate"] for invoice in ready.books()] == ["2026-06-01", "2026-05-31"]


async def test_a_sent_date_stays_when_another_zone_is_chosen_later(ready: World) -> None:
    await ready.send(*stories.signed_deal("D-0"))
    await ready.settle()
    await evening(ready)
    ready.trouble(*["server_error"] * 3)
    await ready.send(*stories.signed_deal())
    await ready.follow()
    for command in await ready.claim():
        await ready.dispatcher.work(command)
    await ready.admin().change_settings({"time_zone": "Asia/Tokyo"})
    await ready.settle()
    assert [invoice["TxnDate"] for invoice in ready.books()][1:] == ["2026-05-31"]


async def test_an_invoice_that_was_commanded_waits_undated_where_the_zone_was_taken_away(
    world: World,
) -> None:
    await in_texas(world)
    await world.admin().change_settings({"time_zone": "America/Chicago"})
    await world.send(*stories.signed_deal("D-0"))
    await world.settle()
    await world.send(*stories.signed_deal())
    await world.follow()
    assert (await gate(world))[0] == "in_progress"
    await world.admin().change_settings({"time_zone": ""})
    await world.settle()
    assert len(world.books()) == 1
    assert (await gate(world))[0] == "time_zone_not_set"
    assert (await world.services.database.read(left_to_do))[1] is None
    await check(world)
    # Work that needs no date continues.
    await world.admin().map_account("A-1", "1")
    await world.settle()
    await world.admin().change_settings({"time_zone": "America/Chicago"})
    await world.settle()
    assert len(world.books()) == 2
    assert (await gate(world))[0] is None
    await check(world)


async def test_another_company_has_its_own_zone(tmp_path: Path) -> None:
    async with open_world(tmp_path, kinds=("us", "us-ast")) as world:
        first, second = world.sandbox.companies
        await world.ready()
        await world.connect(realm=second, another_company=True)
        await world.settle()
        assert (await shown(world))[0] == "America/New_York"
        world.sandbox.change_traits(first, {"address": TEXAS})
        await world.connect(realm=first, another_company=True)
        await world.follow()
        assert (await shown(world))[0] is None, "what is known of another company says nothing about this one"
        await world.settle()
        zones = dict(
            await world.services.database.read(
                lambda c: [tuple(row) for row in c.execute(sa.select(realms.c.realm, realms.c.time_zone))]
            )
        )
        assert zones == {first: None, second: "America/New_York"}
