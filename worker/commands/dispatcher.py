"""Works off commands: claims them, calls QuickBooks between transactions, stores the outcome."""

import asyncio
import functools
import logging
from datetime import datetime

import structlog
from msgspec import Struct, field
from prometheus_client import Counter

from events import catalog
from events.administration import ConnectionExpired
from events.clock import Clock
from events.database import Database
from events.envelope import Event, own_event
from events.errors import DatabaseUnavailable
from worker.commands import claims, lookup, outcomes, readings, retry, steps
from worker.commands.claims import Claimed, LeaseLost, Timing
from worker.commands.group_commit import GroupCommit
from worker.commands.identity import READINGS
from worker.commands.steps import Step
from worker.health import Health
from worker.quickbooks.client import CONNECTIONS_MAX, QuickBooksClient
from worker.quickbooks.errors import (
    DUPLICATE_DOC_NUMBER,
    DUPLICATE_NAME,
    NotSent,
    QuickBooksError,
    Rejected,
)
from worker.quickbooks.pacing import CONCURRENT_MAX
from worker.wake import Wake

SLOTS = CONNECTIONS_MAX  # a command in flight never waits for a connection
SLOTS_PER_REALM = CONCURRENT_MAX
RETRY_SECONDS = 1.0
PART = "dispatch"

_finished = Counter("q2c_commands_total", "Attempts at commands", ["kind", "outcome"])
logger = structlog.get_logger()


