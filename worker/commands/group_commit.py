"""Group commit: while one transaction runs, what else is to be stored gathers, and is stored by the next."""

import asyncio

from events.database import Database
from worker.commands import steps
from worker.commands.claims import LeaseLost
from worker.commands.steps import Step


class _Group:
    """What one transaction stores; its outcome says of each step whether the lease still held."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.outcome: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()


class GroupCommit:
    """Stores steps together that come together. Nobody waits for company: who is alone is stored alone."""

    def __init__(self) -> None:
        self._gathering: _Group | None = None
        self._one_at_a_time = asyncio.Lock()

    async def store(self, database: Database, step: Step) -> None:
        """Store a step in one transaction with whatever else waits to be stored.

        Raises:
            LeaseLost: The command is another's by now. The others of the group are stored.
            DatabaseUnavailable: Nothing of the group was stored, unless it was the answer that got lost.
        """
        leads = self._gathering is None
        group = self._gathering = self._gathering or _Group()
        place = len(group.steps)
        group.steps.append(step)
        if leads:
            await self._commit(database, group)
        # Shielded, since a task that is cancelled would cancel what the others wait for.
        held = await asyncio.shield(group.outcome)
        if not held[place]:
            command = step.command
            raise LeaseLost(f"The command {command.request_id} for {command.key.subject} is no longer ours")

    async def _commit(self, database: Database, group: _Group) -> None:
        """Close the group when its turn has come; whatever ends the transaction ends it for all of them."""
        try:
            async with self._one_at_a_time:
                await asyncio.sleep(0)  # whoever is as far as we are comes along
                self._gathering = None
                group.outcome.set_result(await database.transaction(steps.store, group.steps))
        except BaseException as error:
            if self._gathering is group:
                self._gathering = None
            group.outcome.set_exception(error)
            group.outcome.exception()  # known here, even if nobody else waits
            raise
