"""A company's sync as rows: who works on it, what was asked for, and how far each list was read."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict, replace

from events import leases
from events.contract.observed import SyncMode
from events.database import bulk
from events.database.locks import Lock, acquire
from events.log.tables import UtcInstant
from worker.commands.table import realms
from worker.sync import notices
from worker.sync.entities import OBSERVABLES
from worker.sync.tables import observed, sync_companies, sync_notices, sync_readings
from worker.workspaces.kinds import REAL_TIME

# After a kill, the next process goes on so much later. A process renews its leases while it waits for QuickBooks.
LEASE_SECONDS = 6
_LEASE = timedelta(seconds=LEASE_SECONDS)
# The longest waits without a problem: until the next daily sync, and until queries no longer lag. An instant that is further
# ahead is by a clock that was set back since. With a problem, a company may wait for the next month's reads.
NEXT_MAX = timedelta(days=1, minutes=10)
WAIT_MAX = timedelta(hours=1)


class SyncCompany(Struct, frozen=True):
    """The columns of a company's sync."""

    realm: str
    workspace: str
    holder: str | None
    leased_until: datetime | None
    since: datetime | None
    lists_read_at: datetime | None
    noticed_at: datetime | None
    missed_at: datetime | None
    last_sync: datetime | None
    next_sync: datetime
    not_before: datetime
    wanted: SyncMode | None
    wanted_position: int
    mode: SyncMode | None
    began_at: datetime | None
    serves: int
    swept: bool
    reading: int
    failures: int
    problem: str | None


class ListReading(Struct, frozen=True):
    """The reading of every object of one kind; `cursor` is JSON, and None once the last page was read."""

    realm: str
    entity: str
    kept: int
    reading: int
    cursor: str | None
    read: int
    changed: int
    total: int | None
    complete: bool
    problem: str | None


_COMPANY = tuple(sync_companies.c[name] for name in SyncCompany.__struct_fields__)
_READING = tuple(sync_readings.c[name] for name in ListReading.__struct_fields__)


_BEGINNING = (
    sa.select(realms.c.realm, realms.c.workspace, sync_companies.c.workspace)
    .outerjoin(sync_companies, sync_companies.c.realm == realms.c.realm)
    .where(realms.c.connected)
    .where(sa.or_(sync_companies.c.realm.is_(None), sync_companies.c.workspace != realms.c.workspace))
)


class LeaseOfSyncLost(Exception):
    """Another process works on the company's sync now; the transaction rolls back."""


def _has_come(instant: sa.ColumnElement[datetime], latest: str) -> sa.ColumnElement[bool]:
    """Return as SQL whether an instant has come; one later than `latest` is by a clock that was set back since."""
    return sa.or_(instant <= _NOW, instant > sa.bindparam(latest, type_=UtcInstant()))


_NOW = sa.bindparam("now", type_=UtcInstant())
_NOTICED = sa.exists().where(
    sync_notices.c.realm == sync_companies.c.realm,
    _has_come(sync_notices.c.not_before, "latest_notice"),
    sa.or_(realms.c.sync_frequency == REAL_TIME, notices.FOLLOWS_A_BATCH),
)
_INCOMPLETE = sa.exists().where(sync_readings.c.realm == sync_companies.c.realm, ~sync_readings.c.complete)
_DUE = (
    sa.select(sync_companies.c.realm)
    .join(realms, realms.c.realm == sync_companies.c.realm)
    .where(
        realms.c.connected,
        sa.or_(
            sync_companies.c.not_before <= _NOW,
            sa.and_(_has_come(sync_companies.c.not_before, "latest_try"), sync_companies.c.failures == 0),
        ),
    )
    .where(
        sa.or_(
            leases.has_ended(
                sync_companies.c.leased_until, sa.bindparam("latest_lease", type_=UtcInstant()), _NOW
            ),
            sync_companies.c.holder == sa.bindparam("holder"),
        )
    )
    .where(
        sa.or_(
            sync_companies.c.next_sync <= _NOW,
            sa.and_(_has_come(sync_companies.c.next_sync, "latest_sync"), sync_companies.c.problem.is_(None)),
            sync_companies.c.wanted.is_not(None),
            sync_companies.c.mode.is_not(None),
            _NOTICED,
            _INCOMPLETE,
        )
    )
    .order_by(sync_companies.c.next_sync, sync_companies.c.realm)
)


