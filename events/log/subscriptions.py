"""Subscriptions read the log in order, and store their results and their checkpoint in one transaction."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from events import leases
from events.contract.envelope import Recorded
from events.database import bulk
from events.database.bulk import Query
from events.errors import CheckpointMoved
from events.log import log
from events.log.tables import log as events
from events.log.tables import subscriptions

Handler = Callable[[sa.Connection, Sequence[Recorded], datetime], None]
LEASE_SECONDS = 5
_LEASE = timedelta(seconds=LEASE_SECONDS)

_ALL = sa.select(subscriptions)
_ONE = sa.select(subscriptions).where(subscriptions.c.name == sa.bindparam("name_"))
_WITH_HEAD = sa.select(
    subscriptions, sa.select(sa.func.max(events.c.position)).scalar_subquery().label("head")
)


class Subscription(Struct, frozen=True):
    """A named reader of the log; `handle` processes a batch inside the transaction that moves the checkpoint."""

    name: str
    handle: Handler
    batch_size: int = 1_000

    def take(
        self, connection: sa.Connection, batch: Sequence[Recorded], now: datetime, _edition: int
    ) -> None:
        """Process a batch; a read model writes the rows of the edition."""
        self.handle(connection, batch, now)


class Reader(Struct, frozen=True):
    """The row of a subscription: its position, the lease of the process that leads it, and a read model's edition."""

    name: str
    position: int
    holder: str | None
    leased_until: datetime | None
    edition: int = 0


class TurnResult(Struct, frozen=True):
    """The number of events that a turn handled, and whether the process leads any of the subscriptions."""

    handled: int
    leads: bool = True


def advance(
    connection: sa.Connection, following: Sequence[Subscription], holder: str, now: datetime
) -> TurnResult:
    """Handle the next batch of each subscription and move its checkpoint, all in the caller's transaction.

    Subscriptions at the same position share one read.

    Raises:
        CheckpointMoved: Another runner moved a checkpoint meanwhile; the transaction has to roll back.
    """
    readers = lock(connection, [subscription.name for subscription in following])
    led = _led(readers, following, holder, now)
    handled = 0
    for (position, batch_size), together in led.items():
        batch = log.read(connection, after=position, limit=batch_size)
        if batch:
            for subscription in together:
                subscription.take(connection, batch, now, readers[subscription.name].edition)
            _move(connection, together, position, batch[-1].position, holder, now)
            handled += len(batch) * len(together)
    return TurnResult(handled, leads=bool(led))


def checkpoints(connection: sa.Connection) -> dict[str, int]:
    """Return the position of each subscription."""
    return {name: position for name, position, *_ in connection.execute(_ALL)}


def all_readers(connection: sa.Connection) -> list[Reader]:
    """Return the row of every subscription."""
    return [Reader(*row) for row in connection.execute(_ALL)]


def pending(connection: sa.Connection, names: Sequence[str], holder: str, now: datetime) -> list[str]:
    """Return the subscriptions that have events to handle and that no other process leads; reads only."""
    rows = connection.execute(_WITH_HEAD).all()
    head = (rows[0][-1] or 0) if rows else log.head(connection)
    readers = {row[0]: Reader(*row[:-1]) for row in rows}
    return [name for name in names if _is_pending(readers.get(name), head, holder, now)]


def is_due(connection: sa.Connection, name: str, head: int, holder: str, now: datetime) -> bool:
    """Return whether a subscription has events to handle, up to `head`, and no other process leads it; reads only."""
    row = connection.execute(_ONE, {"name_": name}).first()
    return _is_pending(None if row is None else Reader(*row), head, holder, now)


def lease(connection: sa.Connection, name: str, holder: str, now: datetime) -> int | None:
    """Lease a subscription that works between transactions; return its position, None if another process leads it.

    The work has to end within LEASE_SECONDS: after that, another process may do it too.
    """
    reader = lock(connection, [name])[name]
    if is_led_by_other(reader, holder, now):
        return None
    move(connection, name, reader.position, reader.position, holder, now)
    return reader.position


