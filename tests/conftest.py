"""Fixtures that every room uses."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from tests import stories
from tests.world import World, open_world

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(autouse=True, scope="session")
def quiet() -> None:
    """Log warnings only."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world with one US company and nothing else."""
    async with open_world(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ready(world: World) -> World:
    """A world in which a signed deal of account A-1 and product P-1 is invoiced."""
    await world.ready()
    await world.send(stories.account())
    await world.settle()
    return world
