"""Each workspace gets one event for each day, in its company's time zone."""

import asyncio
from datetime import UTC, datetime

import msgspec

from events.contract import catalog
from tests.world import World
from worker.commands.table import Realm, put_realm
from worker.roles.schedule import days_of, keep_time


async def days(world: World) -> list[tuple[str, str]]:
    return [
        (recorded.event.workspace, recorded.event.payload.date.isoformat())
        for recorded in await world.log()
        if recorded.event.type == catalog.DAY_BEGAN
    ]


async def in_zone(world: World, zone: str | None, workspace: str = "acme", realm: str = "1") -> None:
    connected = Realm(realm, workspace, connected=True, paused=False, time_zone=zone)
    await world.services.database.transaction(put_realm, connected)


async def test_no_day_begins_while_the_time_zone_is_unknown(world: World) -> None:
    await world.add_workspace("acme")
    assert await world.services.database.read(days_of, world.clock.now()) == []
    await in_zone(world, None)
    assert await world.services.database.read(days_of, world.clock.now()) == []


async def test_a_day_begins_once_with_several_schedulers(world: World) -> None:
    for name, realm in (("acme", "1"), ("bolt", "2")):
        await world.add_workspace(name)
        await in_zone(world, "UTC", name, realm)
    stopping = asyncio.Event()
    keepers = [asyncio.create_task(keep_time(world.services, stopping)) for _ in range(2)]
    await world.clock.sleep(24 * 3600)
    stopping.set()
    await asyncio.gather(*keepers)
    dates = ["2026-05-05", "2026-05-06"]
    assert sorted(await days(world)) == [(name, date) for name in ("acme", "bolt") for date in dates]


async def test_a_zone_that_becomes_known_later_begins_no_second_day(world: World) -> None:
    await world.add_workspace("acme")
    for zone in ("UTC", "America/Los_Angeles"):
        await in_zone(world, zone)
        stopping = asyncio.Event()
        keeper = asyncio.create_task(keep_time(world.services, stopping))
        await world.clock.sleep(60)
        stopping.set()
        await keeper
    assert await days(world) == [("acme", "2026-05-05")]


async def test_a_day_is_the_companys(world: World) -> None:
    await world.ready()
    evening = datetime(2026, 5, 6, 6, 59, tzinfo=UTC)  # 23:59 on the day before, in Los Angeles
    [day] = await world.services.database.read(days_of, evening)
    assert (day.payload.date.isoformat(), day.time) == ("2026-05-05", datetime(2026, 5, 5, 7, tzinfo=UTC))
    [day] = await world.services.database.read(days_of, evening.replace(hour=7, minute=0))
    assert day.payload.date.isoformat() == "2026-05-06"
    assert msgspec.json.decode(day.data)["zone"] == "America/Los_Angeles"
