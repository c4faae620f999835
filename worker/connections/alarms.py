"""Alarms: a connection that ends soon is told once, and once more when it no longer does.

The end of a connection itself is told by `tokens.tell_expired`, in the moment in which it is known.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.contract.administration import ConnectionAlarmCleared, ConnectionAlarmRaised, ConnectionEnd
from events.contract.envelope import Event, own_event
from events.log import log
from worker.quickbooks.tokens import EXPIRED, SOURCE, tokens

AHEAD = timedelta(days=14)
AlarmFact = ConnectionAlarmRaised | ConnectionAlarmCleared

_NAMES = ("realm", "workspace", "version", "alarm", "refresh_expires_at", "hard_expires_at")
_LIVING = sa.select(*(tokens.c[name] for name in _NAMES)).where(
    ~tokens.c.expired, tokens.c.alarm.is_distinct_from(EXPIRED)
)


class Life(Struct, frozen=True):
    """When a connection ends, and the alarm that was raised about it."""

    realm: str
    workspace: str
    version: int
    alarm: str | None
    refresh_expires_at: datetime
    hard_expires_at: datetime | None


def due_alarm(
    refresh_expires_at: datetime, hard_expires_at: datetime | None, now: datetime
) -> ConnectionEnd | None:
    """Return the alarm of a connection: the end that comes first, if it comes within 14 days."""
    if hard_expires_at is not None and hard_expires_at <= now + AHEAD:
        # The end that no refresh postpones is the one that a person has to know.
        return "hard_expires"
    return "refresh_expires" if refresh_expires_at <= now + AHEAD else None


def changed(connection: sa.Connection, now: datetime) -> Sequence[Life]:
    """Return the connections whose alarm has to be raised or cleared."""
    found = (Life(*row) for row in connection.execute(_LIVING.order_by(tokens.c.realm)))
    return [life for life in found if life.alarm != _due(life, now)]


def tell(connection: sa.Connection, changes: Sequence[Life], now: datetime) -> None:
    """Append the events of alarms that are raised or cleared.

    Another process may have done so, or the tokens have changed meanwhile: such a connection is left to the next look.
    """
    events = [_event(life, fact, now) for life in changes for fact in _told(connection, life, now)]
    log.append_own(connection, events, now)


def clear(connection: sa.Connection, realm: str, now: datetime) -> None:
    """Clear a connection's alarm, because its tokens are about to be replaced or deleted."""
    row = connection.execute(_LIVING.where(tokens.c.realm == realm)).first()
    if row is None or row.alarm is None:
        return
    life = Life(*row)
    connection.execute(tokens.update().where(tokens.c.realm == realm).values(alarm=None))
    log.append_own(connection, [_event(life, _cleared(life, now), now)], now)


def _told(connection: sa.Connection, life: Life, now: datetime) -> list[AlarmFact]:
    """Store a connection's alarm; return what its events say, nothing if the connection has changed since."""
    due = _due(life, now)
    same = (
        tokens.c.realm == life.realm,
        tokens.c.version == life.version,
        tokens.c.alarm.is_not_distinct_from(life.alarm),
    )
    if connection.execute(tokens.update().where(*same).values(alarm=due)).rowcount != 1:
        return []
    told: list[AlarmFact] = [] if life.alarm is None else [_cleared(life, now)]
    if due is not None:
        ends = life.hard_expires_at if due == "hard_expires" else None
        told.append(ConnectionAlarmRaised(life.realm, now, due, ends or life.refresh_expires_at))
    return told


def _cleared(life: Life, now: datetime) -> ConnectionAlarmCleared:
    alarm: ConnectionEnd = "hard_expires" if life.alarm == "hard_expires" else "refresh_expires"
    return ConnectionAlarmCleared(life.realm, now, alarm)


def _event(life: Life, fact: AlarmFact, now: datetime) -> Event:
    raised = isinstance(fact, ConnectionAlarmRaised)
    kind = catalog.CONNECTION_ALARM_RAISED if raised else catalog.CONNECTION_ALARM_CLEARED
    name = f"{life.realm}:{life.version}:{fact.alarm}:{'raised' if raised else 'cleared'}:{now.isoformat()}"
    return own_event(kind, fact, workspace=life.workspace, source=SOURCE, time=now, id=name)


def _due(life: Life, now: datetime) -> ConnectionEnd | None:
    return due_alarm(life.refresh_expires_at, life.hard_expires_at, now)
