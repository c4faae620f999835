"""Notices of changes: gathered by object, in the order in which they may be fetched."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from events.contract.quickbooks import Changed
from events.database import bulk
from worker.sync.entities import BY_NAME, named
from worker.sync.fields import updated_at
from worker.sync.tables import sync_notices
from worker.sync.versions import Answer, Seen

# Notices of one change come one by one; a moment later, they are fetched together.
GATHER_SECONDS = 1.0
# Another object changed, and this one with it.
AFFECTED = "Affected"
_ORDER = (sync_notices.c.not_before, sync_notices.c.entity, sync_notices.c.entity_id)


class WaitingNotice(Struct, frozen=True):
    """A noticed object. `changed_at` is the instant of the change, if the notice says it; `position` is of its event."""

    realm: str
    entity: str
    entity_id: str
    operation: str
    changed_at: datetime | None
    position: int
    noticed_at: datetime
    attempts: int
    not_before: datetime
    survivor: str | None = None

    @property
    def name(self) -> str:
        """The name of the object within its company, such as `Invoice/17`."""
        return named(self.entity, self.entity_id)


_COLUMNS = tuple(sync_notices.c[name] for name in WaitingNotice.__struct_fields__)
_DUE = (
    sa.select(*_COLUMNS)
    .where(sync_notices.c.realm == sa.bindparam("realm"), sync_notices.c.not_before <= sa.bindparam("now"))
    .order_by(*_ORDER)
    .limit(sa.bindparam("limit"))
)
_NEXT = sa.select(sa.func.min(sync_notices.c.not_before)).where(sync_notices.c.realm == sa.bindparam("realm"))


def noticed(change: Changed, position: int, now: datetime) -> WaitingNotice | None:
    """Return the notice of a change; None if objects of this kind are not observed."""
    entity = next((name for name in BY_NAME if name.casefold() == change.entity.casefold()), None)
    if entity is None:
        return None
    return WaitingNotice(
        realm=change.realm,
        entity=entity,
        entity_id=change.entity_id,
        operation=change.operation,
        changed_at=change.at,
        position=position,
        noticed_at=now,
        attempts=0,
        not_before=now + timedelta(seconds=GATHER_SECONDS),
    )


def add(connection: sa.Connection, added: Iterable[WaitingNotice]) -> None:
    """Store notices: the last one of each object, and the earliest time at which to fetch it."""
    last = {(each.realm, each.entity, each.entity_id): each for each in added}
    if not last:
        return
    waiting = {
        (realm, entity, entity_id): (operation, changed_at, not_before)
        for realm, entity, entity_id, operation, changed_at, not_before in bulk.fetch(
            connection,
            tuple(
                sync_notices.c[name]
                for name in ("realm", "entity", "entity_id", "operation", "changed_at", "not_before")
            ),
            (sync_notices.c.realm, sync_notices.c.entity, sync_notices.c.entity_id),
            list(last),
        )
    }
    bulk.upsert(connection, sync_notices, [_gathered(each, waiting.get(key)) for key, each in last.items()])


def due(connection: sa.Connection, realm: str, now: datetime, limit: int) -> Sequence[WaitingNotice]:
    """Return notices of a company that may be fetched, at most `limit`."""
    rows = connection.execute(_DUE, {"realm": realm, "now": now, "limit": limit})
    return [WaitingNotice(*row) for row in rows]


def next_due(connection: sa.Connection, realm: str) -> datetime | None:
    """Return when the next notice of a company may be fetched; None without any."""
    found: datetime | None = connection.scalar(_NEXT, {"realm": realm})
    return found


def remove(connection: sa.Connection, fetched: Collection[WaitingNotice]) -> None:
    """Delete notices that were fetched, unless a later one of the same object has arrived meanwhile."""
    key = (
        sync_notices.c.realm,
        sync_notices.c.entity,
        sync_notices.c.entity_id,
        sync_notices.c.position,
    )
    bulk.delete(
        connection,
        sync_notices,
        key,
        [(each.realm, each.entity, each.entity_id, each.position) for each in fetched],
    )


def add_affected(
    connection: sa.Connection, answer: Answer, affected: Iterable[tuple[str, str]], now: datetime
) -> None:
    """WaitingNotice objects that may have changed with others; no notice of their own says so."""
    add(
        connection,
        (
            WaitingNotice(answer.realm, entity, entity_id, AFFECTED, None, 0, now, 0, now)
            for entity, entity_id in sorted(affected)
        ),
    )


def add_changed(connection: sa.Connection, seen: Iterable[Seen], answer: Answer, now: datetime) -> None:
    """WaitingNotice objects that change data capture shows as changed, without all of their fields."""
    add(
        connection,
        (
            WaitingNotice(
                answer.realm, each.entity, each.entity_id, "Update", updated_at(each.row), 0, now, 0, now
            )
            for each in seen
            if each.row is not None
        ),
    )


def _gathered(
    notice: WaitingNotice, waiting: tuple[str, datetime | None, datetime] | None
) -> dict[str, object]:
    row = asdict(notice)
    if waiting is not None:
        operation, changed_at, not_before = waiting
        if notice.operation == AFFECTED:
            row["operation"] = operation
        row["changed_at"] = max(filter(None, (changed_at, notice.changed_at)), default=None)
        row["not_before"] = min(not_before, notice.not_before)
    return row
