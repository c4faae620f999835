"""Work on the sync of companies: step by step, each one answer of QuickBooks and one short transaction or a few.

A process that is killed between two steps loses at most one answer: the next process goes on where it was.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import Counter

from events.clock import Clock
from events.contract import json
from events.database.port import Database
from worker.commands.entities import Entity
from worker.commands.retry import pause_seconds
from worker.quickbooks.answers import is_deleted
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import (
    CompanyBlocked,
    OutcomeUnknown,
    QuickBooksError,
    ReadsSpent,
    Rejected,
    Throttled,
)
from worker.quickbooks.paging import PageCursor
from worker.quickbooks.reads import next_month
from worker.sync import asking, notices, observing, results, rows
from worker.sync.entities import BY_NAME, named
from worker.sync.frequency import in_batches, next_sync
from worker.sync.notices import WaitingNotice
from worker.sync.planning import BEGINNING, Step, next_step
from worker.sync.rows import LeaseOfSyncLost, ListReading, SyncCompany
from worker.sync.versions import Answer, Seen

NOTICES_MAX = 500
RECORDED_MAX = 200  # objects in one transaction
# In one step; a bulk read may wait for many seconds, and the lease has to outlast them all.
SINGLE_READS_MAX = 10
# What is read may be older than its answer, by the lag of QuickBooks' own copies.
OVERLAP = timedelta(minutes=10)
# QuickBooks fails to answer about some objects each time. After so many failures, others no longer wait for them.
FAILURES_MAX = 8
BLOCKED_PAUSE = timedelta(minutes=15)
YIELD_SECONDS = 0.1
YIELDS = 10

_steps = Counter(
    "q2c_sync_steps_total", "Steps of syncs with QuickBooks, by kind and outcome", ["kind", "outcome"]
)
logger = structlog.get_logger()


class Task(Struct, frozen=True):
    """The next step of a company's sync, and the rows that it needs."""

    company: SyncCompany
    step: Step
    readings: dict[str, ListReading]
    notices: Sequence[WaitingNotice]