def move(connection: sa.Connection, name: str, before: int, after: int, holder: str, now: datetime) -> None:
    """Move a subscription's checkpoint, and renew the lease.

    Raises:
        CheckpointMoved: Another runner moved the checkpoint meanwhile.
    """
    _compare_and_set(connection, [name], before, after, holder, now)


def release(connection: sa.Connection, holder: str) -> None:
    """Release every lease of a process, so that a standby takes over at once."""
    connection.execute(
        subscriptions.update().where(subscriptions.c.holder == holder).values(holder=None, leased_until=None)
    )


def begin(connection: sa.Connection, name: str, edition: int) -> None:
    """Add the subscription that fills an edition of a read model, before the first event, unless it exists."""
    rows = [{"name": name, "position": 0, "edition": edition}]
    bulk.insert_absent(connection, subscriptions, rows)


def reset(connection: sa.Connection, name: str) -> None:
    """Move a subscription back to the beginning of the log."""
    connection.execute(subscriptions.delete().where(subscriptions.c.name == name))


def _is_pending(reader: Reader | None, head: int, holder: str, now: datetime) -> bool:
    if reader is None:
        return head > 0
    return head > reader.position and not is_led_by_other(reader, holder, now)


def is_led(reader: Reader, now: datetime) -> bool:
    """Return whether a process leads a subscription."""
    return leases.is_active(reader.leased_until, _LEASE, now)


def is_led_by_other(reader: Reader, holder: str, now: datetime) -> bool:
    """Return whether a process other than `holder` leads a subscription."""
    return reader.holder not in (None, holder) and leases.is_active(reader.leased_until, _LEASE, now)


def _led(
    readers: Mapping[str, Reader], following: Sequence[Subscription], holder: str, now: datetime
) -> dict[tuple[int, int], list[Subscription]]:
    """Return the subscriptions that no other process leads, by their position and batch size."""
    led: dict[tuple[int, int], list[Subscription]] = {}
    for subscription in following:
        reader = readers[subscription.name]
        if not is_led_by_other(reader, holder, now):
            led.setdefault((reader.position, subscription.batch_size), []).append(subscription)
    return led


def lock(connection: sa.Connection, names: Sequence[str]) -> dict[str, Reader]:
    """Lock the rows of subscriptions until the transaction ends, and return them.

    A new subscription gets a row, at the beginning of the log.
    """
    readers = lock_existing(connection, names)
    if missing := [name for name in names if name not in readers]:
        bulk.insert_absent(connection, subscriptions, [{"name": name, "position": 0} for name in missing])
        readers = lock_existing(connection, names)
    return readers


def lock_existing(connection: sa.Connection, names: Sequence[str]) -> dict[str, Reader]:
    """Lock the rows that subscriptions already have until the transaction ends, and return them."""
    return {row[0]: Reader(*row) for row in connection.execute(_locking(tuple(names)))}


def _move(
    connection: sa.Connection,
    together: Sequence[Subscription],
    before: int,
    after: int,
    holder: str,
    now: datetime,
) -> None:
    names = [subscription.name for subscription in together]
    _compare_and_set(connection, names, before, after, holder, now)


def _compare_and_set(
    connection: sa.Connection, names: Sequence[str], before: int, after: int, holder: str, now: datetime
) -> None:
    values = {
        "before": before,
        "after": after,
        "holder_": holder,
        "until": now + _LEASE,
    }
    if connection.execute(_moving(tuple(names)), values).rowcount != len(names):
        said = ", ".join(repr(name) for name in names)
        raise CheckpointMoved(f"Subscription {said} is no longer at position {before}")


def _named(names: tuple[str, ...]) -> sa.ColumnElement[bool]:
    return sa.or_(*(subscriptions.c.name == name for name in names))


@functools.cache
def _locking(names: tuple[str, ...]) -> Query:
    return sa.select(subscriptions).where(_named(names)).order_by(subscriptions.c.name).with_for_update()


@functools.cache
def _moving(names: tuple[str, ...]) -> sa.Update:
    return (
        subscriptions.update()
        .where(_named(names), subscriptions.c.position == sa.bindparam("before"))
        .values(
            position=sa.bindparam("after"), holder=sa.bindparam("holder_"), leased_until=sa.bindparam("until")
        )
    )
