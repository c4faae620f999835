"""Worlds with several companies, on either database."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from events.database.postgres import PostgresDatabase
from tests import stories
from tests.world import World, open_world
from worker.quickbooks.gateway import open_gateway
from worker.sandbox.transport import SandboxTransport


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def companies(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A workspace that has invoiced a deal in the first of three companies."""
    async with open_world(tmp_path, ("us", "uk", "ca")) as world:
        if request.param == "sqlite":
            yield await invoiced(world)
            return
        database = PostgresDatabase(request.getfixturevalue("migrated_postgres_url"))
        services = msgspec.structs.replace(world.services, database=database)
        parts = (services.environment, database, world.clock, services.entropy, services.vault)
        transport = SandboxTransport(world.sandbox, world.clock)
        async with open_gateway(*parts, transport=transport) as gateway:
            yield await invoiced(World(services, gateway, world.sandbox, world.clock))
        await database.close()


async def invoiced(world: World) -> World:
    """Map an account and a product, and invoice a deal."""
    await world.ready()
    await world.send(stories.account(), *stories.signed_deal("D-0"))
    await world.settle()
    assert len(world.books()) == 1
    return world
