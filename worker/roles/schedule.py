"""The role `schedule`: append time as events, since decisions and read models have no clock.

Any number of processes may run it: the ID of a day's event is its date, that of a due sync its frequency and instant, and the log
appends each once.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from events.contract import catalog
from events.contract.administration import DayBegan, SyncDue
from events.contract.envelope import Event, own_event
from events.leases import latest_end
from events.log import log
from worker.commands.table import realms
from worker.docusign.watch import watch as watch_docusign
from worker.roles.role import RoleContext
from worker.runtime.repeating import ReportedPart, Retry, repeat
from worker.runtime.wake import pause
from worker.services import Services
from worker.sync.schedule import last_due
from worker.workspaces.kinds import REAL_TIME
from worker.workspaces.tenants import workspaces

PART = "schedule"
SOURCE = "urn:coeffection:schedule"
LOOK_SECONDS = 30.0

# A workspace's days are its company's: while the company's time zone is unknown, no day begins.
_ZONES = (
    sa.select(workspaces.c.workspace, sa.func.max(realms.c.time_zone))
    .join(realms, sa.and_(realms.c.workspace == workspaces.c.workspace, realms.c.connected))
    .where(realms.c.time_zone.is_not(None))
    .group_by(workspaces.c.workspace)
    .order_by(workspaces.c.workspace)
)
_SYNCS = (
    sa.select(realms.c.workspace, realms.c.sync_frequency, realms.c.time_zone, realms.c.batches_since)
    .where(realms.c.connected, realms.c.sync_frequency != REAL_TIME, realms.c.batches_since.is_not(None))
    .order_by(realms.c.workspace)
)
logger = structlog.get_logger()


async def run(context: RoleContext) -> None:
    """Append the beginnings of days, due syncs, and changes in DocuSign's reception, until the role is stopped."""
    async with asyncio.TaskGroup() as work:
        work.create_task(keep_time(context.services, context.stopping))
        work.create_task(watch_docusign(context.services, context.stopping))


async def keep_time(services: Services, stopping: asyncio.Event) -> None:
    """Append an event when a day begins in a workspace, and when a sync is due, until `stopping` is set."""
    appended: set[tuple[str, str]] = set()

    async def turn() -> bool:
        nonlocal appended
        now = services.clock.now()
        found = await services.database.read(events_of, now)
        added = [event for event in found if (event.workspace, event.id) not in appended]
        if added:
            # The first event of a day wins: a time zone that becomes known later begins no second day.
            await services.database.transaction(log.append, added, now)
            services.wake.all()
        appended = {(event.workspace, event.id) for event in found}
        return False

    await repeat(
        turn,
        Retry("schedule.retry", LOOK_SECONDS),
        clock=services.clock,
        stopping=stopping,
        idle=lambda: pause(services.clock, stopping, _seconds_to_look(services.clock.now())),
        part=ReportedPart(services.health, PART),
    )


def _seconds_to_look(now: datetime) -> float:
    """Return the time until the next look: days and syncs begin with a minute, so one look is at each full minute."""
    return LOOK_SECONDS - (now.second + now.microsecond / 1_000_000) % LOOK_SECONDS


def events_of(connection: sa.Connection, now: datetime) -> Sequence[Event]:
    """Return the events of current days and due syncs."""
    return [*days_of(connection, now), *syncs_of(connection, now)]


def syncs_of(connection: sa.Connection, now: datetime) -> Sequence[Event]:
    """Return the event of the last due sync of each connected workspace that has not had it, unless it syncs in real time.

    After an outage, only the last one is returned: it does the work of those before it.
    """
    found = []
    for workspace, frequency, zone, since in connection.execute(_SYNCS):
        due = last_due(frequency, zone, now)
        # By a clock that was set back, a sync that had come too early would prevent others until then.
        too_early = since > latest_end(timedelta(0), now)
        if due is not None and (due > since or too_early):
            found.append(_sync(workspace, frequency, due, now))
    return found


def _sync(workspace: str, frequency: str, due: datetime, now: datetime) -> Event:
    return own_event(
        catalog.SYNC_DUE,
        SyncDue(frequency, due),
        workspace=workspace,
        source=SOURCE,
        time=now,  # after an outage, what follows from it is not dated before the deals that it sends
        id=f"{frequency} {due:%Y-%m-%dT%H:%M:%SZ}",
    )


def days_of(connection: sa.Connection, now: datetime) -> Sequence[Event]:
    """Return the event of the current day for each workspace whose company's time zone is known."""
    return [_day(workspace, ZoneInfo(name), now) for workspace, name in connection.execute(_ZONES)]


def _day(workspace: str, zone: ZoneInfo, now: datetime) -> Event:
    today = now.astimezone(zone).date()
    midnight = datetime(today.year, today.month, today.day, tzinfo=zone)
    return own_event(
        catalog.DAY_BEGAN,
        DayBegan(today, zone.key),
        workspace=workspace,
        source=SOURCE,
        time=midnight.astimezone(UTC),
        id=today.isoformat(),
    )