class Syncer(Struct, frozen=True):
    """Works on the sync of companies.

    Attributes:
        database: The database.
        clock: The clock.
        client: The client of QuickBooks.
        holder: The holder of leases, unique to the process.
        is_busy: Returns whether other work is far behind, so that bulk work has to wait.
    """

    database: Database
    clock: Clock
    client: QuickBooksClient
    holder: str
    is_busy: Callable[[sa.Connection], bool]

    async def due(self) -> Sequence[str]:
        """Return the companies that have something to be read now."""
        now = self.clock.now()
        if await self.database.read(rows.has_new):
            await self.database.transaction(rows.begin_new, now)
        return await self.database.read(rows.due, self.holder, now)

    async def renew(self) -> None:
        """Renew the leases of this process; an answer of QuickBooks may take longer than a lease."""
        await self.database.transaction(rows.renew, self.holder, self.clock.now())

    async def step(self, realm: str) -> bool:
        """Do the next step of a company's sync; return whether there was one.

        A failure is stored, with the time of the next try. After noticed objects, a page is read at once, if any is left:
        notices that never cease keep no list waiting.
        """
        return await self._step(realm, page_first=False)

    async def _step(self, realm: str, *, page_first: bool) -> bool:
        is_frugal = await self._is_frugal()
        task = await self.database.transaction(
            take, realm, self.holder, self.clock.now(), is_frugal=is_frugal, page_first=page_first
        )
        if task is None:
            return False
        if task.step.is_bulk and await self._is_yielding():
            return True
        try:
            await self._do(task)
            if task.company.failures:
                await self.database.transaction(results.recover, task.company)
        except LeaseOfSyncLost:
            return False
        except QuickBooksError as error:
            await self._failed(task, error)
            return False
        _steps.labels(task.step.kind, "done").inc()
        if (
            task.step.kind == "fetch"
            and not page_first
            and any(not each.complete for each in task.readings.values())
        ):
            await self._step(realm, page_first=True)
        return True

    async def _is_yielding(self) -> bool:
        """Wait while other work is behind; return whether it still is, after a while in which something may be noticed."""
        for _ in range(YIELDS):
            if not await self.database.read(self.is_busy):
                return False
            await self.clock.sleep(YIELD_SECONDS)
        return True

    async def _is_frugal(self) -> bool:
        return await self.client.reads.supply() != "plenty"

    async def _do(self, task: Task) -> None:
        match task.step.kind:
            case "begin":
                await self._begin(task)
            case "put_off":
                until = next_month(self.clock.now())
                await self.database.transaction(results.put_off, task.company, until)
            case "fetch":
                await self._fetch(task)
            case "page":
                await self._page(task, task.readings[str(task.step.entity)])
            case "missed":
                await self._missed(task, task.readings[str(task.step.entity)])
            case "sweep":
                await self._sweep(task)
            case "lists":
                await self._lists(task)
            case "finish":
                now = self.clock.now()
                again = await self.database.read(
                    next_sync, task.company.realm, now, is_frugal=await self._is_frugal()
                )
                await self.database.transaction(results.finish, task.company, again, now)
                logger.info("sync.completed", realm=task.company.realm, mode=task.company.mode)

    async def _begin(self, task: Task) -> None:
        mode = task.step.mode or "changes"
        totals = await asking.counts(self.client, task.company.realm) if mode in {"first", "full"} else {}
        await self.database.transaction(
            results.begin,
            task.company,
            mode,
            totals,
            self.clock.now(),
            is_sparing=task.step.is_sparing,
        )
        logger.info("sync.began", realm=task.company.realm, mode=mode)

    async def _fetch(self, task: Task) -> None:
        """Fetch noticed objects; those that QuickBooks refuses to list are fetched again later."""
        company, asked_at = task.company, self.clock.now()
        wanted: dict[str, list[str]] = {}
        for notice in task.notices:
            wanted.setdefault(notice.entity, []).append(notice.entity_id)
        failing = {notice.entity for notice in task.notices if _may_be_odd(company, notice.attempts)}
        found = await asking.by_ids(self.client, company.realm, wanted, failing=failing)
        kinds = {entity for entity, answer in found.items() if isinstance(answer, QuickBooksError)}
        listed = {
            named(entity, row["Id"]): row
            for entity, answer in found.items()
            if not isinstance(answer, QuickBooksError)
            for row in answer
        }
        answered = [notice for notice in task.notices if notice.entity not in kinds]
        missing = [notice for notice in answered if notice.name not in listed]
        to_read = {
            each.name: (each.entity, each.entity_id, each.attempts) for each in missing[:SINGLE_READS_MAX]
        }
        alone = await self._alone(company, to_read)
        refused = {each.name for each in task.notices if each.entity in kinds}
        refused |= to_read.keys() - alone.keys()
        left = {notice.name for notice in missing[SINGLE_READS_MAX:]}
        seen = [
            Seen(
                notice.entity,
                notice.entity_id,
                listed.get(notice.name, alone.get(notice.name)),
                is_void=notice.operation == "Void",
                survivor=notice.survivor,
            )
            for notice in answered
            if notice.name not in left | refused
        ]
        answer = Answer(company.realm, company.workspace, asked_at, seen)
        fetched = [notice for notice in task.notices if notice.name not in left]
        await self.database.transaction(
            results.put_notices, company, answer, fetched, refused, self.clock.now()
        )

    async def _alone(
        self, company: SyncCompany, missing: Mapping[str, tuple[str, str, int]]
    ) -> dict[str, Entity | None]:
        """Read objects that are missing from an answer one by one: that alone shows whether they are gone.

        `missing` are their kinds, IDs and former attempts, by any keys. Those that QuickBooks refuses are left out, and
        those about which it fails to answer time and again: they keep no others waiting.
        """
        found: dict[str, Entity | None] = {}
        for key, (entity, entity_id, attempts) in missing.items():
            try:
                found[key] = await asking.one(self.client, company.realm, entity, entity_id)
            except (Rejected, OutcomeUnknown) as error:
                if isinstance(error, OutcomeUnknown) and not _may_be_odd(company, attempts):
                    raise
                logger.warning(
                    "sync.object_refused",
                    realm=company.realm,
                    object=named(entity, entity_id),
                    problem=str(error),
                )
        return found

    async def _page(self, task: Task, reading: ListReading) -> None:
        company, asked_at = task.company, self.clock.now()
        try:
            cursor = json.decode(reading.cursor or BEGINNING, PageCursor)
            page = await asking.page(self.client, company.realm, reading.entity, cursor)
        except (Rejected, OutcomeUnknown) as error:
            if isinstance(error, OutcomeUnknown) and not _may_be_odd(company):
                raise
            said = error.explanation if isinstance(error, Rejected) else str(error)
            await self.database.transaction(results.refuse, company, reading, said)
            return
        seen = [Seen(reading.entity, row["Id"], row) for row in page.rows]
        answer = Answer(
            company.realm, company.workspace, asked_at, seen, reading=reading.reading, is_page=True
        )
        changed = await self._recorded(company, answer)
        await self.database.transaction(results.put_page, company, reading, page, len(changed))

    async def _missed(self, task: Task, reading: ListReading) -> None:
        """Read each object that a full reading did not meet by itself, to be sure that it is gone."""
        company, asked_at = task.company, self.clock.now()
        missed = await self.database.read(rows.missed, reading, SINGLE_READS_MAX)
        found = await self._alone(company, {each: (reading.entity, each, 0) for each in missed})
        seen = [Seen(reading.entity, each, row) for each, row in found.items()]
        refused = [each for each in missed if each not in found]
        answer = Answer(company.realm, company.workspace, asked_at, seen, reading=reading.reading)
        await self.database.transaction(
            results.put_missed, company, reading, answer, refused, self.clock.now()
        )

    async def _sweep(self, task: Task) -> None:
        company, asked_at = task.company, self.clock.now()
        found = await asking.changes(self.client, company.realm, company.since or asked_at, OVERLAP)
        repeated = Answer(company.realm, company.workspace, asked_at, _seen(found.overlapping))
        lagging = {each.entity for each in await self.database.read(observing.newer, repeated)}
        seen = _seen(found.rows)
        whole = [each for each in seen if _is_whole(each)]
        changed = await self._recorded(company, Answer(company.realm, company.workspace, asked_at, whole))
        to_fetch = Answer(
            company.realm, company.workspace, asked_at, [each for each in seen if not _is_whole(each)]
        )
        await self.database.transaction(results.notice, company, to_fetch, self.clock.now())
        counts = {
            entity: (len(of_entity), sum(name.startswith(f"{entity}/") for name in changed))
            for entity, of_entity in found.rows.items()
        }
        await self.database.transaction(
            results.put_sweep, company, counts, found.capped, lagging, found.answered_at, asked_at
        )

    async def _recorded(self, company: SyncCompany, answer: Answer) -> list[str]:
        """Record the objects of an answer in portions, a short transaction each; return the names of the changed ones."""
        changed: list[str] = []
        for place in range(0, len(answer.seen), RECORDED_MAX):
            part = replace(answer, seen=answer.seen[place : place + RECORDED_MAX])
            changes = await self.database.transaction(results.record, company, part, self.clock.now())
            changed += changes.changed
        return changed

    async def _lists(self, task: Task) -> None:
        company, asked_at = task.company, self.clock.now()
        found = await asking.lists(self.client, company.realm)
        seen = [Seen(entity, row["Id"], row) for entity, each_of in found.rows.items() for row in each_of]
        answer = Answer(company.realm, company.workspace, asked_at, seen)
        await self.database.transaction(results.put_lists, company, answer, found.company, self.clock.now())

    async def _failed(self, task: Task, error: QuickBooksError) -> None:
        now, failures = self.clock.now(), task.company.failures + 1
        pause = timedelta(seconds=pause_seconds(failures))
        if isinstance(error, CompanyBlocked):
            pause = max(pause, BLOCKED_PAUSE)
        elif isinstance(error, Throttled):
            pause = max(pause, timedelta(minutes=1))
        elif isinstance(error, ReadsSpent):
            pause = error.resumes_at - now
        try:
            await self.database.transaction(results.fail, task.company, str(error), now + pause)
        except LeaseOfSyncLost:
            return
        _steps.labels(task.step.kind, "failed").inc()
        logger.warning(
            "sync.failed",
            realm=task.company.realm,
            step=task.step.kind,
            problem=str(error),
            failures=failures,
        )


