"""Send messages to Kafka without a proxy, and over HTTP to the web processes' doors."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from events.clock import Clock
from tests.chaos.flow import Wait
from tests.chaos.messages import SOURCE, Identity, Message
from worker.demo import play
from worker.demo.doors import Doors, Secrets
from worker.demo.story import Tale
from worker.docusign import connect

CHUNK_MESSAGES = 100
REQUEST_SECONDS_MAX = 60
AGAIN_SECONDS = 0.5
CATCH_UP_SECONDS_MAX = 2.0
REQUEST_BYTES_MAX = 2 * 1024 * 1024


class Pace:
    """Paces the senders, so that they send during the whole run."""

    def __init__(self, total: int, per_second: float) -> None:
        """Set the approximate total, and the rate."""
        self.per_second = per_second
        self.sent = 0
        self._total = total
        self._allowed = 0.0
        self._more = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._next = self._clock()

    def allow(self, share: float) -> None:
        """Allow a share of all messages to be sent."""
        self._allowed = max(self._allowed, share)
        self._more.set()

    async def reached(self, share: float) -> None:
        """Wait until a share is allowed."""
        while share > self._allowed:
            self._more.clear()
            await self._more.wait()

    async def sent_share(self, share: float) -> None:
        """Wait until a share is sent."""
        while self.sent < share * self._total:  # noqa: ASYNC110 - a poll is fast enough
            await asyncio.sleep(AGAIN_SECONDS)

    async def turn(self, count: int) -> None:
        """Wait until `count` more messages may be sent."""
        await self.reached(min(1.0, self.sent / self._total))
        self.sent += count
        # A delayed sender catches up, but not all at once.
        self._next = max(self._next, self._clock() - CATCH_UP_SECONDS_MAX) + count / self.per_second
        await asyncio.sleep(max(0.0, self._next - self._clock()))


class Producer:
    """An idempotent producer that sends, and resends, until everything is acknowledged."""

    def __init__(self, kafka: Mapping[str, Any], pace: Pace) -> None:
        self.acknowledged: set[Identity] = set()
        self.sent_again = 0
        self._kafka = kafka
        self._pace = pace

    async def pour(
        self, flow: Iterable[Message | Wait], stored: Callable[[frozenset[Identity]], Awaitable[bool]]
    ) -> None:
        """Send everything.

        Args:
            flow: The messages to send.
            stored: Returns whether the log has events.
        """
        producer = await self._opened()
        try:
            for chunk in _chunks(flow):
                if isinstance(chunk, Wait):
                    while not await stored(chunk.identities):  # noqa: ASYNC110 - the database sets no event
                        await asyncio.sleep(AGAIN_SECONDS)
                    continue
                await self._pace.turn(len(chunk))
                while not await _sent(producer, chunk):
                    self.sent_again += len(chunk)
                    await producer.stop()
                    producer = await self._opened()
                self.acknowledged |= {message.identity for message in chunk if message.identity}
        finally:
            await producer.stop()

    async def _opened(self) -> AIOKafkaProducer:
        while True:
            producer = AIOKafkaProducer(
                **self._kafka,
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                max_request_size=REQUEST_BYTES_MAX,
                request_timeout_ms=REQUEST_SECONDS_MAX * 1000,
            )
            try:
                await producer.start()
            except KafkaError:
                await producer.stop()
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return producer


async def _sent(producer: AIOKafkaProducer, chunk: Sequence[Message]) -> bool:
    try:
        futures = [
            await producer.send(message.topic, message.value, message.key, headers=list(message.headers))
            for message in chunk
        ]
    except KafkaError:
        return False
    results = await asyncio.gather(*futures, return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    if unknown := [error for error in failed if not isinstance(error, KafkaError)]:
        raise unknown[0]
    return not failed


def _chunks(flow: Iterable[Message | Wait]) -> Iterator[list[Message] | Wait]:
    said = iter(flow)
    while some := list(islice(said, CHUNK_MESSAGES)):
        chunk: list[Message] = []
        for item in some:
            if isinstance(item, Wait):
                yield chunk
                yield item
                chunk = []
            else:
                chunk.append(item)
        yield chunk


class Visitor(Doors):
    """The senders of one workspace, which record acknowledged events."""

    def __init__(
        self, http: httpx.AsyncClient, clock: Clock, random: Random, *, url: str, secrets: Secrets
    ) -> None:
        super().__init__(http, clock, random, url=url, secrets=secrets)
        self.workspace = secrets.workspace
        self.acknowledged: set[Identity] = set()
        self.given: set[Identity] = set()
        """Every sent event, acknowledged or not."""

    async def _until_acknowledged(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        identities = self._identities(url, body)
        self.given |= identities
        while True:
            try:
                await super()._until_acknowledged(url, body, headers)
            except httpx.ConnectError:
                continue  # the demo's limit of attempts, which a chaos run exceeds
            self.acknowledged |= identities
            return

    def _identities(self, url: str, body: bytes) -> set[Identity]:
        if url.endswith("/events"):
            return {(self.workspace, SOURCE, event["id"]) for event in json.loads(body)}
        if "/webhooks/docusign/" in url:
            event = connect.read_message(body, workspace=self.workspace)
            return {(event.workspace, event.source, event.id)}
        return set()


async def visit(visitor: Visitor, tales: Sequence[Tale], pace: Pace, random: Random) -> None:
    """Send deals over HTTP, spread over the whole run."""
    for number, tale in enumerate(tales):
        await pace.reached(number / len(tales))
        await play.tell(visitor, tale, random)
