"""Decide the next step of a company's sync. One step is one answer of QuickBooks, so it can go on after each."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from events.contract import json
from events.contract.observed import SyncMode
from events.leases import latest_end
from worker.quickbooks.paging import PageCursor
from worker.sync.entities import OBSERVABLES, Observable
from worker.sync.rows import ListReading, SyncCompany, is_due

# Change data capture looks back 30 days; a sync that finds more than this unread compares every object instead. The days
# between are for a clock of ours that is wrong by a day.
LOOK_BACK = timedelta(days=28)
# The lists that nothing announces, and the company itself, are read again so often.
LISTS_READ = timedelta(hours=6)
BEGINNING = json.encode(PageCursor())

# The syncs that a person asks for.
ASKED = frozenset[SyncMode]({"changes", "full"})

Kind = Literal["begin", "put_off", "fetch", "page", "missed", "sweep", "lists", "finish"]


class Step(Struct, frozen=True):
    """The next step: `mode` is that of a sync to begin, `entity` the kind of objects to read.

    `is_sparing` is true if the month's reads are scarce, and no person asked for the sync.
    """

    kind: Kind
    mode: SyncMode | None = None
    entity: str | None = None
    is_sparing: bool = False

    @property
    def is_bulk(self) -> bool:
        """Whether the step is a part of much work, which yields to everything else."""
        return self.kind in {"page", "missed"}


def next_step(
    company: SyncCompany,
    readings: Mapping[str, ListReading],
    now: datetime,
    *,
    has_notices: bool,
    is_frugal: bool = False,
) -> Step | None:
    """Return the next step of a company's sync; None if there is nothing to do now.

    `has_notices` says whether noticed objects may be fetched now, and `is_frugal` whether the month's reads are scarce: then
    reading everything again waits, unless a person asks for it.
    """
    if company.mode is None or company.began_at is None or _is_interrupted(company, now):
        is_sparing = is_frugal and company.wanted not in ASKED and company.last_sync is not None
        mode = _mode_to_begin(company, readings, now, is_sparing=is_sparing)
        if mode is not None:
            is_put_off = mode == "full" and is_sparing
            return Step("put_off") if is_put_off else Step("begin", mode, is_sparing=is_sparing)
        return Step("fetch") if has_notices else None
    reading = next(_incomplete(readings), None)
    if has_notices:
        return Step("fetch")
    if reading is not None:
        return Step("page" if reading.cursor is not None else "missed", entity=reading.entity)
    if not company.swept:
        return Step("sweep")
    return Step("lists" if _are_lists_due(company, now) else "finish")


def _is_interrupted(company: SyncCompany, now: datetime) -> bool:
    """Return whether a sync stood still for so long that change data capture can't tell any more what it missed."""
    return not company.swept and company.since is not None and now - company.since > LOOK_BACK


def _incomplete(readings: Mapping[str, ListReading]) -> Iterator[ListReading]:
    ordered = (readings[each.name] for each in OBSERVABLES if each.name in readings)
    return (reading for reading in ordered if not reading.complete)


def _mode_to_begin(
    company: SyncCompany, readings: Mapping[str, ListReading], now: datetime, *, is_sparing: bool
) -> SyncMode | None:
    has_outdated = not is_sparing and any(is_outdated(readings.get(each.name), each) for each in OBSERVABLES)
    if has_outdated and company.last_sync is None:
        return "first"
    mode = company.wanted or ("changes" if has_outdated or is_due(company, now) else None)
    if mode is not None and (company.since is None or now - company.since > LOOK_BACK):
        return "full"
    return mode


def is_outdated(reading: ListReading | None, observable: Observable) -> bool:
    """Return whether objects of a kind were never read, or are to be read again because more of their fields are kept."""
    return reading is None or reading.kept != observable.kept


def to_read(
    company: SyncCompany,
    readings: Mapping[str, ListReading],
    mode: SyncMode,
    entities: Collection[str] = (),
    *,
    is_sparing: bool = False,
) -> Iterator[ListReading]:
    """Yield the readings as they are when a sync begins, or when `entities` have to be compared in full.

    Kinds that QuickBooks refused to list are tried again. The counts of the others begin anew, too. If `is_sparing`, kinds of
    which more fields are kept are not read again yet.
    """
    for observable in OBSERVABLES:
        known = readings.get(observable.name)
        is_wanted = not is_sparing and is_outdated(known, observable)
        again = mode == "full" or observable.name in entities or is_wanted
        if known is None or again or (known.problem is not None and not entities):
            yield ListReading(
                realm=company.realm,
                entity=observable.name,
                kept=observable.kept,
                reading=company.reading + 1,
                cursor=BEGINNING,
                read=0,
                changed=0,
                total=None,
                complete=False,
                problem=None,
            )
        elif not entities:
            yield replace(known, read=0, changed=0)


def _are_lists_due(company: SyncCompany, now: datetime) -> bool:
    """Return whether the lists are to be read; a sync that was asked for forgets when they were, as it begins."""
    if company.lists_read_at is None:
        return True
    return not now - LISTS_READ <= company.lists_read_at <= latest_end(timedelta(0), now)
