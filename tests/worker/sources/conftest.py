"""Sources on a real Kafka."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.worker.streams import Stream, open_stream


@pytest_asyncio.fixture
async def stream(kafka_url: str, migrated_postgres_url: str) -> AsyncIterator[Stream]:
    """Topics and a database for one test."""
    async with open_stream(kafka_url, migrated_postgres_url) as opened:
        yield opened
