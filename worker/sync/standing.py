"""How a company's sync stands: for people, the API and metrics."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from events.contract.observed import SyncMode
from worker.commands.table import realms
from worker.sync import rows
from worker.sync.entities import OBSERVABLES
from worker.sync.frequency import hears, shown_next
from worker.sync.rows import SyncCompany
from worker.sync.tables import sync_notices

Webhooks = Literal["arriving", "missing", "none"]


class EntityStanding(Struct, frozen=True):
    """The objects of one kind: how many QuickBooks has, how many are observed, and how many the last sync read.

    Attributes:
        entity: QuickBooks' name of the kind, such as Invoice.
        in_quickbooks: How many QuickBooks had when it was last read in full; none if it did not say.
        observed: How many are observed and not gone.
        read: How many the last or present sync has read.
        changed: How many of those were new or had changed.
        complete: Whether each has been read.
        problem: Why they can't be read.
    """

    entity: str
    in_quickbooks: int | None
    observed: int
    read: int
    changed: int
    complete: bool
    problem: str | None


class SyncStanding(Struct, frozen=True):
    """How the sync of a company stands.

    Attributes:
        realm: The company.
        state: `idle`, or `running`; `waiting` before a retry.
        mode: The kind of the sync that runs: first, changes, batch or full.
        began_at: When it began.
        last_sync: When the last complete sync began: everything that had changed by then is observed.
        next_sync: When the next one begins.
        requested: Whether a sync was asked for and has not ended.
        webhooks: `arriving`; `missing` if changes were found since the last one that none had announced; `none` if none
            has arrived yet.
        waiting: How many objects are noticed to have changed, and are still to be fetched.
        problem: Why the last step failed, until one succeeds.
        entities: The objects by kind.
    """

    realm: str
    state: Literal["idle", "running", "waiting"]
    mode: SyncMode | None
    began_at: datetime | None
    last_sync: datetime | None
    next_sync: datetime
    requested: bool
    webhooks: Webhooks
    waiting: int
    problem: str | None
    entities: tuple[EntityStanding, ...]


class SyncSummary(Struct, frozen=True):
    """When a company was last synced, and when it is next."""

    last_sync: datetime | None
    next_sync: datetime


def sync_summary(connection: sa.Connection, realm: str, now: datetime) -> SyncSummary | None:
    """Return when a company was last synced, and when it is next; None before its sync began."""
    company = rows.company_of(connection, realm)
    if company is None:
        return None
    return SyncSummary(company.last_sync, shown_next(connection, company, now))


def standing(connection: sa.Connection, workspace: str, now: datetime) -> SyncStanding | None:
    """Return how the sync of a workspace's connected company stands; None without one, or before its sync began."""
    company = connected(connection, workspace)
    return None if company is None else _standing(connection, company, now)


def is_served(connection: sa.Connection, workspace: str, position: int) -> bool:
    """Return whether the sync that was asked for at a position has ended."""
    found = connected(connection, workspace)
    return found is not None and found.wanted is None and found.wanted_position >= position


def connected(connection: sa.Connection, workspace: str) -> SyncCompany | None:
    """Return the sync of a workspace's connected company; None without one, or before it began."""
    realm = connection.scalar(
        sa.select(realms.c.realm).where(realms.c.workspace == workspace, realms.c.connected)
    )
    return None if realm is None else rows.company_of(connection, realm)


def _webhooks(company: SyncCompany) -> Webhooks:
    if company.noticed_at is None:
        return "none"
    return "arriving" if hears(company) else "missing"


def _standing(connection: sa.Connection, company: SyncCompany, now: datetime) -> SyncStanding:
    readings, present = rows.readings_of(connection, company.realm), rows.present(connection, company.realm)
    waiting = connection.scalar(sa.select(sa.func.count()).where(sync_notices.c.realm == company.realm))
    entities = []
    for name in (each.name for each in OBSERVABLES):
        reading = readings.get(name)
        entities.append(
            EntityStanding(
                entity=name,
                in_quickbooks=reading.total if reading else None,
                observed=present[name],
                read=reading.read if reading else 0,
                changed=reading.changed if reading else 0,
                complete=reading is not None and reading.complete and reading.problem is None,
                problem=reading.problem if reading else None,
            )
        )
    state: Literal["idle", "running", "waiting"] = "idle" if company.mode is None else "running"
    if company.failures and company.not_before > now:
        state = "waiting"
    return SyncStanding(
        realm=company.realm,
        state=state,
        mode=company.mode,
        began_at=company.began_at,
        last_sync=company.last_sync,
        next_sync=shown_next(connection, company, now),
        requested=company.wanted is not None,
        webhooks=_webhooks(company),
        waiting=waiting or 0,
        problem=company.problem,
        entities=tuple(entities),
    )
