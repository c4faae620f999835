"""Fixtures for DocuSign Connect."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.worker.docusign.door import Connect, connected
from tests.world import World


@pytest_asyncio.fixture
async def connect(world: World) -> AsyncIterator[Connect]:
    """A DocuSign Connect that sends to a workspace with the sandbox's keys."""
    async with connected(world) as opened:
        yield opened
