"""The life of a connection: kept alive, alarms, disconnected by a person, connected again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from events.contract import catalog
from events.contract.administration import ConnectionDisconnected
from projections import queries
from projections.queries import LogWanted
from tests import stories
from tests.world import World
from worker.connections import disconnecting, keeping, proving
from worker.connections import standing as standings
from worker.connections.disconnecting import Disconnection, NothingConnected
from worker.connections.standing import ConnectionStanding, connection_of
from worker.quickbooks import tokens
from worker.quickbooks.errors import ReconnectRequired
from worker.quote_to_cash import manager
from worker.sandbox.oauth import OAuthPlan

DAY_SECONDS = 24 * 3600


async def stands(world: World) -> ConnectionStanding:
    return await world.services.database.read(connection_of, "acme", world.clock.now())


async def told(world: World, kind: str) -> list[Any]:
    return [one.event.payload for one in await world.log() if one.event.type == kind]


async def day(world: World, tried: dict[str, float] | None = None) -> None:
    """Let a day pass, and look once."""
    world.clock.advance(DAY_SECONDS)
    await keeping.refresh(world.services, world.gateway, {} if tried is None else tried)
    await keeping.look(world.services)


async def disconnect(world: World) -> Disconnection:
    return await disconnecting.disconnect(world.services, world.gateway, "acme", by="cli:ada")


async def last_entry(world: World) -> dict[str, Any]:
    await world.follow()
    entries = await world.services.database.read(queries.list_log, "acme", 100, LogWanted(), None)
    return max(entries, key=lambda entry: entry["position"])


def alarms() -> dict[tuple[str, str], float]:
    """Return the gauge's states by workspace."""
    samples = [
        sample
        for metric in REGISTRY.collect()
        if metric.name == "q2c_connection_alarm"
        for sample in metric.samples
    ]
    return {(sample.labels["workspace"], sample.labels["state"]): sample.value for sample in samples}


async def test_a_connection_that_nothing_uses_is_refreshed_weekly_and_never_expires(companies: World) -> None:
    world = companies
    before = world.sandbox.oauth.refreshes
    for _ in range(250):
        await day(world)
    assert world.sandbox.oauth.refreshes - before == pytest.approx(250 / 7, abs=2)
    assert (await stands(world)).state == "connected"
    assert await told(world, catalog.CONNECTION_ALARM_RAISED) == []
    await world.gateway.client.company_info(world.realm)


async def test_several_processes_refresh_an_idle_connection_once(world: World) -> None:
    await world.ready()
    world.clock.advance(8 * DAY_SECONDS)
    before = world.sandbox.oauth.refreshes
    await asyncio.gather(*(keeping.refresh(world.services, world.gateway, {}) for _ in range(5)))
    assert world.sandbox.oauth.refreshes == before + 1


async def test_while_intuit_is_silent_an_alarm_is_raised_once_and_cleared_by_the_next_refresh(
    companies: World,
) -> None:
    world = companies
    world.sandbox.oauth.trouble.follow(OAuthPlan(token=("server_error",) * 200))
    for _ in range(85):
        await day(world)
    assert await told(world, catalog.CONNECTION_ALARM_RAISED) == []
    for _ in range(10):
        await day(world)
    [raised] = await told(world, catalog.CONNECTION_ALARM_RAISED)
    assert raised.alarm == "refresh_expires"
    assert timedelta(days=13) < raised.expires_at - raised.at <= timedelta(days=14)
    found = await stands(world)
    assert (found.state, found.refresh_expires_at) == ("expiring", raised.expires_at)
    entry = await last_entry(world)
    assert (entry["level"], "dispatch" in entry["remedy"]) == ("attention", True)
    await world.services.database.read(standings.measure, world.clock.now())
    assert alarms() == {("acme", "expiring"): 1}
    world.sandbox.oauth.trouble.follow(OAuthPlan())
    await day(world)
    assert len(await told(world, catalog.CONNECTION_ALARM_CLEARED)) == 1
    assert (await stands(world)).state == "connected"
    await world.services.database.read(standings.measure, world.clock.now())
    assert alarms() == {}


