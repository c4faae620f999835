"""The event log: append and read, as plain functions of a connection."""

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events import json
from events.envelope import Event, Recorded
from events.errors import ContradictoryEvent
from events.tables import log

IDENTITIES_PER_QUERY = 300
POSITION_MAX = 2**63 - 1

Identity = tuple[str, str, str]

_IDENTITY = (log.c.workspace, log.c.source, log.c.id)
_KNOWN = sa.select(*_IDENTITY, log.c.position, log.c.content_hash).where(
    sa.tuple_(*_IDENTITY).in_(sa.bindparam("identities", expanding=True))
)
_INSERT = log.insert().returning(log.c.position)
_HEAD = sa.select(sa.func.max(log.c.position))


class Fate(Struct, frozen=True):
    """What became of an event: its position if the log has it, the hash already there if that differs."""

    outcome: Literal["appended", "duplicate", "conflict"]
    position: int
    recorded_hash: str


def append(connection: sa.Connection, events: Sequence[Event], now: datetime) -> list[Fate]:
    """Append the events that the log does not hold yet; say what became of each, in order.

    The same identity with the same content is a duplicate. With other content it is a conflict: the log
    keeps what it has, and the caller decides what to do with the newcomer.
    """
    known = _recorded(connection, [_identity(event) for event in events])
    fates: list[Fate] = []
    for event in events:
        identity = _identity(event)
        if identity in known:
            position, recorded_hash = known[identity]
            same = recorded_hash == event.content_hash
            fates.append(Fate("duplicate" if same else "conflict", position, recorded_hash))
        else:
            position = _insert(connection, event, now)
            known[identity] = (position, event.content_hash)
            fates.append(Fate("appended", position, event.content_hash))
    return fates


def append_own(connection: sa.Connection, events: Sequence[Event], now: datetime) -> None:
    """Append events of our own, whose identity says what they hold.

    Raises:
        ContradictoryEvent: The log has one of them with other content; the whole transaction is undone.
    """
    for event, fate in zip(events, append(connection, events, now), strict=True):
        if fate.outcome == "conflict":
            raise ContradictoryEvent(
                f"Event {event.id} ({event.type}) is in the log at position {fate.position} with other content"
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


def head(connection: sa.Connection) -> int:
    """Return the last position, 0 for an empty log."""
    return connection.scalar(_HEAD) or 0


def _identity(event: Event) -> Identity:
    return (event.workspace, event.source, event.id)


def _recorded(connection: sa.Connection, identities: Sequence[Identity]) -> dict[Identity, tuple[int, str]]:
    found: dict[Identity, tuple[int, str]] = {}
    for chunk in _chunks(identities, IDENTITIES_PER_QUERY):
        rows = connection.execute(_KNOWN, {"identities": chunk})
        for workspace, source, event_id, position, recorded_hash in rows:
            found[workspace, source, event_id] = (position, recorded_hash)
    return found


def _chunks(identities: Sequence[Identity], size: int) -> Iterable[Sequence[Identity]]:
    return (identities[start : start + size] for start in range(0, len(identities), size))


def _insert(connection: sa.Connection, event: Event, now: datetime) -> int:
    values = {
        "workspace": event.workspace,
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "stream": event.stream,
        "subject": event.subject,
        "topic": event.topic,
        "time": event.time,
        "recorded_at": now,
        "content_hash": event.content_hash,
        "extensions": json.encode(event.extensions),
        "data": event.data,
    }
    position: int = connection.execute(_INSERT, values).scalar_one()
    return position


@functools.cache
def _page(narrowed: tuple[str, ...]) -> sa.Select[tuple[object, ...]]:
    conditions = [log.c[name] == sa.bindparam(name) for name in narrowed]
    return (
        sa.select(log)
        .where(log.c.position > sa.bindparam("after"), *conditions)
        .order_by(log.c.position)
        .limit(sa.bindparam("limit"))
    )


def _recorded_event(row: sa.Row[tuple[object, ...]]) -> Recorded:
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public way to read a row by name
    return Recorded(
        position=fields["position"],
        recorded_at=fields["recorded_at"],
        event=Event(
            workspace=fields["workspace"],
            source=fields["source"],
            id=fields["id"],
            type=fields["type"],
            stream=fields["stream"],
            time=fields["time"],
            data=fields["data"],
            content_hash=fields["content_hash"],
            subject=fields["subject"],
            topic=fields["topic"],
            extensions=msgspec.json.decode(fields["extensions"], type=dict[str, str]),
        ),
    )
