"""Notices of changes: gathered by object, in the order in which they may be fetched."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict, replace

from events.contract.quickbooks import Changed
from events.database import bulk
from events.leases import latest_end
from worker.sync.entities import BY_NAME, named
from worker.sync.fields import updated_at
from worker.sync.tables import sync_notices
from worker.sync.versions import Answer, Seen

# Notices of one change come one by one; a moment later, they are fetched together.
GATHER_SECONDS = 1.0
# Longer than the wait of any notice.
WAIT_MAX = timedelta(hours=1)
# Another object changed, and this one with it.
AFFECTED = "Affected"
VOID = "Void"
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


_KEY = (sync_notices.c.realm, sync_notices.c.entity, sync_notices.c.entity_id)
_COLUMNS = tuple(sync_notices.c[name] for name in WaitingNotice.__struct_fields__)
# What belongs to a batch that was read: an object that changed with others, or is to be fetched once more.
FOLLOWS_A_BATCH = sa.or_(sync_notices.c.attempts > 0, sync_notices.c.operation == AFFECTED)
_DUE = (
    sa.select(*_COLUMNS)
    .where(sync_notices.c.realm == sa.bindparam("realm"))
    .where(
        # An instant that is further ahead than any wait is by a clock that was set back since.
        sa.or_(
            sync_notices.c.not_before <= sa.bindparam("now"),
            sync_notices.c.not_before > sa.bindparam("latest"),
        )
    )
    .where(sa.or_(sa.bindparam("is_all", type_=sa.Boolean), FOLLOWS_A_BATCH))
    .order_by(*_ORDER)
    .limit(sa.bindparam("limit"))
)


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
        survivor=change.survivor,
    )


def add(connection: sa.Connection, added: Iterable[WaitingNotice]) -> None:
    """Store notices. Those of one object are one row."""
    gathered: dict[tuple[str, str, str], WaitingNotice] = {}
    for each in added:
        key = (each.realm, each.entity, each.entity_id)
        gathered[key] = gather(gathered.get(key), each)
    for row in bulk.fetch(connection, _COLUMNS, _KEY, list(gathered)):
        waiting = WaitingNotice(*row)
        key = (waiting.realm, waiting.entity, waiting.entity_id)
        gathered[key] = gather(waiting, gathered[key])
    bulk.upsert(connection, sync_notices, [asdict(each) for each in gathered.values()])


def gather(one: WaitingNotice | None, other: WaitingNotice) -> WaitingNotice:
    """Return two notices of one object as one: the last one's words, and the earliest time at which to fetch it.

    A notice that was fetched before and is to be fetched again never replaces one that arrived meanwhile.
    """
    if one is None:
        return other
    last = other if other.operation != AFFECTED and other.position >= one.position else one
    return replace(
        last,
        operation=VOID if _is_void_still(one, other, last) else last.operation,
        changed_at=max(filter(None, (one.changed_at, other.changed_at)), default=None),
        position=max(one.position, other.position),
        noticed_at=min(one.noticed_at, other.noticed_at),
        attempts=min(one.attempts, other.attempts),
        not_before=min(one.not_before, other.not_before),
        survivor=other.survivor or one.survivor,
    )


def _is_void_still(one: WaitingNotice, other: WaitingNotice, last: WaitingNotice) -> bool:
    """Return whether a transaction was voided and then only updated: the notice of the void alone says so in any language."""
    return VOID in {one.operation, other.operation} and last.operation in {"Update", "Emailed", AFFECTED}


def due(
    connection: sa.Connection, realm: str, now: datetime, limit: int, *, between_batches: bool = False
) -> Sequence[WaitingNotice]:
    """Return notices of a company that may be fetched, at most `limit`; between batches only those that follow the last one."""
    rows = connection.execute(
        _DUE,
        {
            "realm": realm,
            "now": now,
            "latest": latest_end(WAIT_MAX, now),
            "limit": limit,
            "is_all": not between_batches,
        },
    )
    return [WaitingNotice(*row) for row in rows]


def remove(connection: sa.Connection, fetched: Collection[WaitingNotice]) -> None:
    """Delete notices that were fetched, unless a later one of the same object has arrived meanwhile."""
    bulk.delete(
        connection,
        sync_notices,
        (*_KEY, sync_notices.c.position),
        [(each.realm, each.entity, each.entity_id, each.position) for each in fetched],
    )


def add_affected(
    connection: sa.Connection, answer: Answer, affected: Iterable[tuple[str, str]], now: datetime
) -> None:
    """Notice objects that may have changed with others; no notice of their own says so."""
    add(
        connection,
        (
            WaitingNotice(answer.realm, entity, entity_id, AFFECTED, None, 0, now, 0, now)
            for entity, entity_id in sorted(affected)
        ),
    )


def add_changed(connection: sa.Connection, seen: Iterable[Seen], answer: Answer, now: datetime) -> None:
    """Notice objects that change data capture shows as changed, without all of their fields."""
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


def add_refused(
    connection: sa.Connection, realm: str, entity: str, ids: Iterable[str], not_before: datetime
) -> None:
    """Notice objects that QuickBooks refused to show one by one, to be fetched again later."""
    add(
        connection,
        (WaitingNotice(realm, entity, each, AFFECTED, None, 0, not_before, 1, not_before) for each in ids),
    )
