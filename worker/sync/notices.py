"""Notices of changes: gathered by object, in the order in which they may be fetched."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict, replace

from events.contract.quickbooks import Changed
from events.database import bulk
from events.leases import latest_end
from worker.commands.fields import updated_at
from worker.sync.entities import BY_NAME, named
from worker.sync.observing import is_same
from worker.sync.tables import sync_notices
from worker.sync.versions import Answer, LastVersion, Seen

# Notices of one change come one by one; a moment later, they are fetched together.
GATHER_SECONDS = 1.0
# Longer than the wait of any notice.
WAIT_MAX = timedelta(hours=1)
# Another object changed, and this one with it.
AFFECTED = "Affected"
VOID = "Void"
GONE_OPERATIONS = frozenset({"Delete", "Merge"})
# A query may lag behind the books: an object that looks older than its notice is fetched once more.
ONCE_MORE = timedelta(minutes=1)
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
        changed_at=_last_change(one, other),
        position=max(one.position, other.position),
        noticed_at=min(one.noticed_at, other.noticed_at),
        attempts=min(one.attempts, other.attempts),
        not_before=min(one.not_before, other.not_before),
        survivor=other.survivor or one.survivor,
    )


def _last_change(one: WaitingNotice, other: WaitingNotice) -> datetime | None:
    """Return when the later of two changes was; of two in one second the end of the second.

    Objects show their last change in whole seconds: by that, none of the versions of such a second is surely the last.
    """
    if one.changed_at is None or other.changed_at is None:
        return one.changed_at or other.changed_at
    second = one.changed_at.replace(microsecond=0)
    if one.position != other.position and second == other.changed_at.replace(microsecond=0):
        return second + timedelta(seconds=1)
    return max(one.changed_at, other.changed_at)


def _is_void_still(one: WaitingNotice, other: WaitingNotice, last: WaitingNotice) -> bool:
    """Return whether a transaction was voided and is still there: the notice of the void alone says so in any language.

    The last notice may be of a change before the void, since notices overtake each other.
    """
    return VOID in {one.operation, other.operation} and last.operation not in GONE_OPERATIONS


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


def pause_of(attempts: int) -> timedelta:
    """Return how long an object waits for the next attempt; never so long that it seems to be by a wrong clock."""
    return min(ONCE_MORE * (attempts + 1), WAIT_MAX / 2)


def looks_old(notice: WaitingNotice, seen: Seen | None, known: LastVersion | None = None) -> bool:
    """Return whether an object as it was fetched may be older than its notice; each is fetched again once at most.

    If the version was `known` before, and changed in the second of the notice, the notice may be of a later change.
    """
    if notice.attempts or seen is None or seen.row is None:
        return False
    if notice.operation == AFFECTED or notice.operation in GONE_OPERATIONS:
        return True
    changed_at = updated_at(seen.row)
    if notice.changed_at is None or changed_at is None:
        return False
    second = notice.changed_at.replace(microsecond=0)
    return changed_at < second or (changed_at == second and known is not None and is_same(known, seen.row))
