"""The role `schedule`: append time as events, since decisions and read models have no clock.

Any number of processes may run it: the ID of a day's event is its date, and the log appends it once.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from events.contract import catalog
from events.contract.administration import DayBegan
from events.contract.envelope import Event, own_event
from events.log import log
from worker.commands.table import realms
from worker.docusign.watch import watch as watch_docusign
from worker.roles.role import RoleContext
from worker.runtime.repeating import ReportedPart, Retry, repeat
from worker.services import Services
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
logger = structlog.get_logger()


async def run(context: RoleContext) -> None:
    """Append the beginnings of days, and changes in DocuSign's reception, until the role is stopped."""
    async with asyncio.TaskGroup() as work:
        work.create_task(keep_time(context.services, context.stopping))
        work.create_task(watch_docusign(context.services, context.stopping))


async def keep_time(services: Services, stopping: asyncio.Event) -> None:
    """Append an event when a day begins in a workspace, until `stopping` is set."""
    appended: set[tuple[str, str]] = set()

    async def turn() -> bool:
        now = services.clock.now()
        found = await services.database.read(days_of, now)
        days = [day for day in found if (day.workspace, day.id) not in appended]
        if days:
            # The first event of a day wins: a time zone that becomes known later begins no second day.
            await services.database.transaction(log.append, days, now)
            services.wake.all()
        appended.update((day.workspace, day.id) for day in days)
        return False

    await repeat(
        turn,
        Retry("schedule.retry", LOOK_SECONDS),
        clock=services.clock,
        stopping=stopping,
        part=ReportedPart(services.health, PART),
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
