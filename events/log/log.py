"""The event log: append and read, as plain functions of a connection."""

import functools
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events.contract import json
from events.contract.envelope import Event, Recorded
from events.database import bulk
from events.database.bulk import Query, Row
from events.database.locks import Lock, acquire
from events.errors import ContradictoryEvent
from events.log.tables import log

POSITION_MAX = 2**63 - 1
APPENDED = "q2c_log"  # the channel on which PostgreSQL notifies the readers of the log

Identity = tuple[str, str, str]
Content = tuple[int, str, str | None, str]  # the position, type, subject and data of a recorded event

_IDENTITY = (log.c.workspace, log.c.source, log.c.id)
_NOTIFY = sa.text("SELECT pg_notify(:channel, '')")
_HEAD = sa.select(sa.func.max(log.c.position))
_READ = [log.c[name] for name in ("position", "recorded_at", *Event.__struct_fields__)]
_LAST = (
    sa.select(*_READ)
    .where(log.c.workspace == sa.bindparam("workspace"), log.c.stream == sa.bindparam("stream"))
    .order_by(log.c.position.desc())
    .limit(sa.bindparam("limit"))
)
_NAMED = (
    sa.select(*_READ)
    .where(log.c.workspace == sa.bindparam("workspace"), log.c.stream == sa.bindparam("stream"))
    .where(log.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(log.c.position)
)
_NO_EXTENSIONS = "{}"
_extensions = msgspec.json.Decoder(dict[str, str])


class AppendResult(Struct, frozen=True):
    """The result of appending one event, and the position of the event that the log has.

    A conflict names the attributes and fields that `differ`, such as `subject` or `data.amount`.
    """

    outcome: Literal["appended", "duplicate", "conflict"]
    position: int
    differ: tuple[str, ...] = ()


def append(connection: sa.Connection, events: Sequence[Event], now: datetime) -> list[AppendResult]:
    """Append the events that the log does not have; return the result of each, in order.

    An event with a known identity is a duplicate if its content is the same, and a conflict if it is not: the log
    keeps the first event, and the caller handles the second. Locks the log until the end of the transaction, so do
    slow work before.
    """
    if not events:
        return []
    acquire(connection, Lock.LOG)
    identities = [_identity(event) for event in events]
    known = _recorded(connection, identities)
    added: dict[Identity, Event] = {}
    for identity, event in zip(identities, events, strict=True):
        if identity not in known:
            added.setdefault(identity, event)
    positions = bulk.insert_numbered(connection, log, [_row(event, now) for event in added.values()])
    for (identity, event), position in zip(added.items(), positions, strict=True):
        known[identity] = (position, event.type, event.subject, event.data)
    if added and connection.dialect.name == "postgresql":
        connection.execute(_NOTIFY, {"channel": APPENDED})
    results = []
    for identity, event in zip(identities, events, strict=True):
        position = known[identity][0]
        if added.pop(identity, None) is not None:
            results.append(AppendResult("appended", position))
        else:
            differ = _differences(event, known[identity])
            results.append(AppendResult("conflict" if differ else "duplicate", position, differ))
    return results


def append_own(connection: sa.Connection, events: Sequence[Event], now: datetime) -> None:
    """Append events of our own, whose identity follows from their cause.

    Raises:
        ContradictoryEvent: The log has one of them with other content; the whole transaction rolls back.
    """
    for event, result in zip(events, append(connection, events, now), strict=True):
        if result.outcome == "conflict":
            raise ContradictoryEvent(
                f"Event {event.id} ({event.type}) is in the log at position {result.position} with other content"
            )


def read(
    connection: sa.Connection,
    *,
    after: int,
    limit: int,
    workspace: str | None = None,
    topic: str | None = None,
    stream: str | None = None,
) -> list[Recorded]:
    """Read events in the order of their positions, optionally of one workspace, topic or stream."""
    narrowed = {"workspace": workspace, "topic": topic, "stream": stream}
    named = {name: value for name, value in narrowed.items() if value is not None}
    rows = connection.execute(_page(tuple(named)), {"after": after, "limit": limit, **named})
    return [_recorded_event(row) for row in rows]


def last(connection: sa.Connection, workspace: str, stream: str, limit: int) -> list[Recorded]:
    """Read the last events of a stream, at most `limit`, in the order of their positions."""
    rows = connection.execute(_LAST, {"workspace": workspace, "stream": stream, "limit": limit}).all()
    return [_recorded_event(row) for row in reversed(rows)]


def named(connection: sa.Connection, workspace: str, stream: str, ids: Collection[str]) -> list[Recorded]:
    """Read the events of a stream that have these IDs, in the order of their positions."""
    if not ids:
        return []
    rows = connection.execute(_NAMED, {"workspace": workspace, "stream": stream, "ids": sorted(ids)})
    return [_recorded_event(row) for row in rows]


def head(connection: sa.Connection) -> int:
    """Return the last position, 0 for an empty log."""
    return connection.scalar(_HEAD) or 0


def _identity(event: Event) -> Identity:
    return (event.workspace, event.source, event.id)


def _recorded(connection: sa.Connection, identities: Sequence[Identity]) -> dict[Identity, Content]:
    columns = (*_IDENTITY, log.c.position, log.c.type, log.c.subject, log.c.data)
    found = bulk.fetch(connection, columns, _IDENTITY, dict.fromkeys(identities))
    return {(workspace, source, name): (*content,) for workspace, source, name, *content in found}


def _differences(event: Event, recorded: Content) -> tuple[str, ...]:
    """Return the names of the attributes and fields in which an event differs from the recorded event of its identity."""
    _, recorded_type, subject, data = recorded
    attributes = {"type": event.type != recorded_type, "subject": event.subject != subject}
    differ = [name for name, different in attributes.items() if different]
    return (*differ, *(f"data.{name}" for name in json.different_fields(event.data, data)))


def _row(event: Event, now: datetime) -> Row:
    return {
        "workspace": event.workspace,
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "stream": event.stream,
        "subject": event.subject,
        "topic": event.topic,
        "time": event.time,
        "recorded_at": now,
        "extensions": json.encode(event.extensions),
        "data": event.data,
    }


@functools.cache
def _page(narrowed: tuple[str, ...]) -> Query:
    conditions = [log.c[name] == sa.bindparam(name) for name in narrowed]
    return (
        sa.select(*_READ)
        .where(log.c.position > sa.bindparam("after"), *conditions)
        .order_by(log.c.position)
        .limit(sa.bindparam("limit"))
    )


def _recorded_event(row: Sequence[Any]) -> Recorded:
    position, recorded_at, *event, extensions = row
    known = {} if extensions == _NO_EXTENSIONS else _extensions.decode(extensions)
    return Recorded(position, recorded_at, Event(*(*event, known)))
