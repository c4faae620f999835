"""A connection that has ended shows at once: the event is appended in the moment in which Intuit says so."""

from collections.abc import Awaitable, Callable

import pytest

from events.contract import catalog
from tests import stories
from tests.world import World
from worker.quickbooks.errors import ReconnectRequired

Use = Callable[[World], Awaitable[object]]


async def reads(world: World) -> object:
    return await world.gateway.client.company_info(world.realm)


async def refreshes(world: World) -> object:
    world.clock.advance(3600)
    return await world.gateway.tokens.access_token(world.realm)


async def with_item(world: World) -> World:
    """Invoice a first deal, for which the item is created."""
    await world.send(*stories.signed_deal("D-0"))
    await world.settle()
    return world


async def expiries(world: World) -> int:
    return [recorded.event.type for recorded in await world.log()].count(catalog.CONNECTION_EXPIRED)


@pytest.mark.parametrize("use", [reads, refreshes])
async def test_the_next_401_or_refresh_after_a_disconnect_in_quickbooks_is_the_event(
    ready: World, use: Use
) -> None:
    world = await with_item(ready)
    world.sandbox.oauth.disconnect(world.realm)
    with pytest.raises(ReconnectRequired):
        await use(world)
    assert await expiries(world) == 1
    with pytest.raises(ReconnectRequired):
        await use(world)
    await world.send(*stories.signed_deal())
    await world.settle()
    assert await expiries(world) == 1, "commands find the same end, and the log has it"
    assert (await world.explain()).first_unmet == "connection_expired"
    await world.connect()
    await world.settle()
    assert len(world.books()) == 2
    assert (await world.explain()).first_unmet is None


async def test_each_connection_that_ends_is_told(world: World) -> None:
    await world.ready()
    for times in (1, 2):
        world.sandbox.oauth.disconnect(world.realm)
        with pytest.raises(ReconnectRequired):
            await reads(world)
        assert await expiries(world) == times
        await world.connect()
    await world.settle()
    assert await expiries(world) == 2


async def test_commands_in_flight_at_once_tell_the_end_once(ready: World) -> None:
    world = await with_item(ready)
    deals = [f"D-{number}" for number in range(1, 5)]
    for deal in deals:
        await world.send(*stories.signed_deal(deal))
    await world.follow()
    claimed = await world.claim()
    assert len(claimed) == len(deals)
    world.sandbox.oauth.disconnect(world.realm)
    for command in claimed:
        await world.dispatcher.work(command)
    assert await expiries(world) == 1
    await world.connect()
    await world.settle()
    assert len(world.books()) == 1 + len(deals)
