"""The one way in: whatever brings a record, it becomes an event of the log or a dead letter."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from events import log
from events.dead_letters import DeadLetter, bury
from events.envelope import Event
from events.errors import Unusable
from events.headers import Headers


class Record(Struct, frozen=True):
    """What a source handed over: an event, or why its bytes could not become one; and what came beside the bytes.

    `deal` is set by a source that knows it better than the bytes say it.
    """

    raw: bytes
    origin: str
    workspace: str | None
    content: Event | Unusable
    headers: Headers = ()
    deal: str | None = None


class Received(Struct, frozen=True):
    """What became of one record; `reason`, `detail` and `field` are set where it was of no use.

    One that was `published` went to Kafka first, and comes from there.
    """

    outcome: Literal["appended", "duplicate", "conflict", "dead", "published"]
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
        return Record(raw, origin, workspace, error, headers)


def receive(connection: sa.Connection, records: Sequence[Record], now: datetime) -> list[Received]:
    """Store a batch of records, good and bad, in this transaction; say what became of each, in order."""
    fates = iter(log.append(connection, [r.content for r in records if isinstance(r.content, Event)], now))
    received = []
    for item in records:
        if isinstance(item.content, Event):
            result = _accepted(item.content, next(fates))
        else:
            problem = item.content
            result = Received("dead", None, problem.reason, problem.detail, problem.field)
        if result.reason is not None and result.detail is not None:
            letter = DeadLetter(
                item.workspace,
                item.origin,
                result.reason,
                result.detail,
                item.raw,
                result.field,
                item.headers,
                item.deal,
            )
            bury(connection, letter, now)
        received.append(result)
    return received


def _accepted(event: Event, fate: log.Fate) -> Received:
    if fate.outcome != "conflict":
        return Received(fate.outcome, fate.position)
    return Received(
        "conflict",
        fate.position,
        "identity_conflict",
        f"Event {event.id!r} of {event.source!r} is in the log at position {fate.position} with other content:"
        f" there {fate.recorded_hash}, here {event.content_hash}",
        "id",
    )
