"""Group commit: transitions of commands that wait at the same time are stored in one transaction."""

from events.database.port import Database
from worker.commands import transitions
from worker.commands.claims import LeaseLost
from worker.commands.transitions import Transition
from worker.runtime.group_commit import CommitQueue


class GroupCommit:
    """Stores transitions of commands."""

    def __init__(self) -> None:
        self._group: CommitQueue[Transition, bool] = CommitQueue(transitions.store)

    async def store(self, database: Database, transition: Transition) -> None:
        """Store a transition, in one transaction with all others that wait to be stored.

        Raises:
            LeaseLost: Another dispatcher has claimed the command since. The others of the group are stored.
            DatabaseUnavailable: No transition of the group was stored, unless only the database's answer was lost.
        """
        if not await self._group.store(database, transition):
            command = transition.command
            raise LeaseLost(f"The command {command.request_id} for {command.key.subject} is no longer ours")
