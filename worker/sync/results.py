"""Store the result of a step, in one transaction with the events that it gives."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec.structs import replace

from events.contract import catalog, json
from events.contract.envelope import own_event
from events.contract.observed import EntityCount, SyncBegan, SyncCompleted, SyncMode
from events.database.locks import Lock, acquire
from events.log import log
from worker.commands.fields import updated_at
from worker.quickbooks.paging import ListPage
from worker.sync import company, notices, observing, planning, rows
from worker.sync.company import CompanyAnswer
from worker.sync.entities import OBSERVABLES, named
from worker.sync.notices import ONCE_MORE, WaitingNotice
from worker.sync.observing import SOURCE, ChangedNames, known_of
from worker.sync.rows import ListReading, SyncCompany
from worker.sync.versions import Answer, skips_a_payment

# A change that no webhook has announced by then counts as missed. QuickBooks says the first notice may take five minutes.
ANNOUNCED_WITHIN = timedelta(minutes=6)


def begin(
    connection: sa.Connection,
    leased: SyncCompany,
    mode: SyncMode,
    totals: Mapping[str, int],
    now: datetime,
    *,
    is_sparing: bool,
) -> None:
    """Begin a sync: note the readings that it needs. The beginning of one that reads every object is an event.

    If it reads everything, changes are unknown from QuickBooks' own time of its first page on.
    """
    acquire(connection, Lock.LOG)
    state = rows.held(connection, leased)
    known = rows.readings_of(connection, state.realm)
    readings = list(planning.to_read(state, known, mode, is_sparing=is_sparing))
    readings = [replace(each, total=totals.get(each.entity, each.total)) for each in readings]
    rows.put_readings(connection, readings)
    reads_all = any(not each.complete for each in readings)
    is_old = state.since is None or now - state.since > planning.LOOK_BACK
    rows.change(
        connection,
        state.realm,
        mode=mode,
        began_at=now,
        serves=state.wanted_position,
        swept=False,
        lists_read_at=None
        if mode in {"first", "full"} or state.wanted in planning.ASKED
        else state.lists_read_at,
        reading=state.reading + 1 if reads_all else state.reading,
        since=None if is_old and reads_all else state.since,
    )
    if mode in {"first", "full"}:
        counts = [EntityCount(each.entity, total=each.total) for each in readings if not each.complete]
        _tell(connection, state, "began", SyncBegan(state.realm, mode, now, tuple(counts)), now)


def record(
    connection: sa.Connection,
    leased: SyncCompany,
    answer: Answer,
    now: datetime,
    fetched: Sequence[WaitingNotice] = (),
) -> ChangedNames:
    """Record the objects of an answer, or of a part of it, and delete the notices that it answers.

    If a list changed that the company's event carries, the company is composed again. A change that is too old to be still
    announced shows that webhooks do not arrive.
    """
    changes = observing.record(connection, answer, now)
    rows.held(connection, leased)
    notices.remove(connection, fetched)
    notices.add_affected(connection, answer, changes.affected, now)
    if any(changes.of(entity) for entity in company.LISTS):
        rows.change(connection, leased.realm, lists_read_at=None, next_sync=now)
    if not answer.reading and _was_missed(answer, changes):
        rows.change(connection, leased.realm, missed_at=answer.asked_at)
    return changes


def notice(connection: sa.Connection, leased: SyncCompany, answer: Answer, now: datetime) -> None:
    """Notice the objects of an answer that shows a part of their fields, if QuickBooks' version of them is new."""
    rows.held(connection, leased)
    notices.add_changed(connection, observing.newer(connection, answer), answer, now)


def _was_missed(answer: Answer, changes: ChangedNames) -> bool:
    changed = set(changes.changed)
    latest = answer.asked_at - ANNOUNCED_WITHIN
    rows_of = [seen.row for seen in answer.seen if seen.row is not None and seen.name in changed]
    return any(at is not None and at < latest for at in map(updated_at, rows_of))


def put_page(
    connection: sa.Connection, leased: SyncCompany, reading: ListReading, found: ListPage, changed: int
) -> None:
    """Note how far a list was read. Rows that moved onto another page meanwhile are counted again.

    Changes are unknown from QuickBooks' own time of the first page on: by a clock of ours that is ahead of QuickBooks',
    those of a while would be missed.
    """
    state = rows.held(connection, leased)
    if state.since is None:
        rows.change(connection, state.realm, since=found.answered_at)
    progress = replace(
        reading,
        cursor=None if found.cursor is None else json.encode(found.cursor),
        read=reading.read + len(found.rows),
        changed=reading.changed + changed,
    )
    rows.put_readings(connection, [progress])


def put_missed(
    connection: sa.Connection,
    leased: SyncCompany,
    reading: ListReading,
    answer: Answer,
    refused: Collection[str],
    now: datetime,
) -> None:
    """Record the objects that a full reading did not meet; without any, the reading is complete.

    Those with an ID in `refused` are noticed, to be fetched again later.
    """
    changes = record(connection, leased, answer, now)
    rows.mark_met(connection, reading, refused)
    notices.add_refused(connection, reading.realm, reading.entity, refused, now + ONCE_MORE)
    is_complete = not answer.seen and not refused
    changed = reading.changed + len(changes.changed)
    rows.put_readings(connection, [replace(reading, changed=changed, complete=is_complete)])


def refuse(connection: sa.Connection, leased: SyncCompany, reading: ListReading, problem: str) -> None:
    """Note that QuickBooks refuses to list objects of a kind; the next sync tries again."""
    rows.held(connection, leased)
    rows.put_readings(connection, [replace(reading, complete=True, problem=problem)])


