"""The one way in: whatever brings a record, it becomes an event of the log or a dead letter."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract.about import deal_of
from events.contract.envelope import Event
from events.contract.headers import Headers
from events.errors import Unusable
from events.log import log
from events.log.dead_letters import BOUNDS, Bounds, DeadLetter, store_letters

DEALS = "deal/"


class Record(Struct, frozen=True):
    """What a source handed over: an event, or why its bytes could not become one; and what came beside the bytes.

    `deal` is the one that useless bytes are about; `place` and `of_nobody` are as of a `DeadLetter`.
    """

    raw: bytes
    origin: str
    workspace: str | None
    content: Event | Unusable
    headers: Headers = ()
    deal: str | None = None
    place: str | None = None
    of_nobody: bool = False


class Received(Struct, frozen=True):
    """What became of one record; `reason`, `detail` and `field` are set where it was of no use.

    One that was `published` went to Kafka first, and comes from there. One that was `refused` was of no use, and is not
    kept: there are too many dead letters already.
    """

    outcome: Literal["appended", "duplicate", "conflict", "dead", "published", "refused"]
    position: int | None = None
    reason: str | None = None
    detail: str | None = None
    field: str | None = None


def record(
    raw: bytes,
    origin: str,
    workspace: str | None,
    decode: Callable[[bytes], Event],
    headers: Headers = (),
) -> Record:
    """Decode bytes outside any transaction; what can't be decoded keeps its reason."""
    try:
        return Record(raw, origin, workspace, decode(raw), headers)
    except Unusable as error:
        return unusable(raw, origin, workspace, error, headers)


def unusable(
    raw: bytes,
    origin: str,
    workspace: str | None,
    error: Unusable,
    headers: Headers = (),
    place: str | None = None,
) -> Record:
    """Say that bytes are of no use, and which deal they are about."""
    return Record(raw, origin, workspace, error.bare(), headers, deal_of(raw, headers), place)


def receive(
    connection: sa.Connection, records: Sequence[Record], now: datetime, bounds: Bounds = BOUNDS
) -> list[Received]:
    """Store a batch of records, good and bad, in this transaction; say what became of each, in order."""
    results = iter(
        log.append(connection, [item.content for item in records if isinstance(item.content, Event)], now)
    )
    received: list[Received] = []
    letters: list[DeadLetter] = []
    for item in records:
        if isinstance(item.content, Event):
            result = _accepted(item.content, next(results))
        else:
            problem = item.content
            result = Received("dead", None, problem.reason, problem.detail, problem.field)
        received.append(result)
        if result.reason is not None and result.detail is not None:
            letters.append(_letter(item, result.reason, result.detail, result.field))
    kept = iter(store_letters(connection, letters, now, bounds))
    return [
        result if result.reason is None or next(kept) else replace(result, outcome="refused")
        for result in received
    ]


def _letter(item: Record, reason: str, detail: str, field: str | None) -> DeadLetter:
    deal = deal_of_event(item.content) if isinstance(item.content, Event) else item.deal
    return DeadLetter(
        item.workspace,
        item.origin,
        reason,
        detail,
        item.raw,
        field,
        item.headers,
        deal,
        item.place,
        item.of_nobody,
    )


def deal_of_event(event: Event) -> str | None:
    """Return the deal that an event is about; it has been read, so its bytes need not be."""
    return event.stream.removeprefix(DEALS) if event.stream.startswith(DEALS) else None


def _accepted(event: Event, result: log.AppendResult) -> Received:
    if result.outcome != "conflict":
        return Received(result.outcome, result.position)
    return Received(
        "conflict",
        result.position,
        "identity_conflict",
        f"Event {event.id!r} of {event.source!r} is in the log at position {result.position} with other content:"
        f" there {result.recorded_hash}, here {event.content_hash}",
        "id",
    )
