"""A broker is killed and restarted: no acknowledged message is lost, and all parts continue by themselves."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio

from events.contract import catalog
from tests import stories
from tests.servers.kafka import KafkaServer, running_kafka
from tests.stories import deals, ids
from tests.worker.relays import append, deal_updates, relaying_as, until_at, won
from tests.worker.streams import Stream, ingesting, open_stream
from worker.kafka.messages import PUBLISH_SECONDS_MAX, BrokerUnavailable
from worker.quickbooks.gateway import Gateway
from worker.web.app import create_app


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    with running_kafka(own=True) as running:
        yield running


@pytest_asyncio.fixture
async def stream(server: KafkaServer, migrated_postgres_url: str) -> AsyncIterator[Stream]:
    async with open_stream(server.url, migrated_postgres_url, watchdog_seconds=40) as opened:
        yield opened


async def test_all_parts_wait_for_a_broker_and_continue_when_it_is_back(
    stream: Stream, server: KafkaServer
) -> None:
    services = stream.with_publisher()
    app: Any = create_app(services, cast("Gateway", None))
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://worker.test",
        headers={
            "authorization": f"Bearer {stream.secrets.token}",
            "content-type": "application/cloudevents+json",
        },
    )
    loop = asyncio.get_running_loop()
    async with client as http, ingesting(stream) as ingest, relaying_as("a", services) as relaying:
        await stream.send(*deals(*range(20)))
        await append(stream, *(won(number) for number in range(5)))
        await stream.until_appended(25, ingest, relaying)
        await until_at(stream, 5, ingest, relaying)
        server.kill()
        asked = loop.time()
        answer = await http.post("/events", json=stories.deal("D-20"))
        assert (answer.status_code, answer.json()["reason"]) == (503, "broker_unavailable")
        assert loop.time() - asked < PUBLISH_SECONDS_MAX + 10
        await append(stream, *(won(number) for number in range(5, 10)))

        async def noticed() -> bool:
            return "relay" in services.health.problems

        await stream.until(noticed, ingest, relaying)
        await asyncio.to_thread(server.start)

        async def taken() -> bool:
            return (await http.post("/events", json=stories.deal("D-20"))).status_code == 202

        await stream.until(taken, ingest, relaying)
        await stream.until_appended(31, ingest, relaying)
        await until_at(stream, 31, ingest, relaying)

        async def all_good() -> bool:
            return services.health.problems == {}

        await stream.until(all_good, ingest, relaying)
    arrived = [r.event.id for r in await stream.log() if r.event.topic == catalog.DEALS]
    assert Counter(arrived) == Counter(ids(*range(21)))
    sent = await deal_updates(stream)
    positions = [r.position for r in await stream.log() if r.event.topic == catalog.DEAL_UPDATES]
    assert [n for at, n in enumerate(sent) if n > max(sent[:at], default=0)] == positions


async def test_a_part_that_starts_before_the_broker_waits_for_it(stream: Stream, server: KafkaServer) -> None:
    await stream.send(*deals(1))
    server.kill()
    async with ingesting(stream) as ingest:

        async def waiting() -> bool:
            return "ingest" in stream.services.health.problems

        await stream.until(waiting, ingest)
        await asyncio.to_thread(server.start)
        await stream.until_appended(1, ingest)


async def test_discarded_messages_are_not_sent_when_the_broker_is_back(
    stream: Stream, server: KafkaServer
) -> None:
    publisher = stream.publisher
    await stream.send_raw(b"first")
    os.kill(server.pid, signal.SIGSTOP)
    try:
        in_vain = await asyncio.gather(
            *(stream.send_raw(b"%d" % number) for number in range(3)), return_exceptions=True
        )
        assert all(isinstance(problem, BrokerUnavailable) for problem in in_vain)
        with pytest.raises(BrokerUnavailable):
            await stream.send_raw(b"later")
        await publisher.discard()
    finally:
        os.kill(server.pid, signal.SIGCONT)

    async def is_back() -> bool:
        try:
            await stream.ends()
        except (
            BrokerUnavailable
        ):  # stopped for longer than its session lasts, it has to join its cluster again
            return False
        return True

    await stream.until(is_back)
    await stream.send_raw(b"last")
    values = [message.value for message in await stream.read(catalog.DEALS)]
    # Messages on their way when the broker stopped may have arrived; unsent ones never do.
    assert values[0] == b"first"
    assert values[-1] == b"last"
    assert b"later" not in values