def put_notices(
    connection: sa.Connection,
    leased: SyncCompany,
    answer: Answer,
    fetched: Sequence[WaitingNotice],
    refused: Collection[str],
    now: datetime,
) -> ChangedNames:
    """Record fetched objects and delete their notices; those that look too old, or were `refused`, are fetched again.

    After a payment of which a version was skipped, a sweep reads what that version may have been applied to.
    """
    keys = ((each.entity, each.entity_id) for each in answer.seen)
    known = {named(*key[1:]): version for key, version in known_of(connection, answer.realm, keys).items()}
    changes = record(connection, leased, answer, now, fetched)
    present = {each.name: each for each in answer.seen}
    again = [
        replace(each, attempts=each.attempts + 1, not_before=now + notices.pause_of(each.attempts))
        for each in fetched
        if each.name in refused or notices.looks_old(each, present.get(each.name), known.get(each.name))
    ]
    notices.add(connection, again)
    if any(skips_a_payment(known.get(each.name), each) for each in answer.seen):
        rows.sweep_by(connection, answer.realm, now + ONCE_MORE)
    return changes


def put_sweep(
    connection: sa.Connection,
    leased: SyncCompany,
    counts: Mapping[str, tuple[int, int]],
    capped: Collection[str],
    lagging: Collection[str],
    answered_at: datetime,
    now: datetime,
) -> None:
    """End a sweep, whose objects were recorded; lists of which QuickBooks has left out some are compared in full.

    `counts` are how many objects of each kind were read, and how many of them had changed. Where queries are `lagging`,
    they are asked a while later. `answered_at` is QuickBooks' own time before it looked for the objects.
    """
    state = rows.held(connection, leased)
    readings = rows.readings_of(connection, state.realm)
    for entity, (read, changed) in counts.items():
        known = readings[entity]
        # A sync that has read everything before counts an object once.
        counted = state.mode in {"first", "full"}
        read_now = known.read if counted else known.read + read
        readings[entity] = replace(known, read=read_now, changed=known.changed + changed)
    again = {*capped, *lagging}
    if again:
        readings |= {each.entity: each for each in planning.to_read(state, readings, "changes", again)}
    rows.put_readings(connection, list(readings.values()))
    reading = state.reading + 1 if again else state.reading
    not_before = now + ONCE_MORE if lagging else state.not_before
    rows.change(
        connection, state.realm, since=answered_at, swept=True, reading=reading, not_before=not_before
    )


def put_lists(
    connection: sa.Connection, leased: SyncCompany, answer: Answer, found: CompanyAnswer, now: datetime
) -> None:
    """Record the lists that nothing announces, and the company."""
    acquire(connection, Lock.LOG)
    record(connection, leased, answer, now)
    company.record(connection, leased.realm, leased.workspace, found, now)
    rows.change(connection, leased.realm, lists_read_at=now)


def finish(connection: sa.Connection, leased: SyncCompany, next_sync: datetime, now: datetime) -> None:
    """End a sync. Its completion is an event if it was asked for, was the first, or compared everything."""
    acquire(connection, Lock.LOG)
    state = rows.held(connection, leased)
    # What was asked for later than this sync began waits for another one: this one may have read too early.
    is_served = state.wanted is not None and state.wanted_position == state.serves
    if state.mode is not None and state.began_at is not None and (is_served or state.mode != "changes"):
        readings = rows.readings_of(connection, state.realm)
        counts = [
            EntityCount(each.entity, each.read, each.changed, each.total if state.mode != "changes" else None)
            for each in (readings[name.name] for name in OBSERVABLES if name.name in readings)
        ]
        fact = SyncCompleted(state.realm, state.mode, state.began_at, tuple(counts))
        _tell(connection, state, "completed", fact, now)
    rows.change(
        connection,
        state.realm,
        mode=None,
        began_at=None,
        last_sync=state.began_at,
        # A sweep after a skipped payment may have been set while this sync ran.
        next_sync=state.next_sync if now < state.next_sync <= now + ONCE_MORE else next_sync,
        wanted=None if is_served else state.wanted,
        failures=0,
        problem=None,
    )


def _tell(
    connection: sa.Connection, state: SyncCompany, step: str, fact: SyncBegan | SyncCompleted, now: datetime
) -> None:
    event = own_event(
        catalog.SYNC_BEGAN if isinstance(fact, SyncBegan) else catalog.SYNC_COMPLETED,
        fact,
        workspace=state.workspace,
        source=SOURCE,
        time=now,
        id=f"{state.realm}/sync/{fact.began_at.isoformat()}/{step}",
    )
    log.append_own(connection, [event], now)


def recover(connection: sa.Connection, leased: SyncCompany) -> None:
    """Note that a step was done after others had failed."""
    rows.held(connection, leased)
    rows.change(connection, leased.realm, failures=0, problem=None)


def put_off(connection: sa.Connection, leased: SyncCompany, until: datetime) -> None:
    """Note that comparing every object waits for the next month's reads, or for a person."""
    state = rows.held(connection, leased)
    rows.change(
        connection,
        state.realm,
        mode=None,
        began_at=None,
        next_sync=until,
        wanted=state.wanted if state.wanted in planning.ASKED else None,
        problem=(
            "This month's reads of QuickBooks are scarce (Q2C_QUICKBOOKS_READS_PER_MONTH): every object is compared at"
            f" {until:%Y-%m-%d %H:%M} UTC, or now by q2c sync --full"
        ),
    )


def fail(connection: sa.Connection, leased: SyncCompany, problem: str, not_before: datetime) -> None:
    """Note that a step failed, and until when the company waits."""
    state = rows.held(connection, leased)
    rows.change(connection, state.realm, failures=state.failures + 1, problem=problem, not_before=not_before)