async def test_the_end_after_five_years_is_told_14_days_before_and_a_new_consent_clears_it(
    world: World,
) -> None:
    await world.ready()
    hard = (await stands(world)).hard_expires_at
    assert hard is not None
    assert abs(hard - world.clock.now() - timedelta(days=5 * 365)) < timedelta(minutes=1)
    for _ in range(5 * 365 // 5 - 4):
        world.clock.advance(4 * DAY_SECONDS)
        await day(world)
    assert await told(world, catalog.CONNECTION_ALARM_RAISED) == []
    while world.clock.now() < hard - timedelta(days=12):
        await day(world)
    [raised] = await told(world, catalog.CONNECTION_ALARM_RAISED)
    assert raised.alarm == "hard_expires"
    assert abs(raised.expires_at - hard) < timedelta(minutes=1)
    assert (await stands(world)).state == "expiring"
    await world.connect()
    await day(world)
    assert [cleared.alarm for cleared in await told(world, catalog.CONNECTION_ALARM_CLEARED)] == [
        "hard_expires"
    ]
    assert (await stands(world)).state == "connected"
    assert len(await told(world, catalog.CONNECTION_ALARM_RAISED)) == 1


async def test_after_five_years_the_connection_expires_though_nothing_uses_it(world: World) -> None:
    await world.ready()
    hard = (await stands(world)).hard_expires_at
    assert hard is not None
    while world.clock.now() < hard:
        world.clock.advance(4 * DAY_SECONDS)
        await day(world)
    assert len(await told(world, catalog.CONNECTION_EXPIRED)) == 1
    assert (await stands(world)).state == "expired"
    entry = await last_entry(world)
    assert (entry["level"], entry["remedy"]) == ("attention", "Connect again.")


async def test_a_disconnect_in_quickbooks_is_an_alarm(companies: World) -> None:
    world = companies
    world.sandbox.oauth.disconnect(world.realm)
    with pytest.raises(ReconnectRequired):
        await world.gateway.client.company_info(world.realm)
    found = await stands(world)
    assert (found.state, found.refresh_expires_at) == ("expired", None)
    await world.services.database.read(standings.measure, world.clock.now())
    assert alarms() == {("acme", "expired"): 1}


async def test_a_disconnected_company_is_revoked_deals_wait_and_connecting_continues(
    companies: World,
) -> None:
    world = companies
    await world.send(*stories.signed_deal())
    await world.follow()
    done = await disconnect(world)
    assert (done.realm, done.company, done.revocation) == (world.realm, "Craig's Consulting", "revoked")
    assert world.sandbox.oauth.grants_of(world.realm) == 0
    [left] = await told(world, catalog.CONNECTION_DISCONNECTED)
    assert isinstance(left, ConnectionDisconnected)
    assert (left.realm, left.by, left.company) == (world.realm, "cli:ada", "Craig's Consulting")
    await world.settle()
    await world.send(*stories.signed_deal("D-2"))
    await world.settle()
    for deal in ("D-1", "D-2"):
        assert (await world.explain(deal)).first_unmet == "connection_missing"
    found = await stands(world)
    assert (found.state, found.refresh_expires_at, found.next_sync) == ("disconnected", None, None)
    assert await told(world, catalog.CONNECTION_EXPIRED) == []
    with pytest.raises(NothingConnected):
        await disconnect(world)
    await world.connect()
    await world.settle()
    assert len(world.books()) == 3
    assert (await stands(world)).state == "connected"


async def test_commands_in_flight_end_safely(companies: World) -> None:
    world = companies
    world.trouble("lost_answer", writes_only=True)
    await world.send(*stories.signed_deal(), *stories.signed_deal("D-2"))
    await world.follow()
    first, second = await world.claim()
    await world.dispatcher.work(first)  # whose answer is lost
    await disconnect(world)
    await world.dispatcher.work(second)
    await world.settle()
    assert await told(world, catalog.CONNECTION_EXPIRED) == []
    await world.connect()
    await world.settle()
    assert len(world.books()) == 3, "each invoice once"
    assert {(await world.explain(deal)).first_unmet for deal in ("D-1", "D-2")} == {None}


async def test_a_revocation_without_an_answer_is_retried(companies: World) -> None:
    world = companies
    world.sandbox.oauth.trouble.follow(OAuthPlan(revoke=("server_error",) * 4))
    done = await disconnect(world)
    assert done.revocation == "retried"
    assert (await stands(world)).state == "disconnected"
    assert world.sandbox.oauth.grants_of(world.realm) == 1
    for _ in range(20):
        world.clock.advance(60)
        await proving.look(world.services, world.gateway)
    assert world.sandbox.oauth.grants_of(world.realm) == 0
    await world.connect()


async def test_reading_the_log_again_disconnects_nothing(companies: World) -> None:
    world = companies
    await disconnect(world)
    await world.connect()
    await world.settle()
    await world.services.database.transaction(manager.rebuild)
    await world.send(*stories.signed_deal())
    await world.settle()
    assert (await stands(world)).state == "connected"
    assert len(world.books()) == 2
    assert len(await told(world, catalog.CONNECTION_DISCONNECTED)) == 1


async def test_a_refused_company_is_an_alarm_until_it_is_served(companies: World) -> None:
    world = companies
    world.sandbox.change_traits(world.realm, {"subscription": "lapsed", "lapsed_books_are_readable": False})
    await world.send(*stories.signed_deal())
    await world.follow()
    for command in await world.claim():
        await world.dispatcher.work(command)
    found = await stands(world)
    assert (found.state, "Renew it" in (found.remedy or "")) == ("refused", True)
    world.sandbox.change_traits(world.realm, {"subscription": "paid"})
    world.clock.advance(3600)
    await world.settle()
    assert (await stands(world)).state == "connected"


async def test_tokens_that_no_key_decrypts_any_more_are_told(companies: World) -> None:
    world = companies
    await world.services.database.transaction(tokens.forget, world.realm)
    for _ in range(2):
        await keeping.look(world.services)
    assert len(await told(world, catalog.CONNECTION_EXPIRED)) == 1
    assert (await stands(world)).state == "expired"
    await world.connect()
    assert (await stands(world)).state == "connected"


async def test_a_workspace_without_a_company_is_told_so(world: World) -> None:
    await world.add_workspace()
    assert (await stands(world)).state == "not_connected"
    with pytest.raises(NothingConnected):
        await disconnect(world)
