"""Intake: every record from every source becomes an event in the log or a dead letter."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract.about import deal_of
from events.contract.envelope import Event
from events.contract.headers import Headers
from events.errors import InvalidEvent
from events.log import log
from events.log.dead_letters import LIMITS, LetterLimits, NewDeadLetter, store_letters

DEALS = "deal/"
DIFFERENCES_SHOWN_MAX = 5


class Record(Struct, frozen=True):
    """A message from a source: its bytes and headers, and its event or the error that prevents one.

    `deal` is the deal that an invalid message is about; `place` and `of_nobody` have the meaning of `NewDeadLetter`'s.
    """

    raw: bytes
    origin: str
    workspace: str | None
    content: Event | InvalidEvent
    headers: Headers = ()
    deal: str | None = None
    place: str | None = None
    of_nobody: bool = False


class Received(Struct, frozen=True):
    """The result of one record; an invalid record has a `reason`, a `detail` and perhaps a `field`.

    A `published` record was sent to Kafka, and will be received from there. A `refused` record is invalid and was not
    stored, because the workspace has reached its limit of dead letters.
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
    """Decode a message outside any transaction; an invalid message gives a record with the error."""
    try:
        return Record(raw, origin, workspace, decode(raw), headers)
    except InvalidEvent as error:
        return invalid(raw, origin, workspace, error, headers)


def invalid(
    raw: bytes,
    origin: str,
    workspace: str | None,
    error: InvalidEvent,
    headers: Headers = (),
    place: str | None = None,
) -> Record:
    """Return the record of an invalid message, with the deal that it is about."""
    return Record(raw, origin, workspace, error.without_traceback(), headers, deal_of(raw, headers), place)


def receive(
    connection: sa.Connection, records: Sequence[Record], now: datetime, limits: LetterLimits = LIMITS
) -> list[Received]:
    """Store a batch of records, valid and invalid, in this transaction; return the result of each, in order."""
    results = iter(
        log.append(connection, [item.content for item in records if isinstance(item.content, Event)], now)
    )
    received: list[Received] = []
    letters: list[NewDeadLetter] = []
    for item in records:
        if isinstance(item.content, Event):
            result = _accepted(item.content, next(results))
        else:
            problem = item.content
            result = Received("dead", None, problem.reason, problem.detail, problem.field)
        received.append(result)
        if result.reason is not None and result.detail is not None:
            letters.append(_letter(item, result.reason, result.detail, result.field))
    kept = iter(store_letters(connection, letters, now, limits))
    return [
        result if result.reason is None or next(kept) else replace(result, outcome="refused")
        for result in received
    ]


def _letter(item: Record, reason: str, detail: str, field: str | None) -> NewDeadLetter:
    deal = deal_of_event(item.content) if isinstance(item.content, Event) else item.deal
    return NewDeadLetter(
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
    """Return the deal that an event is about, by its stream."""
    return event.stream.removeprefix(DEALS) if event.stream.startswith(DEALS) else None


def _accepted(event: Event, result: log.AppendResult) -> Received:
    if result.outcome != "conflict":
        return Received(result.outcome, result.position)
    return Received(
        "conflict",
        result.position,
        "identity_conflict",
        f"Event {event.id!r} of {event.source!r} is in the log at position {result.position} with other"
        f" values of {', '.join(result.differ[:DIFFERENCES_SHOWN_MAX])}",
        "id",
    )
