"""What is left to be done by sync soon, and gauges for operators."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from prometheus_client import Gauge

from worker.commands.table import realms
from worker.sync.tables import sync_companies, sync_notices
from worker.workspaces.kinds import REAL_TIME

# A step that failed is retried, and an object that is noticed is fetched, a moment later.
SOON = timedelta(seconds=5)

_problems = Gauge("q2c_sync_companies_with_problem", "Companies whose last step of sync failed or waits")
_notice = Gauge(
    "q2c_sync_oldest_notice_seconds",
    "Age of the oldest noticed change that is not fetched yet, of companies that are synced in real time",
)
_age = Gauge(
    "q2c_sync_oldest_seconds", "Seconds since the connected company that was not synced for longest last was"
)

_CONNECTED = sync_companies.join(realms, realms.c.realm == sync_companies.c.realm)
_PROBLEMS = (
    sa.select(sa.func.count())
    .select_from(_CONNECTED)
    .where(realms.c.connected, sync_companies.c.problem.is_not(None))
)
# A company whose first sync has not ended counts from when that began.
_OLDEST_SYNC = (
    sa.select(sa.func.min(sa.func.coalesce(sync_companies.c.last_sync, sync_companies.c.began_at)))
    .select_from(_CONNECTED)
    .where(realms.c.connected)
)
_NOTICED = (realms.c.connected, realms.c.sync_frequency == REAL_TIME)
_OF_REALMS = sync_notices.join(realms, realms.c.realm == sync_notices.c.realm)
_OLDEST_NOTICE = sa.select(sa.func.min(sync_notices.c.noticed_at)).select_from(_OF_REALMS).where(*_NOTICED)


def left_to_do(connection: sa.Connection, now: datetime) -> str | None:
    """Return what sync has to do now or in a moment; None without anything.

    A company that waits for longer after a failure has nothing to do, nor one that was connected a moment ago: the role
    `sync` has to have seen it.
    """
    soon = now + SOON
    running = connection.scalar(
        sa.select(sa.func.count())
        .select_from(_CONNECTED)
        .where(realms.c.connected, sync_companies.c.not_before <= soon)
        .where(
            sa.or_(
                sync_companies.c.mode.is_not(None),
                sync_companies.c.wanted.is_not(None),
                sync_companies.c.next_sync <= now,
            )
        )
    )
    if running:
        return f"{running} companies to be synced"
    noticed = connection.scalar(
        sa.select(sa.func.count())
        .select_from(_OF_REALMS.join(sync_companies, sync_companies.c.realm == sync_notices.c.realm))
        .where(*_NOTICED, sync_companies.c.not_before <= soon, sync_notices.c.not_before <= soon)
    )
    return f"{noticed} noticed changes to be fetched" if noticed else None


def measure(connection: sa.Connection, now: datetime) -> None:
    """Set the gauges."""
    _problems.set(connection.scalar(_PROBLEMS) or 0)
    _notice.set(_seconds(connection.scalar(_OLDEST_NOTICE), now))
    _age.set(_seconds(connection.scalar(_OLDEST_SYNC), now))


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
