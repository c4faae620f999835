"""The dispatcher: it claims commands, calls QuickBooks between transactions, and stores the outcomes."""

import asyncio
import logging

import structlog
from msgspec import Struct, field
from prometheus_client import Counter

from events.clock import Clock
from events.database.port import Database
from events.errors import DatabaseUnavailable
from worker.commands import candidates, claims
from worker.commands.attempts import Attempts
from worker.commands.claimed import Claimed
from worker.commands.claims import LeaseLost, Timing
from worker.commands.group_commit import GroupCommit
from worker.commands.transitions import Transition
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.http import CONNECTIONS_MAX
from worker.runtime.health import Health
from worker.runtime.repeating import ReportedPart, Retry, repeat
from worker.runtime.wake import Wake

SLOTS = CONNECTIONS_MAX  # a command in flight never waits for a connection
# More than requests at once, so that the look-ups of a backlog wait together, and are sent in one batch.
SLOTS_PER_REALM = 80
RETRY_SECONDS = 1.0
PART = "dispatch"

_finished = Counter("q2c_commands_total", "Attempts at commands, by kind and outcome", ["kind", "outcome"])
logger = structlog.get_logger()


class Dispatcher(Struct, frozen=True):
    """Claims commands and makes attempts at them."""

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
        """Dispatch commands until `stopping` is set; then finish those in flight."""
        working: set[asyncio.Task[None]] = set()

        async def turn() -> bool:
            """Claim as many commands as there are free slots, and begin to work on them."""
            working.difference_update([task for task in working if _done(task)])
            claimed = await self._claim(SLOTS - len(working))
            working.update(asyncio.create_task(self.work(command)) for command in claimed)
            return bool(claimed)

        try:
            await repeat(
                turn,
                Retry("dispatcher.retry", RETRY_SECONDS),
                clock=self.clock,
                stopping=stopping,
                idle=lambda: self.wake.wait(self.clock, self.poll_seconds),
                part=ReportedPart(self.health, PART),
            )
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
        if not await self.database.read(candidates.any_due, self.timing.lease, self.holder, now):
            return []
        return await self.database.transaction(
            claims.claim, self.timing, self.holder, now, slots=slots, per_realm=SLOTS_PER_REALM
        )

    async def work(self, command: Claimed) -> None:
        """Make one attempt at a command, and log its outcome in one line."""
        started = self.clock.monotonic()
        problem = None
        if command.paused_seconds is not None:
            self.client.try_one(command.realm, command.paused_seconds)
        try:
            outcome = await self.attempts().make(command)
        except LeaseLost:
            outcome = "lease_lost"
        except DatabaseUnavailable as error:
            # The lease expires by itself, and the command is looked up then.
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

    def attempts(self) -> Attempts:
        """Return the maker of attempts."""
        return Attempts(self.clock, self.client, self.timing, self._store)

    async def _store(self, transition: Transition) -> None:
        await self.group_commit.store(self.database, transition)


def _done(task: asyncio.Task[None]) -> bool:
    """Return whether a task is done. An exception in it is a defect: it ends the dispatcher, and with it the process."""
    if task.done():
        task.result()
    return task.done()
