"""Until when something waits, by wall clocks that people and NTP set back and forward.

Every lease, hold and pause is over at its end. It is over, too, where it began later than now by more than two clocks may
be apart: then it began before the clock was set back, and its end says nothing any more. Else whatever waits would wait
for as long as the clock was set back. A clock that is set forward ends what waits early; for that there are fences,
checkpoints that are compared, and look-ups.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

# How far apart two processes' ideas of now may be: their clocks, and how long one waited for the database.
CLOCKS_APART = timedelta(minutes=5)


def holds(until: datetime | None, lasting: timedelta, now: datetime) -> bool:
    """Say whether what lasts so long, and ends then, is not over."""
    return until is not None and now < until <= latest(lasting, now)


def is_over(
    until: sa.ColumnElement[datetime], latest_end: sa.ColumnElement[datetime], now: sa.ColumnElement[datetime]
) -> sa.ColumnElement[bool]:
    """Say the same in SQL, the other way round; `latest_end` is bound to what `latest` gives."""
    return sa.or_(until.is_(None), until <= now, until > latest_end)


def latest(lasting: timedelta, now: datetime) -> datetime:
    """Return the latest end of anything that lasts so long: what ends later began before the clock was set back."""
    return now + lasting + CLOCKS_APART
