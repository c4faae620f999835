"""Sync with QuickBooks by hand: ask for it, and wait for it."""

from collections.abc import Callable

import sqlalchemy as sa

from events.contract import catalog
from events.contract.envelope import Event
from events.contract.observed import SyncRequested
from worker.actions.admin import ActionRefused, Admin
from worker.services import Services
from worker.sync.standing import SyncStanding, connected, is_served, standing

POLL_SECONDS = 0.2


async def request_sync(admin: Admin, *, full: bool) -> int:
    """Ask to read the changes in QuickBooks now, or to compare everything; return the position of the event.

    Raises:
        ActionRefused: No company is connected, or its sync has not begun.
    """

    def check(connection: sa.Connection, requested: Event) -> None:
        if connected(connection, requested.workspace) is None:
            raise ActionRefused(
                "connection_missing",
                "No QuickBooks company is connected, or it was connected only now: connect one (q2c connect), or wait a"
                " moment",
            )

    return await admin.say(catalog.SYNC_REQUESTED, SyncRequested(admin.by, full), check)


async def wait_for_sync(
    services: Services,
    workspace: str,
    position: int,
    timeout_seconds: float,
    told: Callable[[SyncStanding], None],
) -> tuple[SyncStanding | None, bool]:
    """Wait until the sync that was asked for at a position has ended, at most `timeout_seconds`.

    `told` is called with each look at it. Returns how the sync stands, and whether it has ended.
    """
    started = services.clock.monotonic()
    while True:
        is_done = await services.database.read(is_served, workspace, position)
        found = await services.database.read(standing, workspace, services.clock.now())
        if found is not None:
            told(found)
        if is_done or services.clock.monotonic() - started >= timeout_seconds:
            return found, is_done
        await services.clock.sleep(POLL_SECONDS)