def begin_new(connection: sa.Connection, now: datetime) -> None:
    """Add the rows of connected companies that have none yet, and begin anew for those that another workspace connected."""
    acquire(
        connection, Lock.LOG
    )  # before rows that the subscription changes, and so that two processes begin once
    for realm, workspace, _ in connection.execute(_BEGINNING).all():
        connection.execute(sync_notices.delete().where(sync_notices.c.realm == realm))
        connection.execute(sync_readings.delete().where(sync_readings.c.realm == realm))
        # The new workspace's log has none of the versions. Their ordinals go on, since the company may come back.
        present = sa.and_(observed.c.realm == realm, observed.c.fate != "gone")
        forgotten = {"fate": "unreadable", "content": "", "sync_token": -1, "reading": 0}
        connection.execute(observed.update().where(present).values(**forgotten))
        connection.execute(sync_companies.delete().where(sync_companies.c.realm == realm))
        row = {"next_sync": now, "not_before": now, "wanted_position": 0, "serves": 0, "swept": False}
        row |= {"realm": realm, "workspace": workspace, "reading": 0, "failures": 0}
        bulk.insert_absent(connection, sync_companies, [row])


def has_new(connection: sa.Connection) -> bool:
    """Return whether the sync of a connected company has to begin; reads only."""
    return connection.execute(_BEGINNING).first() is not None


def due(connection: sa.Connection, holder: str, now: datetime) -> Sequence[str]:
    """Return the connected companies that have something to be read now and that no other process works on."""
    latest = {
        "latest_notice": leases.latest_end(notices.WAIT_MAX, now),
        "latest_try": leases.latest_end(WAIT_MAX, now),
        "latest_lease": leases.latest_end(_LEASE, now),
        "latest_sync": leases.latest_end(NEXT_MAX, now),
    }
    return connection.scalars(_DUE, {"now": now, "holder": holder, **latest}).all()


def has_to_wait(company: SyncCompany, now: datetime) -> bool:
    """Return whether a company's sync waits after a failure, or for queries that lag."""
    is_wrong = not company.failures and company.not_before > leases.latest_end(WAIT_MAX, now)
    return now < company.not_before and not is_wrong


def is_due(company: SyncCompany, now: datetime) -> bool:
    """Return whether the time of a company's next sync has come."""
    is_wrong = company.problem is None and company.next_sync > leases.latest_end(NEXT_MAX, now)
    return company.next_sync <= now or is_wrong


def lease(connection: sa.Connection, realm: str, holder: str, now: datetime) -> SyncCompany | None:
    """Lease the sync of a company; return its row, or None if another process works on it."""
    company = lock(connection, realm)
    if company is None:
        return None
    if company.holder not in {None, holder} and leases.is_active(company.leased_until, _LEASE, now):
        return None
    change(connection, realm, holder=holder, leased_until=now + _LEASE)
    return replace(company, holder=holder)


def renew(connection: sa.Connection, holder: str, now: datetime) -> None:
    """Renew the leases of a process, but for companies that a transaction changes now: they have a later turn.

    Waiting for them while others are locked could deadlock with the subscription that hears notices.
    """
    free = connection.scalars(
        sa.select(sync_companies.c.realm)
        .where(sync_companies.c.holder == holder)
        .with_for_update(skip_locked=True)
    ).all()
    connection.execute(
        sync_companies.update().where(sync_companies.c.realm.in_(free)).values(leased_until=now + _LEASE)
    )


