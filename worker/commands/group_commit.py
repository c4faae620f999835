"""What becomes of commands, stored together where it comes together."""

import worker.runtime.group_commit
from events.database.port import Database
from worker.commands import steps
from worker.commands.claims import LeaseLost
from worker.commands.steps import Step


class GroupCommit:
    """Stores steps of commands."""

    def __init__(self) -> None:
        self._group: worker.runtime.group_commit.GroupCommit[Step, bool] = (
            worker.runtime.group_commit.GroupCommit(steps.store)
        )

    async def store(self, database: Database, step: Step) -> None:
        """Store a step in one transaction with whatever else waits to be stored.

        Raises:
            LeaseLost: The command is another's by now. The others of the group are stored.
            DatabaseUnavailable: Nothing of the group was stored, unless it was the answer that got lost.
        """
        if not await self._group.store(database, step):
            command = step.command
            raise LeaseLost(f"The command {command.request_id} for {command.key.subject} is no longer ours")
