"""Bulk reads yield to the commands of their company, also those that another process sends."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests import stories
from tests.world import World
from worker.commands.beside import CommandsBeside
from worker.commands.table import realms
from worker.quickbooks.errors import Throttled


def beside(world: World) -> CommandsBeside:
    return CommandsBeside(world.services.database, world.clock, 60)


async def test_due_commands_are_noticed_and_done_ones_forgotten(ready: World) -> None:
    commands = beside(ready)
    assert not await commands.are_due(ready.realm)
    await ready.send(*stories.signed_deal())
    await ready.follow()
    ready.clock.advance(2)
    assert await commands.are_due(ready.realm)
    assert not await commands.are_due("another")
    await ready.settle()
    ready.clock.advance(2)
    assert not await commands.are_due(ready.realm)


async def test_an_invoice_that_waits_for_a_time_zone_slows_no_bulk_read(ready: World) -> None:
    await ready.services.database.transaction(lambda c: c.execute(realms.update().values(time_zone=None)))
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert not await beside(ready).are_due(ready.realm)
    await ready.services.database.transaction(lambda c: c.execute(realms.update().values(time_zone="UTC")))
    assert await beside(ready).are_due(ready.realm)


async def test_a_bulk_read_waits_out_the_pause_of_commands(ready: World) -> None:
    ready.trouble("throttled")
    await ready.send(*stories.signed_deal())
    await ready.follow()
    [command] = await ready.claim()
    await ready.dispatcher.work(command)
    with pytest.raises(Throttled):
        await beside(ready).are_due(ready.realm)
    ready.clock.advance(60)
    assert await beside(ready).are_due(ready.realm)


async def test_commands_wait_out_the_pause_of_a_bulk_read(ready: World) -> None:
    ready.gateway.client.yield_to(beside(ready))
    ready.trouble("throttled", writes_only=False)
    with pytest.raises(Throttled):
        await ready.gateway.client.query(ready.realm, "SELECT COUNT(*) FROM Item", purpose="bulk")
    until = ready.clock.now() + timedelta(seconds=60)
    with pytest.raises(Throttled):  # by ourselves: the pause is not prolonged
        await ready.gateway.client.query(ready.realm, "SELECT COUNT(*) FROM Item", purpose="bulk")
    stored = await ready.services.database.read(lambda c: c.scalar(sa.select(realms.c.not_before)))
    assert stored == until
    await ready.send(*stories.signed_deal("D-1"), *stories.signed_deal("D-2"))
    await ready.follow()
    assert await ready.claim() == []
    ready.clock.advance(60)
    assert len(await ready.claim()) == 1, "one tries, also after a restart"
    assert await ready.claim() == []


async def test_all_commands_go_on_once_one_has_an_outcome(ready: World) -> None:
    await ready.send(*stories.signed_deal("D-9"))
    await ready.settle()
    ready.trouble("throttled")
    for number in range(4):
        await ready.send(*stories.signed_deal(f"D-{number}"))
    await ready.follow()
    claimed = await ready.claim(per_realm=8)
    assert len(claimed) == 4
    for command in claimed:
        await ready.dispatcher.work(command)
    ready.clock.advance(60)
    [first] = await ready.claim(per_realm=8)
    await ready.dispatcher.work(first)
    assert len(await ready.claim(per_realm=8)) == 3
