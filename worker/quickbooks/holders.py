"""Find the workspace that holds a QuickBooks company, for each of Intuit's many webhook deliveries."""

from collections.abc import Collection, Mapping

from events.clock import Clock
from events.database.port import Database
from worker.quickbooks import tokens

FRESH_SECONDS = 5.0


class Holders:
    """Finds the workspaces of companies, and remembers them for some seconds.

    A company without a workspace is not remembered: its first notices after it is connected have to find the workspace.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}  # with the monotonic clock's time before it was read

    async def of(self, realms: Collection[str]) -> Mapping[str, str]:
        """Return the workspace of each of these companies that has one.

        Raises:
            DatabaseUnavailable: It has to be read, and can't.
        """
        now = self._clock.monotonic()
        self._known = {realm: known for realm, known in self._known.items() if now - known[1] < FRESH_SECONDS}
        unknown = [realm for realm in realms if realm not in self._known]
        if unknown:
            found = await self._database.read(tokens.workspaces_of, unknown)
            self._known |= {realm: (workspace, now) for realm, workspace in found.items()}
        return {realm: self._known[realm][0] for realm in realms if realm in self._known}
