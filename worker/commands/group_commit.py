"""Group commit: while one transaction runs, what else is to be stored gathers, and is stored by the next."""

import asyncio

from events.clock import Clock
from events.database import Database
from worker.commands import steps
from worker.commands.claims import LeaseLost
from worker.commands.steps import Step

_Member = tuple[Step, asyncio.Future[bool]]


class GroupCommit:
    """Stores steps together that come together. Nobody waits for company: who is alone is stored alone."""

    def __init__(self) -> None:
        self._gathering: list[_Member] = []
        self._one_at_a_time = asyncio.Lock()

    async def store(self, database: Database, clock: Clock, step: Step) -> None:
        """Store a step in one transaction with whatever else waits to be stored.

        Raises:
            LeaseLost: The command is another's by now. The others of the group are stored.
            DatabaseUnavailable: Nothing of the group was stored, unless it was the answer that got lost.
        """
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._gathering.append((step, stored))
        if len(self._gathering) == 1:
            await self._commit(database, clock, self._gathering)
        if not await stored:
            command = step.command
            raise LeaseLost(f"The command {command.request_id} for {command.key.subject} is no longer ours")

    async def _commit(self, database: Database, clock: Clock, group: list[_Member]) -> None:
        """Close the group when its turn has come; whatever ends the transaction ends it for all of them."""
        try:
            async with self._one_at_a_time:
                await clock.sleep(0)  # whoever is as far as its first comes along
                self._gathering = []
                held = await database.transaction(steps.store, [step for step, _ in group])
        except BaseException as error:
            if self._gathering is group:
                self._gathering = []
            for _, stored in group[1:]:
                if not stored.done():
                    stored.set_exception(error)
            raise
        for (_, stored), holds in zip(group, held, strict=True):
            if not stored.done():
                stored.set_result(holds)
        await clock.sleep(0)  # the others go on first, so that they all go on together
