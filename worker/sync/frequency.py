"""When a company is synced next: by its workspace's frequency, and by whether webhooks arrive."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from worker.commands.table import realms
from worker.sync import rows
from worker.sync.rows import SyncCompany
from worker.sync.schedule import next_due
from worker.workspaces.kinds import REAL_TIME

# Change data capture behind the webhooks: rarely while they arrive, often while they seem to fail.
HEARD = timedelta(hours=1)
UNHEARD = timedelta(minutes=15)
# So many times rarer while the month's reads are scarce.
FRUGAL_TIMES = 4
# The scheduler announces each batch. Without its word, a sync begins by itself so much later.
LATE = timedelta(minutes=10)
_FREQUENCY = sa.select(realms.c.sync_frequency, realms.c.time_zone).where(
    realms.c.realm == sa.bindparam("realm")
)


def in_batches(connection: sa.Connection, realm: str) -> bool:
    """Return whether a company's changes wait for its hourly or daily sync."""
    row = connection.execute(_FREQUENCY, {"realm": realm}).first()
    return row is not None and row.sync_frequency != REAL_TIME


def next_sync(connection: sa.Connection, realm: str, now: datetime, *, is_frugal: bool) -> datetime:
    """Return when the next sync of a company begins, after one at `now`; later while reads are scarce, but for batches."""
    row = connection.execute(_FREQUENCY, {"realm": realm}).first()
    due = None if row is None else next_due(row.sync_frequency, row.time_zone, now)
    if due is not None:
        return due + LATE
    company = rows.company_of(connection, realm)
    pause = HEARD if company is not None and hears(company) else UNHEARD
    return now + pause * (FRUGAL_TIMES if is_frugal else 1)


def shown_next(connection: sa.Connection, company: SyncCompany, now: datetime) -> datetime:
    """Return when the next sync is due, as people are told: a batch by its schedule."""
    row = connection.execute(_FREQUENCY, {"realm": company.realm}).first()
    due = None if row is None else next_due(row.sync_frequency, row.time_zone, now)
    return due or company.next_sync


def hears(company: SyncCompany) -> bool:
    """Return whether webhooks seem to arrive: one did, and no change was found since that none had announced."""
    if company.noticed_at is None:
        return False
    return company.missed_at is None or company.missed_at < company.noticed_at
