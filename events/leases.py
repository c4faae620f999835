"""The ends of leases and pauses, by wall clocks that people and NTP set back and forward.

A lease or a pause ends at its end. It also ends if it began later than now by more than two clocks may differ: then it
began before the clock was set back, and its end is wrong. Otherwise it would last as long as the clock was set back. A clock
that is set forward ends leases and pauses early; fences, compared checkpoints and look-ups cover that.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

# How far the current instants of two processes may differ: by their clocks, and by a wait for the database.
CLOCK_SKEW_MAX = timedelta(minutes=5)


def is_active(until: datetime | None, length: timedelta, now: datetime) -> bool:
    """Return whether a lease or pause of a length, which ends at `until`, is active."""
    return until is not None and now < until <= latest_end(length, now)


def has_ended(
    until: sa.ColumnElement[datetime], latest: sa.ColumnElement[datetime], now: sa.ColumnElement[datetime]
) -> sa.ColumnElement[bool]:
    """Return the opposite of `is_active` as SQL; `latest` is bound to the result of `latest_end`."""
    return sa.or_(until.is_(None), until <= now, until > latest)


def latest_end(length: timedelta, now: datetime) -> datetime:
    """Return the latest plausible end of a lease of a length: with a later end, it began before the clock was set back."""
    return now + length + CLOCK_SKEW_MAX
