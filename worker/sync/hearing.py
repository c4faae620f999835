"""Hear what asks for a sync: notices of changes, due batches and people, as a subscription of the log."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from events.contract import catalog
from events.contract.envelope import Recorded
from events.contract.observed import SyncMode
from events.log.subscriptions import Subscription
from worker.commands.table import realms
from worker.sync import notices, rows
from worker.sync.company import COMPANY
from worker.sync.frequency import in_batches
from worker.sync.tables import sync_companies

NAME = "sync"
FREQUENCY = "sync_frequency"
MERGE = "Merge"
# Of these, QuickBooks has one object a company, which is read with the company.
OF_THE_COMPANY = frozenset({COMPANY.casefold(), "preferences"})
_ORDER: tuple[SyncMode, ...] = ("changes", "batch", "full")


def handle(connection: sa.Connection, batch: Sequence[Recorded], now: datetime) -> None:
    """Store the notices of a batch of events, and the syncs that it asks for."""
    changed = [each for each in batch if each.event.type == catalog.QUICKBOOKS_CHANGED]
    if changed:
        _hear_changes(connection, changed, now)
    for recorded in batch:
        if _moves_the_next_sync(recorded):
            due = sync_companies.c.workspace == recorded.event.workspace
            connection.execute(
                sync_companies.update().where(due).values(next_sync=now, not_before=now, failures=0)
            )
        mode = _wanted(recorded)
        if mode is not None:
            _want(connection, recorded, mode, now)


def _moves_the_next_sync(recorded: Recorded) -> bool:
    """Return whether a company is synced at once: it was connected again, or its workspace chose another frequency."""
    if recorded.event.type == catalog.CONNECTION_AUTHORIZED:
        return True
    return recorded.event.type == catalog.SETTINGS_CHANGED and FREQUENCY in recorded.event.payload.changes


def _hear_changes(connection: sa.Connection, changed: Sequence[Recorded], now: datetime) -> None:
    owners = _owners(connection, {recorded.event.payload.realm for recorded in changed})
    ours = [each for each in changed if owners.get(each.event.payload.realm) == each.event.workspace]
    # Companies before notices, as the steps of a sync lock them; so they never deadlock.
    for realm in sorted({recorded.event.payload.realm for recorded in ours}):
        rows.change(connection, realm, noticed_at=now)
    for realm in sorted(
        {
            recorded.event.payload.realm
            for recorded in ours
            if recorded.event.payload.entity.casefold() in OF_THE_COMPANY
        }
    ):
        rows.change(connection, realm, lists_read_at=None)
        if not in_batches(connection, realm):
            rows.change(connection, realm, next_sync=now)
    # A merge may be told of the object that stays alone: a sweep shows the other one as gone.
    for realm in sorted({each.event.payload.realm for each in ours if each.event.payload.operation == MERGE}):
        if not in_batches(connection, realm):
            rows.sweep_by(connection, realm, now + notices.ONCE_MORE)
    found = (notices.noticed(recorded.event.payload, recorded.position, now) for recorded in ours)
    notices.add(connection, (notice for notice in found if notice is not None))


def _owners(connection: sa.Connection, names: Iterable[str]) -> dict[str, str]:
    found = connection.execute(
        sa.select(realms.c.realm, realms.c.workspace).where(realms.c.realm.in_(sorted(names)))
    )
    return {row.realm: row.workspace for row in found}


def _wanted(recorded: Recorded) -> SyncMode | None:
    if recorded.event.type == catalog.SYNC_DUE:
        return "batch"
    if recorded.event.type == catalog.SYNC_REQUESTED:
        return "full" if recorded.event.payload.full else "changes"
    return None


def _want(connection: sa.Connection, recorded: Recorded, mode: SyncMode, now: datetime) -> None:
    """Ask for a sync of the workspace's companies; a sync that was asked for before and does more stays."""
    lesser = _ORDER[: _ORDER.index(mode) + 1]
    connection.execute(
        sync_companies.update()
        .where(sync_companies.c.workspace == recorded.event.workspace)
        .values(
            wanted=sa.case(
                (sa.or_(sync_companies.c.wanted.is_(None), sync_companies.c.wanted.in_(lesser)), mode),
                else_=sync_companies.c.wanted,
            ),
            wanted_position=recorded.position,
            not_before=now,
        )
    )


SUBSCRIPTION = Subscription(NAME, handle)