def _seen(changed: Mapping[str, Sequence[Entity]]) -> list[Seen]:
    """Return the objects of change data capture, which says of a deleted one only that it is."""
    return [
        Seen(entity, row["Id"], None if is_deleted(row) else row)
        for entity, of_entity in changed.items()
        for row in of_entity
    ]


def _may_be_odd(company: SyncCompany, attempts: int = 0) -> bool:
    """Return whether a missing answer may be about an object, and not about QuickBooks as a whole: it failed before."""
    return attempts > 0 or company.failures >= FAILURES_MAX


def _is_whole(changed: Seen) -> bool:
    """Return whether change data capture shows every kept field of an object."""
    return changed.row is None or BY_NAME[changed.entity].is_whole_in_changes


def take(
    connection: sa.Connection, realm: str, holder: str, now: datetime, *, is_frugal: bool, page_first: bool
) -> Task | None:
    """Lease a company's sync, and return its next step; None without one now, or if another process works on it."""
    company = rows.lease(connection, realm, holder, now)
    if company is None:
        return None
    if rows.has_to_wait(company, now):
        rows.release(connection, realm, holder)
        return None
    readings = rows.readings_of(connection, realm)
    between_batches = company.mode is None and in_batches(connection, realm)
    due = notices.due(connection, realm, now, NOTICES_MAX, between_batches=between_batches)
    step = next_step(company, readings, now, has_notices=bool(due) and not page_first, is_frugal=is_frugal)
    if step is None:
        rows.release(connection, realm, holder)
        return None
    return Task(company, step, readings, due)
