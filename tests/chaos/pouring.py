"""Sending: to Kafka past every proxy, and over HTTP through the web processes' doors."""

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
    """Holds those who send back, so that they send all the while, and to the end."""

    def __init__(self, total: int, per_second: float) -> None:
        """About how many are sent, and how many in a second."""
        self.per_second = per_second
        self.sent = 0
        self._total = total
        self._allowed = 0.0
        self._more = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._next = self._clock()

    def allow(self, share: float) -> None:
        """Let so much of everything be sent."""
        self._allowed = max(self._allowed, share)
        self._more.set()

    async def reached(self, share: float) -> None:
        """Wait until so much may be sent."""
        while share > self._allowed:
            self._more.clear()
            await self._more.wait()

    async def sent_share(self, share: float) -> None:
        """Wait until so much was sent."""
        while self.sent < share * self._total:  # noqa: ASYNC110 - nobody is in a hurry
            await asyncio.sleep(AGAIN_SECONDS)

    async def turn(self, count: int) -> None:
        """Wait until so many more may be sent."""
        await self.reached(min(1.0, self.sent / self._total))
        self.sent += count
        # Who was kept waiting catches up, but not all at once.
        self._next = max(self._next, self._clock() - CATCH_UP_SECONDS_MAX) + count / self.per_second
        await asyncio.sleep(max(0.0, self._next - self._clock()))


class Producer:
    """An idempotent producer that sends until everything is acknowledged, if need be again."""

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
            flow: What there is to send.
            stored: Says whether the log holds events.
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
    """The doors of one workspace, remembering what was acknowledged."""

    def __init__(
        self, http: httpx.AsyncClient, clock: Clock, random: Random, *, url: str, secrets: Secrets
    ) -> None:
        super().__init__(http, clock, random, url=url, secrets=secrets)
        self.workspace = secrets.workspace
        self.acknowledged: set[Identity] = set()
        self.given: set[Identity] = set()
        """Also what was sent and not acknowledged."""

    async def _until_acknowledged(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        identities = self._identities(url, body)
        self.given |= identities
        while True:
            try:
                await super()._until_acknowledged(url, body, headers)
            except httpx.ConnectError:
                continue  # it had tried for long enough; we have more patience than a demo
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
    """Tell tales over HTTP, spread over the whole time."""
    for number, tale in enumerate(tales):
        await pace.reached(number / len(tales))
        await play.tell(visitor, tale, random)
