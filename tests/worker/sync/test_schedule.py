"""A sync is due at each full hour, or once on each local day, through every change of clocks."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.sync.schedule import last_due, next_due

ZONES = sorted(available_timezones() - {"Factory", "localtime"})
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SMALLEST = timedelta(microseconds=1)
# Before, clocks differ from UTC by seconds in some zones; after, the data of some zones end.
FIRST, LAST = datetime(1973, 1, 1, tzinfo=UTC), datetime(2037, 12, 1, tzinfo=UTC)

zones = st.sampled_from(ZONES)
frequencies = st.one_of(st.just("hourly"), st.times().map(lambda at: f"daily {at:%H:%M}"))
# From 1811 to 2191.
instants = st.integers(-5_000_000_000, 7_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def daily(at: time) -> str:
    return f"daily {at:%H:%M}"


def shown(at: datetime, zone: str) -> datetime:
    """Return the time on a zone's clocks."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def runs(frequency: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    """Return the runs after one instant until another."""
    found = []
    at = next_due(frequency, zone, begin)
    while at is not None and at <= end:
        found.append(at)
        at = next_due(frequency, zone, at)
    return found


def day_of(run: datetime, at: time, zone: str) -> date:
    """Return the local day of a run; where the clocks skip the last hour of a day, its run is on the next day."""
    return (shown(run, zone) - timedelta(hours=at.hour, minutes=at.minute)).date()


def scanned(at: time, zone: str, begin: datetime, days: int) -> list[datetime]:
    """Return the runs on the days that begin after an instant, found minute by minute."""
    firsts: dict[date, datetime] = {}
    days_seen = set()
    for minute in range(days * 24 * 60):
        moment = begin + minute * MINUTE
        clock = shown(moment, zone)
        days_seen.add(clock.date())
        for day in (clock.date() - DAY, clock.date()):
            if clock >= datetime.combine(day, at):
                firsts.setdefault(day, moment)
    return sorted(firsts[day] for day in firsts if day in sorted(days_seen)[1:])


@settings(max_examples=300, deadline=None)
@given(frequency=frequencies, zone=zones, at=instants)
def test_runs_are_strictly_increasing_and_none_is_between_the_last_and_the_next(
    frequency: str, zone: str, at: datetime
) -> None:
    last, following = last_due(frequency, zone, at), next_due(frequency, zone, at)
    assert last is not None
    assert following is not None
    assert last <= at < following
    assert (last.tzinfo, following.tzinfo) == (UTC, UTC)
    assert next_due(frequency, zone, last) == next_due(frequency, zone, following - SMALLEST) == following
    assert last_due(frequency, zone, last) == last_due(frequency, zone, following - SMALLEST) == last
    assert last_due(frequency, zone, following) == following


@settings(max_examples=300, deadline=None)
@given(at=st.times(), zone=zones, begin=instants)
def test_each_local_day_has_one_run_when_its_time_is_first_shown(
    at: time, zone: str, begin: datetime
) -> None:
    at = at.replace(second=0, microsecond=0)
    found = runs(daily(at), zone, begin, begin + 10 * DAY)
    assert len(found) in {9, 10, 11}
    days = [day_of(run, at, zone) for run in found]
    assert len(set(days)) == len(days)
    for day, run in zip(days, found, strict=True):
        due = datetime.combine(day, at)
        assert shown(run - timedelta(seconds=1), zone) < due <= shown(run, zone)
        assert shown(run, zone) - due < DAY


@cache  # it takes seconds
def changes() -> dict[tuple[datetime, timedelta | None, timedelta | None], str]:
    """Return every change of clocks in any zone, with one zone that made it."""
    found = {}
    for name in ZONES:
        zone, at = ZoneInfo(name), FIRST
        before = at.astimezone(zone).utcoffset()
        while at < LAST:
            at += 14 * DAY
            after = at.astimezone(zone).utcoffset()
            if after != before:
                low, high = at - 14 * DAY, at
                while high - low > MINUTE:
                    middle = low + (high - low) // 2
                    changed = middle.astimezone(zone).utcoffset() != before
                    low, high = (low, middle) if changed else (middle, high)
                found[high.replace(second=0, microsecond=0), before, after] = name
            before = after
    return found


def test_every_change_of_clocks_of_every_zone_gives_each_day_one_run() -> None:
    found = changes()
    assert len(found) > 1000
    for (change, *_), zone in found.items():
        # The minute on the clock that the change skips or repeats.
        at = min(shown(change, zone), shown(change - MINUTE, zone) + MINUTE).time()
        begin = change - 2 * DAY
        around = runs(daily(at), zone, begin, change + 3 * DAY)
        days = [day_of(run, at, zone) for run in around]
        assert all(first < second for first, second in pairwise(days)), (zone, change, at)
        gaps = {second - first for first, second in pairwise(around)}
        assert all(timedelta(hours=16) < gap < timedelta(hours=32) for gap in gaps), (zone, change, at)


