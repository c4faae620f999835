"""A worker whose company is synced step by step, and an accountant in QuickBooks, in virtual time."""

from collections.abc import Sequence

from tests import stories
from tests.world import World, types
from worker.actions.syncs import request_sync
from worker.sandbox.books.company import Company
from worker.sandbox.books.journal import Change
from worker.sync import rows
from worker.sync.rows import ListReading, SyncCompany
from worker.sync.standing import connected
from worker.sync.syncing import Syncer
from worker.verification.observed import differences

STEPS_MAX = 500


class Office:
    """A worker whose company is synced, and an accountant in QuickBooks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.syncer = Syncer(
            world.services.database, world.clock, world.gateway.client, "test", lambda _connection: False
        )
        self._noticed = 0
        self._late: list[Change] = []

    @property
    def company(self) -> Company:
        """The company in QuickBooks."""
        return self.world.sandbox.companies[self.world.realm]

    async def work(self) -> None:
        """Take steps of sync until there is none to take now."""
        for _ in range(STEPS_MAX):
            await self.world.follow()
            due = await self.syncer.due()
            taken = [await self.syncer.step(realm) for realm in due]
            if not any(taken):
                return
        raise AssertionError("sync never ends")

    async def sync(self, *, full: bool = False) -> None:
        """Ask for a sync, and wait for it."""
        await request_sync(self.world.admin(), full=full)
        await self.work()

    async def notify(self, *, late: str | None = None, names_deleted: bool = True) -> None:
        """Deliver the notices of the changes since the last time, as QuickBooks' webhook does.

        Those of `late`, a kind of objects, are delivered the next time. Messages may not name the gone object of a merge.
        """
        journal = self.company.journal
        changes = [*self._late, *(each for each in journal.after(self._noticed) if each.notified)]
        self._noticed = len(journal)
        self._late = [each for each in changes if each.entity == late]
        changes = [each for each in changes if each.entity != late]
        events = []
        for change in changes:
            gone = change.deleted_id if names_deleted else None
            for entity_id in filter(None, (change.identifier, gone)):
                fact = {
                    "realm": self.world.realm,
                    "entity": change.entity,
                    "entity_id": entity_id,
                    "operation": change.operation,
                    "at": change.at.isoformat(),
                }
                name = f"{change.entity}/{entity_id}/{change.operation}/{change.at.isoformat()}"
                events.append(stories.cloudevent("quickbooks.changed", fact, id=name))
        await self.world.send(*events)
        await self.world.follow()
        self.world.clock.advance(2)
        await self.work()

    async def differences(self) -> Sequence[str]:
        """Return the differences between what was observed and the books."""
        books = self.company.books()
        return await self.world.services.database.read(
            lambda connection: list(differences(connection, self.world.realm, books))
        )

    async def appended(self, since: int) -> list[str]:
        """Return the types of the events that were appended since a position."""
        return types([each for each in await self.world.log() if each.position > since])

    async def row(self) -> SyncCompany:
        """Return the row of the company's sync."""
        found = await self.world.services.database.read(connected, "acme")
        assert found is not None
        return found

    async def readings(self) -> dict[str, ListReading]:
        """Return how far each kind of objects was read."""
        return await self.world.services.database.read(rows.readings_of, self.world.realm)

    async def head(self) -> int:
        """Return the last position of the log."""
        return (await self.world.log())[-1].position
