"""Fixtures of this room."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.worker.docusign.door import Connect, connected
from tests.world import World


@pytest_asyncio.fixture
async def connect(world: World) -> AsyncIterator[Connect]:
    """DocuSign Connect, sending to a workspace that has the sandbox's keys."""
    async with connected(world) as opened:
        yield opened
