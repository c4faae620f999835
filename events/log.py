"""The event log: append and read, as plain functions of a connection."""

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

Identity = tuple[str, str, str]


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
    statement = sa.select(log).where(log.c.position > after).order_by(log.c.position).limit(limit)
    if workspace is not None:
        statement = statement.where(log.c.workspace == workspace)
    if topic is not None:
        statement = statement.where(log.c.topic == topic)
    if stream is not None:
        statement = statement.where(log.c.stream == stream)
    return [_recorded_event(row) for row in connection.execute(statement)]


def head(connection: sa.Connection) -> int:
    """Return the last position, 0 for an empty log."""
    return connection.scalar(sa.select(sa.func.max(log.c.position))) or 0


def _identity(event: Event) -> Identity:
    return (event.workspace, event.source, event.id)


def _recorded(connection: sa.Connection, identities: Sequence[Identity]) -> dict[Identity, tuple[int, str]]:
    columns = (log.c.workspace, log.c.source, log.c.id)
    found: dict[Identity, tuple[int, str]] = {}
    for chunk in _chunks(identities, IDENTITIES_PER_QUERY):
        statement = sa.select(*columns, log.c.position, log.c.content_hash).where(
            sa.tuple_(*columns).in_(chunk)
        )
        for workspace, source, event_id, position, recorded_hash in connection.execute(statement):
            found[workspace, source, event_id] = (position, recorded_hash)
    return found


def _chunks(identities: Sequence[Identity], size: int) -> Iterable[Sequence[Identity]]:
    return (identities[start : start + size] for start in range(0, len(identities), size))


def _insert(connection: sa.Connection, event: Event, now: datetime) -> int:
    statement = (
        log.insert()
        .values(
            workspace=event.workspace,
            source=event.source,
            id=event.id,
            type=event.type,
            stream=event.stream,
            subject=event.subject,
            topic=event.topic,
            time=event.time,
            recorded_at=now,
            content_hash=event.content_hash,
            extensions=json.encode(event.extensions),
            data=event.data,
        )
        .returning(log.c.position)
    )
    position: int = connection.execute(statement).scalar_one()
    return position


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