@settings(max_examples=20, deadline=None)
@given(change=st.deferred(lambda: st.sampled_from(sorted(changes().items()))), offset=st.integers(-90, 90))
def test_runs_around_changes_of_clocks_are_those_found_minute_by_minute(
    change: tuple[tuple[datetime, timedelta, timedelta], str], offset: int
) -> None:
    (moment, *_), zone = change
    at = (shown(moment, zone) + offset * MINUTE).time()
    begin = moment - 2 * DAY
    wanted = scanned(at, zone, begin, 4)
    found = runs(daily(at), zone, begin, begin + 4 * DAY - MINUTE)
    assert [run for run in found if run in wanted] == wanted
    assert all(run < wanted[0] for run in found if run not in wanted)


@pytest.mark.parametrize(
    ("zone", "at", "after", "due"),
    [
        # The clocks go from 02:00 to 03:00, and a week of ordinary days around it.
        ("America/Los_Angeles", "02:30", "2026-03-07T11:00Z", "2026-03-08T10:00Z"),
        ("America/Los_Angeles", "02:00", "2026-03-07T11:00Z", "2026-03-08T10:00Z"),
        ("America/Los_Angeles", "01:59", "2026-03-07T11:00Z", "2026-03-08T09:59Z"),
        ("America/Los_Angeles", "03:00", "2026-03-07T12:00Z", "2026-03-08T10:00Z"),
        ("America/Los_Angeles", "02:30", "2026-03-08T10:00Z", "2026-03-09T09:30Z"),
        # From 02:00 back to 01:00: 01:30 is shown twice, and the first counts.
        ("America/Los_Angeles", "01:30", "2026-10-31T12:00Z", "2026-11-01T08:30Z"),
        ("America/Los_Angeles", "01:30", "2026-11-01T08:30Z", "2026-11-02T09:30Z"),
        ("America/Los_Angeles", "02:00", "2026-10-31T12:00Z", "2026-11-01T10:00Z"),
        ("Europe/London", "01:30", "2026-03-28T12:00Z", "2026-03-29T01:00Z"),
        ("Europe/London", "01:30", "2026-10-24T12:00Z", "2026-10-25T00:30Z"),
        # Half an hour on Lord Howe Island: from 02:00 to 02:30.
        ("Australia/Lord_Howe", "02:15", "2026-10-03T00:00Z", "2026-10-03T15:30Z"),
        # Midnight is skipped in Santiago: the day begins at 01:00.
        ("America/Santiago", "00:00", "2026-09-05T12:00Z", "2026-09-06T04:00Z"),
        # In Saint John's, the clocks went from 00:01 back to 23:01 of the day before.
        ("America/St_Johns", "00:00", "2010-11-06T12:00Z", "2010-11-07T02:30Z"),
        ("America/St_Johns", "00:00", "2010-11-07T02:30Z", "2010-11-08T03:30Z"),
        ("America/St_Johns", "23:30", "2010-11-06T12:00Z", "2010-11-07T02:00Z"),
        ("America/St_Johns", "23:30", "2010-11-07T02:00Z", "2010-11-08T03:00Z"),
        # In Nuuk, the last hour of a day was skipped: that day's run is at the first minute of the next day.
        ("America/Nuuk", "23:30", "2024-03-30T12:00Z", "2024-03-31T01:00Z"),
        ("America/Nuuk", "23:30", "2024-03-31T01:00Z", "2024-04-01T00:30Z"),
        # Samoa had no 30 December 2011: it went to the other side of the date line.
        ("Pacific/Apia", "02:30", "2011-12-29T12:30Z", "2011-12-30T12:30Z"),
        # An offset of a quarter hour.
        ("Asia/Kathmandu", "02:30", "2026-05-05T00:00Z", "2026-05-05T20:45Z"),
    ],
)
def test_a_daily_run_on_days_whose_clocks_change(zone: str, at: str, after: str, due: str) -> None:
    assert next_due(f"daily {at}", zone, instant(after)) == instant(due)
    assert last_due(f"daily {at}", zone, instant(due)) == instant(due)


def test_a_skipped_and_a_repeated_time_run_once_in_a_year() -> None:
    begin, end = instant("2025-12-31T12:00Z"), instant("2026-12-31T12:00Z")
    for at in ("01:30", "02:30"):
        assert len(runs(f"daily {at}", "America/Los_Angeles", begin, end)) == 365


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", None])
def test_an_hourly_run_is_at_the_full_hour_of_utc_in_any_zone(zone: str | None) -> None:
    at = instant("2026-05-05T12:59:59.5Z")
    assert last_due("hourly", zone, at) == instant("2026-05-05T12:00Z")
    assert next_due("hourly", zone, at) == instant("2026-05-05T13:00Z")
    assert last_due("hourly", zone, instant("2026-05-05T12:00Z")) == instant("2026-05-05T12:00Z")


def test_nothing_is_due_in_real_time_or_by_an_unknown_clock() -> None:
    at = instant("2026-05-05T12:00Z")
    for frequency, zone in (("real_time", "UTC"), ("daily 02:30", None)):
        assert (last_due(frequency, zone, at), next_due(frequency, zone, at)) == (None, None)
