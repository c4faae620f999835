"""A subscription reads the log in order; what it does and how far it got are stored in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from events import log
from events.envelope import Recorded
from events.errors import CheckpointMoved
from events.tables import subscriptions

Handler = Callable[[sa.Connection, Sequence[Recorded], datetime], None]
LEASE_SECONDS = 10


class Subscription(Struct, frozen=True):
    """A named reader of the log; `handle` does its work inside the transaction that moves it on."""

    name: str
    handle: Handler
    batch_size: int = 200


class Progress(Struct, frozen=True):
    """What one turn did: how many events it handled, and whether another runner leads."""

    handled: int
    leads: bool = True


def advance(connection: sa.Connection, subscription: Subscription, holder: str, now: datetime) -> Progress:
    """Handle the next batch and move the checkpoint, all in the caller's transaction.

    Raises:
        CheckpointMoved: Another runner moved it meanwhile; everything here rolls back.
    """
    position = _lead(connection, subscription.name, holder, now)
    if position is None:
        return Progress(0, leads=False)
    batch = log.read(connection, after=position, limit=subscription.batch_size)
    if not batch:
        return Progress(0)
    subscription.handle(connection, batch, now)
    _move(connection, subscription.name, position, batch[-1].position)
    return Progress(len(batch))


def checkpoints(connection: sa.Connection) -> dict[str, int]:
    """Say how far each subscription got."""
    rows = connection.execute(sa.select(subscriptions.c.name, subscriptions.c.position))
    return {row.name: row.position for row in rows}


def pending(connection: sa.Connection, name: str, holder: str, now: datetime) -> bool:
    """Say whether a turn of this subscription would have anything to do; reads only."""
    row = connection.execute(sa.select(subscriptions).where(subscriptions.c.name == name)).first()
    if row is None:
        return log.head(connection) > 0
    led_by_other = row.holder not in (None, holder) and row.leased_until and row.leased_until > now
    return not led_by_other and log.head(connection) > row.position


def release(connection: sa.Connection, holder: str) -> None:
    """Give up every lease of a holder, so that a standby takes over at once."""
    connection.execute(
        subscriptions.update().where(subscriptions.c.holder == holder).values(holder=None, leased_until=None)
    )


def reset(connection: sa.Connection, name: str) -> None:
    """Send a subscription back to the beginning of the log."""
    connection.execute(subscriptions.delete().where(subscriptions.c.name == name))


def _lead(connection: sa.Connection, name: str, holder: str, now: datetime) -> int | None:
    leased_until = now + timedelta(seconds=LEASE_SECONDS)
    row = connection.execute(sa.select(subscriptions).where(subscriptions.c.name == name)).first()
    if row is None:
        connection.execute(
            subscriptions.insert().values(name=name, position=0, holder=holder, leased_until=leased_until)
        )
        return 0
    if row.holder not in (None, holder) and row.leased_until is not None and row.leased_until > now:
        return None
    connection.execute(
        subscriptions.update()
        .where(subscriptions.c.name == name)
        .values(holder=holder, leased_until=leased_until)
    )
    position: int = row.position
    return position


def _move(connection: sa.Connection, name: str, before: int, after: int) -> None:
    moved = connection.execute(
        subscriptions.update()
        .where(subscriptions.c.name == name, subscriptions.c.position == before)
        .values(position=after)
    )
    if moved.rowcount != 1:
        raise CheckpointMoved(f"Subscription {name!r} is no longer at position {before}")
