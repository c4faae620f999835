"""The real `q2c run ingest`, killed while events arrive: every event is in the log once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import pytest_asyncio

from tests.stories import deals, ids
from tests.worker.streams import TOKEN_KEY, Stream, open_stream
from worker.kafka.positions import positions

SEED = 20260505
KILLS = 4
BATCH = 20
SESSION_SECONDS = 120  # far more than a restart takes on a busy machine


@pytest_asyncio.fixture
async def stream(kafka_url: str, migrated_postgres_url: str) -> AsyncIterator[Stream]:
    settings = {"kafka_instance_id": "ingest-1", "kafka_session_seconds": SESSION_SECONDS}
    async with open_stream(kafka_url, migrated_postgres_url, **settings) as opened:
        yield opened


def start(stream: Stream) -> subprocess.Popen[bytes]:
    environment = stream.environment
    variables = {
        "Q2C_DATABASE_URL": environment.database_url,
        "Q2C_TOKEN_KEYS": TOKEN_KEY,
        "Q2C_KAFKA_URL": str(environment.kafka_url),
        "Q2C_KAFKA_GROUP": environment.kafka_group,
        "Q2C_KAFKA_TOPIC_NAMES": json.dumps(environment.kafka_topic_names),
        "Q2C_KAFKA_INSTANCE_ID": str(environment.kafka_instance_id),
        "Q2C_KAFKA_SESSION_SECONDS": str(environment.kafka_session_seconds),
        "Q2C_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-c", "from worker.cli import main; main()", "run", "ingest", "--json"]
    return subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)


async def pour(stream: Stream, enough: asyncio.Event) -> int:
    """Produce until `enough` is set; return the number of events."""
    count = 0
    while not enough.is_set():
        await stream.send(*deals(*range(count, count + BATCH)))
        count += BATCH
        await asyncio.sleep(0.05)
    return count


async def test_no_event_is_lost_and_a_quick_restart_continues_at_once(stream: Stream) -> None:
    random = Random(SEED)
    enough = asyncio.Event()
    pouring = asyncio.create_task(pour(stream, enough))
    process = start(stream)
    loop = asyncio.get_running_loop()
    waits = []
    try:
        for _ in range(KILLS):
            started, head = loop.time(), await stream.head()
            await stream.until_appended(head + 1, pouring)
            waits.append(loop.time() - started)
            await asyncio.sleep(random.uniform(0, 0.5))
            process.kill()
            process.wait()
            process = start(stream)
        head = await stream.head()
        await stream.until_appended(head + 1, pouring)
        enough.set()
        count = await pouring

        async def all_appended() -> bool:  # positions of a killed transaction are never used
            return len(await stream.ids()) >= count

        await stream.until(all_appended)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 30) == 0
    finally:
        process.kill()
        process.wait()
        pouring.cancel()
    assert Counter(await stream.ids()) == Counter(ids(*range(count)))
    assert await stream.letters() == []
    # A static member gets its partitions back at once; any other would have to wait for the dead member's session.
    assert max(waits) < SESSION_SECONDS / 2
    known = await positions(stream.environment, stream.services.database)
    assert all((at.committed or 0) <= (at.stored or 0) == at.end for at in known)
