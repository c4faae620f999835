"""Append outgoing events, relay them, and read them from their topic."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from events.contract import catalog
from events.contract.announcements import DealClosedWon
from events.contract.envelope import Event, own_event
from events.contract.values import Fact
from events.log import log, subscriptions
from tests.worker.streams import Stream
from worker.roles.relay import CHANNELS, relay
from worker.services import Services

AT = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
EVENTS, LETTERS = CHANNELS


def said(event_type: str, fact: Fact, number: int) -> Event:
    """Return an outgoing event."""
    return own_event(
        event_type, fact, workspace="acme", source="urn:coeffection:q2c", time=AT, id=f"{number}"
    )


def won(number: int, deal: str = "D-1") -> Event:
    return said(catalog.DEAL_CLOSED_WON, DealClosedWon(deal, f"C-{number}", AT), number)


async def append(stream: Stream, *events: Event) -> None:
    await stream.services.database.transaction(log.append_own, events, AT)


@asynccontextmanager
async def relaying_as(holder: str, services: Services) -> AsyncIterator[asyncio.Task[None]]:
    """Run a relay, and stop it gracefully."""
    stopping = asyncio.Event()
    task = asyncio.create_task(relay(services, holder, stopping))
    try:
        yield task
    finally:
        stopping.set()
        await asyncio.wait({task}, timeout=20)
    task.result()


async def until_at(
    stream: Stream, position: int, *working: asyncio.Task[Any], channel: str = EVENTS.name
) -> None:
    async def there() -> bool:
        return (await stream.services.database.read(subscriptions.checkpoints)).get(channel, 0) >= position

    await stream.until(there, *working)


def sequences(messages: Sequence[Any]) -> list[int]:
    return [int(dict(message.headers)["ce_sequence"]) for message in messages]


async def deal_updates(stream: Stream) -> list[int]:
    return sequences(await stream.read(catalog.DEAL_UPDATES))