def release_all(connection: sa.Connection, holder: str) -> None:
    """Release the leases of a process, so that another goes on at once."""
    connection.execute(
        sync_companies.update()
        .where(sync_companies.c.holder == holder)
        .values(holder=None, leased_until=None)
    )


def release(connection: sa.Connection, realm: str, holder: str) -> None:
    """Release the sync of a company."""
    connection.execute(
        sync_companies.update()
        .where(sync_companies.c.realm == realm, sync_companies.c.holder == holder)
        .values(holder=None, leased_until=None)
    )


def lock(connection: sa.Connection, realm: str) -> SyncCompany | None:
    """Lock a company's row until the transaction ends, and return it."""
    found = bulk.lock(connection, _COMPANY, (sync_companies.c.realm,), [(realm,)], (sync_companies.c.realm,))
    return SyncCompany(*found[0]) if found else None


def held(connection: sa.Connection, leased: SyncCompany) -> SyncCompany:
    """Lock and return the present row of a company that this process has leased.

    Raises:
        LeaseOfSyncLost: Another process works on it now.
    """
    company = lock(connection, leased.realm)
    if company is None or company.holder != leased.holder:
        raise LeaseOfSyncLost(f"Another process works on the sync of company {leased.realm}")
    return company


def change(connection: sa.Connection, realm: str, **values: Any) -> None:
    """Change columns of a company's row."""
    connection.execute(sync_companies.update().where(sync_companies.c.realm == realm).values(**values))


def sweep_by(connection: sa.Connection, realm: str, instant: datetime) -> None:
    """Let the next sync of a company begin by an instant."""
    later = sa.and_(sync_companies.c.realm == realm, sync_companies.c.next_sync > instant)
    connection.execute(sync_companies.update().where(later).values(next_sync=instant))


def company_of(connection: sa.Connection, realm: str) -> SyncCompany | None:
    """Return a company's row; reads only."""
    row = connection.execute(sa.select(*_COMPANY).where(sync_companies.c.realm == realm)).first()
    return None if row is None else SyncCompany(*row)


def readings_of(connection: sa.Connection, realm: str) -> dict[str, ListReading]:
    """Return the readings of a company by the kind of object."""
    rows = connection.execute(sa.select(*_READING).where(sync_readings.c.realm == realm))
    return {reading.entity: reading for reading in (ListReading(*row) for row in rows)}


def put_readings(connection: sa.Connection, changed: Sequence[ListReading]) -> None:
    """Store readings."""
    bulk.upsert(connection, sync_readings, [asdict(reading) for reading in changed])


def present(connection: sa.Connection, realm: str) -> dict[str, int]:
    """Return how many objects of each kind are observed and not gone."""
    counted = (
        sa.select(observed.c.entity, sa.func.count())
        .where(observed.c.realm == realm, observed.c.fate != "gone")
        .group_by(observed.c.entity)
    )
    found = [(row[0], row[1]) for row in connection.execute(counted)]
    return {**dict.fromkeys((each.name for each in OBSERVABLES), 0), **dict(found)}


def missed(connection: sa.Connection, reading: ListReading, limit: int) -> Sequence[str]:
    """Return the IDs of observed objects that a full reading did not meet, at most `limit`."""
    return connection.scalars(
        sa.select(observed.c.entity_id)
        .where(observed.c.realm == reading.realm, observed.c.entity == reading.entity)
        .where(observed.c.reading < reading.reading, observed.c.fate != "gone")
        .order_by(observed.c.entity_id)
        .limit(limit)
    ).all()


def mark_met(connection: sa.Connection, reading: ListReading, ids: Collection[str]) -> None:
    """Note that a full reading has met objects, though it could not read them."""
    keys = [
        {"realm": reading.realm, "entity": reading.entity, "entity_id": each, "reading": reading.reading}
        for each in ids
    ]
    bulk.update(connection, observed, keys)
