"""Fixtures of all tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from tests import stories
from tests.world import World, open_world

pytest_plugins = ["tests.servers.fixtures"]
ROOT = Path(__file__).parent
# Started first, so that no process is left with a long file at the end.
LONGEST_FIRST = (
    "proof/test_chaos.py",
    "proof/test_sigkill.py",
    "proof/test_in_step.py",
    "proof/test_secured.py",
    "proof/test_sync_kills.py",
    "proof/test_ingest_kills.py",
    "proof/test_model.py",
    "proof/test_fuzz.py",
    "proof/test_ablations.py",
    # One that waits for servers, then those that compute meanwhile.
    "worker/kafka/test_broker_down.py",
    "worker/simulation/test_simulation.py",
    "worker/simulation/test_crash_points.py",
    "worker/quote_to_cash/test_reasons.py",
    "worker/sources/test_restart.py",
    "worker/commands/test_every_fault.py",
    "worker/quote_to_cash/in_step/test_killed.py",
    "worker/sources/test_faust.py",
    "worker/web/test_schemathesis.py",
    "test_takeover.py",
    "worker/commands/test_updates.py",
    "worker/sync/test_large_companies.py",
    "test_demo.py",
    "worker/web/test_lists.py",
    "worker/commands/test_exactly_once.py",
    "worker/kafka/test_secured_kafka.py",
    "worker/web/test_doors.py",
    "worker/sandbox/test_books.py",
    "worker/cli/test_commands.py",
)
RANKS = {ROOT / name: rank for rank, name in enumerate(LONGEST_FIRST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; a file's tests stay together."""
    items.sort(key=lambda item: RANKS.get(item.path, len(RANKS)))


@pytest.fixture(autouse=True, scope="session")
def quiet() -> None:
    """Log warnings only."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world with only one US company."""
    async with open_world(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ready(world: World) -> World:
    """A world in which a signed deal of account A-1 and product P-1 is invoiced."""
    await world.ready()
    await world.send(stories.account())
    await world.settle()
    return world
