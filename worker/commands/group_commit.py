"""Group commit: while one transaction runs, what else is to be stored gathers, and is stored by the next."""

import asyncio

from events.database import Database
from worker.commands import steps
from worker.commands.claims import LeaseLost
from worker.commands.steps import Step


class GroupCommit:
    """Stores steps together that come together. Nobody waits for company: who is alone is stored alone."""

    def __init__(self) -> None:
        self._gathering: list[tuple[Step, asyncio.Future[bool]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, database: Database, step: Step) -> None:
        """Store a step in one transaction with whatever else waits to be stored.

        Whoever is cancelled meanwhile takes nobody along: the transaction is no member's own.

        Raises:
            LeaseLost: The command is another's by now. The others of the group are stored.
            DatabaseUnavailable: Nothing of the group was stored, unless it was the answer that got lost.
        """
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._gathering.append((step, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store(database), name="group-commit")
        if not await stored:
            command = step.command
            raise LeaseLost(f"The command {command.request_id} for {command.key.subject} is no longer ours")

    async def _store(self, database: Database) -> None:
        """Store group after group, until nobody waits."""
        while self._gathering:
            group, self._gathering = self._gathering, []
            try:
                held = await database.transaction(steps.store, [step for step, _ in group])
            except asyncio.CancelledError:  # with the whole process
                for _, stored in (*group, *self._gathering):
                    stored.cancel()
                raise
            except BaseException as error:  # noqa: BLE001 - whatever ends the transaction is for each of them to raise
                for _, stored in group:
                    if not stored.done():  # cancelled
                        stored.set_exception(error)
            else:
                for (_, stored), holds in zip(group, held, strict=True):
                    if not stored.done():
                        stored.set_result(holds)