class Dispatcher(Struct, frozen=True):
    """Everything that working off commands needs."""

    database: Database
    clock: Clock
    client: QuickBooksClient
    timing: Timing
    wake: Wake
    holder: str
    poll_seconds: float = 0.2
    health: Health = field(default_factory=Health)
    group_commit: GroupCommit = field(default_factory=GroupCommit)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; then finish what is in flight."""
        working: set[asyncio.Task[None]] = set()
        try:
            while not stopping.is_set():
                working = {task for task in working if not _done(task)}
                claimed = await self._claim(SLOTS - len(working))
                working |= {asyncio.create_task(self.work(command)) for command in claimed}
                if not claimed:
                    await self.wake.wait(self.clock, self.poll_seconds)
            if working:
                done, _ = await asyncio.wait(working)
                for task in done:
                    task.result()
        finally:
            for task in working:
                task.cancel()

    async def _claim(self, slots: int) -> list[Claimed]:
        if slots <= 0:
            return []
        now = self.clock.now()
        try:
            due = await self.database.read(claims.any_due, self.holder, now)
            claimed = (
                await self.database.transaction(
                    claims.claim, self.timing, self.holder, now, slots=slots, per_realm=SLOTS_PER_REALM
                )
                if due
                else []
            )
        except DatabaseUnavailable as error:
            self.health.bad(PART, str(error))
            logger.warning("dispatcher.retry", problem=str(error))
            await self.clock.sleep(RETRY_SECONDS)
            return []
        self.health.good(PART)
        return claimed

    async def work(self, command: Claimed) -> None:
        """Make one attempt at a command, and say in one line what came of it."""
        started = self.clock.monotonic()
        problem = None
        try:
            outcome = await self._attempt(command)
        except LeaseLost:
            outcome = "lease_lost"
        except DatabaseUnavailable as error:
            # The lease runs out by itself, and the command is looked up then.
            outcome, problem = "database_unavailable", str(error)
        _finished.labels(command.key.kind, outcome).inc()
        logger.log(
            logging.INFO if problem is None else logging.WARNING,
            "command.attempted",
            workspace=command.key.workspace,
            kind=command.key.kind,
            subject=command.key.subject,
            generation=command.key.generation,
            realm=command.realm,
            request_id=command.request_id,
            attempt=command.attempts,
            outcome=outcome,
            problem=problem,
            seconds=round(self.clock.monotonic() - started, 3),
        )
        self.wake.all()

    async def _attempt(self, command: Claimed) -> str:
        sent = False
        try:
            if command.key.kind in READINGS:
                return await self._finish(command, await readings.read(self.client, command, self.clock))
            if not self._is_noted(command) and (outcome := await self._looked_up(command)):
                return outcome
            sent = True
            entity = await self.client.create(
                command.realm,
                outcomes.ENTITY[command.key.kind],
                command.body.encode(),
                command.request_id,
                before_sending=functools.partial(self._note, command),
            )
            return await self._finish(
                command, outcomes.created(command, entity, self.clock.now(), adopted=False)
            )
        except Rejected as error:
            return await self._rejected(command, error)
        except QuickBooksError as error:
            return await self._failed(command, error, sent=sent)

    async def _note(self, command: Claimed) -> None:
        """Have it written down that a command is sent now, since its turn may come long after it was claimed.

        Raises:
            LeaseLost: It is another's by now.
            NotSent: Writing it down took so long that it may be another's by now, as where this process was stopped.
        """
        if self._is_noted(command):
            return
        began = self.clock.monotonic()
        await self._store(steps.sending(command, self.timing, self.clock.now()))
        if not self._is_in_time(began):
            raise NotSent("Writing down that it is sent took too long")

    def _is_in_time(self, began: float) -> bool:
        return self.clock.monotonic() - began < self.timing.request_seconds

    def _is_noted(self, command: Claimed) -> bool:
        """Say whether it was written down just now that it is sent; else its lease has to prove to hold still."""
        if command.noted_at is None:
            return False
        return abs((self.clock.now() - command.noted_at).total_seconds()) < self.timing.request_seconds

    async def _looked_up(self, command: Claimed) -> str | None:
        """Look whether QuickBooks has it, where it may; return what that came to, None if it is to be sent."""
        if not claims.needs_look_up(command, self.timing, self.clock.now()):
            return None
        found = await lookup.find(self.client, command)
        if found is not None:
            return await self._finish(
                command, outcomes.created(command, found, self.clock.now(), adopted=True)
            )
        settled_at = self._settled_at(command)
        if not command.uncertain or settled_at <= self.clock.now():
            return None
        # It may still be applied: not found is not final yet.
        await self._store(steps.not_sent(command, settled_at, "being looked up", self.clock.now()))
        return "settling"

    def _settled_at(self, command: Claimed) -> datetime:
        return (command.last_sent_at or command.cause_at) + self.timing.settle

    async def _finish(self, command: Claimed, event: Event) -> str:
        done = event.type != catalog.COMMAND_REJECTED
        await self._store(steps.finish(command, event, self.clock.now(), done=done))
        return event.type.removeprefix(catalog.PREFIX)

    async def _store(self, step: Step) -> None:
        await self.group_commit.store(self.database, step)

    async def _rejected(self, command: Claimed, error: Rejected) -> str:
        """A name or number is taken, perhaps by ourselves; anything else waits for a person."""
        if command.key.kind in READINGS:
            now = self.clock.now()
            at = readings.refused_again_at(command, now)
            await self._store(readings.again(command, error, at, now))
            return "not_read"
        message = error.explanation
        if error.code in {DUPLICATE_DOC_NUMBER, DUPLICATE_NAME}:
            try:
                found = await lookup.find(self.client, command)
                holder = found or await lookup.namesake(self.client, command)
            except QuickBooksError as lookup_error:
                return await self._failed(command, lookup_error, sent=False)
            if found is not None:
                return await self._finish(
                    command, outcomes.created(command, found, self.clock.now(), adopted=True)
                )
            if holder is not None:
                message = f"{message} ({outcomes.ENTITY[command.key.kind]} {holder['Id']} has it)"
        event = outcomes.rejected(
            command,
            self.clock.now(),
            gate=retry.GATE_OF_CODE.get(error.code, "rejected_by_quickbooks"),
            message=message,
            code=error.code,
            intuit_tid=error.intuit_tid,
        )
        return await self._finish(command, event)

    async def _failed(self, command: Claimed, error: QuickBooksError, *, sent: bool) -> str:
        now = self.clock.now()
        match retry.after(error, command, now, self.timing, sent=sent):
            case retry.LookUp(at):
                event = None if command.uncertain else outcomes.uncertain(command, now, str(error))
                await self._store(
                    steps.uncertain(command, due_at=at, problem=str(error), event=event, now=now)
                )
                return "uncertain"
            case retry.HoldRealm(until, refused_since):
                await self._store(
                    steps.hold_realm(command, str(error), until=until, refused_since=refused_since, now=now)
                )
                return "realm_held"
            case retry.Disconnect(reason):
                expired = own_event(
                    catalog.CONNECTION_EXPIRED,
                    ConnectionExpired(command.realm, now, reason),
                    workspace=command.key.workspace,
                    source=outcomes.SOURCE,
                    time=now,
                    id=f"{command.request_id}:connection-expired:{command.attempts}",
                )
                await self._store(steps.disconnected(command, str(error), expired, now))
                return "connection_expired"
            case retry.TryAgain(at) if command.key.kind in READINGS:
                await self._store(readings.again(command, error, at, now))
                return "not_read"
            case retry.TryAgain(at):
                await self._store(steps.not_sent(command, at, str(error), now))
                return "not_sent"


def _done(task: asyncio.Task[None]) -> bool:
    """Say whether a task is over; a defect in it ends the dispatcher, and with it the process."""
    if task.done():
        task.result()
    return task.done()
