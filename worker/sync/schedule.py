"""The instants at which a sync is due, by a workspace's frequency and time zone; pure functions.

An hourly sync runs at each full hour of UTC. In zones whose offset is no whole hour, that is a quarter or half past the local
hour. So runs are always an hour apart, no change of clocks skips or repeats one, and no time zone has to be known.

A daily sync runs once on each local day, when the clock there first shows its time. If the clock skips that time, it runs at the
first minute after it; if it shows that time twice, it runs at the first. A day that a zone skipped whole has no run.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.workspaces.kinds import HOURLY, time_of_day

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
# The days around an instant that may have its last and its next run: a zone may skip or repeat one of them.
_DAYS_BEFORE, _DAYS_AFTER = 3, 3


def last_due(frequency: str, time_zone: str | None, instant: datetime) -> datetime | None:
    """Return the last instant at or before `instant` at which a sync was due, in UTC.

    Args:
        frequency: The workspace's `sync_frequency`, as it is stored: `real_time`, `hourly` or `daily HH:MM`.
        time_zone: The workspace's time zone, by its IANA name; None if it is unknown.
        instant: Any instant with a time zone.

    Returns:
        None in real time, and for a daily sync while the time zone is unknown: then no sync is due at any instant.
    """
    if frequency == HOURLY:
        return _full_hour(instant)
    runs = [run for run in _runs(frequency, time_zone, instant) if run <= instant]
    return max(runs, default=None)


def next_due(frequency: str, time_zone: str | None, instant: datetime) -> datetime | None:
    """Return the first instant after `instant` at which a sync is due, in UTC; arguments and None are `last_due`'s."""
    if frequency == HOURLY:
        return _full_hour(instant) + HOUR
    runs = [run for run in _runs(frequency, time_zone, instant) if run > instant]
    return min(runs, default=None)


def _full_hour(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _runs(frequency: str, time_zone: str | None, instant: datetime) -> Iterator[datetime]:
    """Yield the runs of a daily sync on the days around an instant."""
    at = time_of_day(frequency)
    if at is None or time_zone is None:
        return
    zone = ZoneInfo(time_zone)
    today = instant.astimezone(zone).date()
    for days in range(-_DAYS_BEFORE, _DAYS_AFTER + 1):
        day = today + timedelta(days=days)
        if _exists(day, zone):
            yield _first(datetime.combine(day, at), zone)


def _exists(day: date, zone: ZoneInfo) -> bool:
    """Return whether a zone's clocks ever showed a day: Samoa, for one, went from 29 to 31 December in 2011."""
    return _first(datetime.combine(day, time()), zone).astimezone(zone).date() == day


def _first(shown: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant at which a zone's clocks show this time or a later one."""
    found = shown.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == shown:
        return found  # the first of two, since `fold` is 0
    # The clocks skip this time. They change between the two instants that the offsets before and after would give it.
    before, after = shown.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    while after - before > SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < shown:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
