"""An edition of rows filled beside the live one, and its takeover: each step is one short transaction.

A version of a projection has up to three rows in the table of subscriptions, each with the number of an edition and the
position up to which it is folded: the live edition under the version's own name; the previously live edition as `.kept`;
and, during a rebuild, a new edition as `.filling`, or the kept edition that is brought up to date as `.returning`.

Each step locks these rows, checks them and moves them. So a process killed between any two steps leaves a state from
which another continues, and if two processes rebuild at once, one of them gets `CheckpointMoved`.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.errors import CheckpointMoved
from events.log import log, subscriptions
from events.log.subscriptions import Reader
from events.log.tables import log as events
from events.log.tables import subscriptions as readers
from projections import seen, shape
from projections.fold import Folded, Key, TableFold
from projections.projection import Projection
from projections.rows import EDITION
from projections.seen import Happened

FILLING, RETURNING, KEPT = ".filling", ".returning", ".kept"
PAGE_EVENTS = 10_000
LAST_EVENTS = 500  # at most so many are folded while the live subscription waits
CLEARED_ROWS = 10_000
REMEMBERED_ROWS_MAX = 50_000

_EVENTS = (
    sa.select(
        events.c.position, events.c.workspace, events.c.type, events.c.stream, events.c.time, events.c.data
    )
    .where(events.c.position > sa.bindparam("after"))
    .order_by(events.c.position)
    .limit(sa.bindparam("limit"))
)


class NothingKept(Exception):
    """There is no previous edition to return to."""


class Filling(Struct, frozen=True):
    """An edition that is being filled: the name of its checkpoint, and its position."""

    projection: Projection
    name: str
    edition: int
    position: int


class Page(Struct, frozen=True):
    """A page of the log, folded: the rows that its events change.

    Attributes:
        fillings: The editions for which the page was folded, at their positions before it.
        end: Their position after the page.
        rows: The rows to write: for each edition, a list with the rows of each of its tables.
    """

    fillings: Sequence[Filling]
    end: int
    rows: Sequence[Sequence[Folded]]

    def after(self, fillings: Sequence[Filling]) -> list[Filling]:
        """Return the editions at their positions after the page is stored."""
        return [replace(each, position=self.end) if each in self.fillings else each for each in fillings]


class Memory:
    """A cache of folded rows: each row is read at most once, and never if the edition was folded from its start here."""

    def __init__(self, fillings: Sequence[Filling]) -> None:
        self._whole = {
            table.name for filling in fillings if not filling.position for table in filling.projection.tables
        }
        self._rows: dict[str, dict[Key, Any]] = {}

    def recall(
        self, connection: sa.Connection, part: TableFold, edition: int, keys: Collection[Key]
    ) -> dict[Key, Any]:
        """Return the cached rows of a table, among them all existing rows with these keys."""
        rows = self._rows.setdefault(part.table.name, {})
        if part.table.name not in self._whole:
            missing = [key for key in keys if key not in rows]
            rows.update(part.load(connection, edition, missing))
        return rows

    def trim(self) -> None:
        """Empty the cache if it has too many rows. All of them have to be stored."""
        if sum(map(len, self._rows.values())) > REMEMBERED_ROWS_MAX:
            self._rows.clear()
            self._whole.clear()


def begin(
    connection: sa.Connection, projections: Sequence[Projection], holder: str, now: datetime, *, back: bool
) -> list[Filling] | None:
    """Begin to fill an edition of each projection, or continue with editions that were begun.

    Args:
        connection: A connection in a transaction.
        projections: The projections to fill.
        holder: This process's name in leases.
        now: The time.
        back: Whether to bring the previous edition up to date, instead of filling a new one.

    Returns:
        The editions to fill; None if another process fills them.

    Raises:
        NothingKept: `back` was given, and there is no previous edition.
    """
    known = _known(connection, projections)
    under_way = [each.name for each in _fillings(projections, known)]
    if any(subscriptions.lease(connection, name, holder, now) is None for name in under_way):
        return None
    for projection in projections:
        _choose(connection, projection, known, back=back)
    chosen = list(_fillings(projections, _known(connection, projections)))
    for filling in chosen:
        subscriptions.lease(connection, filling.name, holder, now)
    return chosen


def _choose(
    connection: sa.Connection, projection: Projection, known: dict[str, Reader], *, back: bool
) -> None:
    """Ensure that the edition being filled is the requested one: the previous edition, or a new one."""
    filling, returning, kept = (projection.versioned + what for what in (FILLING, RETURNING, KEPT))
    if (returning if back else filling) in known:
        return
    if back:
        if kept not in known:
            raise NothingKept(f"{projection.name} has no previous rows")
        _drop(connection, filling)
        _rename(connection, kept, returning)
    else:
        _rename(connection, returning, kept)
        used = [reader.edition for reader in _known(connection, [projection]).values()]
        used += [edition for table in projection.tables for edition in _editions(connection, table)]
        subscriptions.begin(connection, filling, 1 + max(used, default=0))


def read(connection: sa.Connection, fillings: Sequence[Filling], memory: Memory) -> Page | None:
    """Read and fold the next page of the log for the editions with the lowest position; None at the end of the log.

    The page ends at the position of the next edition, so that all editions then continue together.
    """
    first = min(filling.position for filling in fillings)
    next_ones = [filling for filling in fillings if filling.position == first]
    met = min((filling.position for filling in fillings if filling.position > first), default=None)
    return _folded(connection, next_ones, memory, PAGE_EVENTS, met)


def store(connection: sa.Connection, page: Page, holder: str, now: datetime) -> None:
    """Write a page, and move the positions of its editions.

    Raises:
        CheckpointMoved: Another process has moved them meanwhile.
    """
    for filling in page.fillings:
        subscriptions.move(connection, filling.name, filling.position, page.end, holder, now)
    _write(connection, page)


def take_over(connection: sa.Connection, fillings: Sequence[Filling], memory: Memory) -> bool:
    """Make the filled editions live, if they have reached the position of the live ones.

    The live subscription waits for this transaction, and continues with the new edition. The previous edition is kept.

    Returns:
        Whether they took over; if not, more of the log has to be folded.

    Raises:
        CheckpointMoved: Another process has filled them meanwhile.
    """
    projections = [filling.projection for filling in fillings]
    known = _known(connection, projections)
    if [(each.edition, each.position) for each in _fillings(projections, known)] != [
        (each.edition, each.position) for each in fillings
    ]:
        raise CheckpointMoved("Another process fills the read models")
    position, *others = {filling.position for filling in fillings}
    lives = [known.get(projection.versioned) for projection in projections]
    head = log.head(connection) if None in lives else 0
    until = max(live.position if live else head for live in lives)
    if others:
        return False
    if position < until:
        page = _folded(connection, fillings, memory, LAST_EVENTS, until, reaching=True)
        if page is None:
            return False
        _write(connection, page)
    for filling, live in zip(fillings, lives, strict=True):
        _swap(connection, filling, live, max(position, until))
        if live is None:
            shape.show(connection, filling.projection)
    return True


def is_filling(connection: sa.Connection, projections: Sequence[Projection]) -> bool:
    """Return whether an edition of any of the projections is being filled."""
    known = subscriptions.checkpoints(connection)
    return any(
        projection.versioned + what in known for projection in projections for what in (FILLING, RETURNING)
    )


def clear(connection: sa.Connection, projections: Sequence[Projection]) -> bool:
    """Delete some rows of editions that are neither live, kept nor being filled; return whether there may be more.

    No rebuild can begin meanwhile: it might take the number of an edition whose last rows are being deleted.
    """
    for projection in projections:
        needed = {reader.edition for reader in _known(connection, [projection]).values()}
        for table in projection.tables:
            for edition in _editions(connection, table):
                if edition not in needed:
                    _delete(connection, table, edition)
                    return True
    return False


def _known(connection: sa.Connection, projections: Sequence[Projection]) -> dict[str, Reader]:
    names = [
        projection.versioned + what for projection in projections for what in ("", FILLING, RETURNING, KEPT)
    ]
    return subscriptions.lock_existing(connection, names)


def _fillings(projections: Sequence[Projection], known: dict[str, Reader]) -> Iterator[Filling]:
    for projection in projections:
        for what in (FILLING, RETURNING):
            reader = known.get(projection.versioned + what)
            if reader is not None:
                yield Filling(projection, reader.name, reader.edition, reader.position)


def _folded(
    connection: sa.Connection,
    fillings: Sequence[Filling],
    memory: Memory,
    limit: int,
    until: int | None,
    *,
    reaching: bool = False,
) -> Page | None:
    """Read and fold up to `limit` events, none beyond `until`.

    The folded rows are in `memory` from then on, so the caller has to store the page.

    Returns:
        The page; None if there are no such events, or if `reaching` is set and they do not reach `until`.
    """
    found = connection.execute(_EVENTS, {"after": fillings[0].position, "limit": limit}).all()
    if until is not None:
        found = [row for row in found if row[0] <= until]
    if not found or (reaching and found[-1][0] != until):
        return None
    types = frozenset(kind for filling in fillings for kind in filling.projection.types)
    batch = [
        Happened(position, workspace, kind, stream, time, seen.payload(kind, data))
        for position, workspace, kind, stream, time, data in found
        if kind in types
    ]
    rows = [
        [
            part.folded(batch, partial(memory.recall, connection, part, filling.edition))
            for part in filling.projection.parts
        ]
        for filling in fillings
    ]
    return Page(fillings, found[-1][0], rows)


def _write(connection: sa.Connection, page: Page) -> None:
    for filling, of_parts in zip(page.fillings, page.rows, strict=True):
        for part, rows in zip(filling.projection.parts, of_parts, strict=True):
            part.store(connection, filling.edition, rows)


def _swap(connection: sa.Connection, filling: Filling, live: Reader | None, position: int) -> None:
    name = filling.projection.versioned
    _drop(connection, filling.name)
    _drop(connection, name + KEPT)
    new: dict[str, Any] = {"position": position, "edition": filling.edition}
    if live is None:
        connection.execute(readers.insert().values(name=name, **new))
        return
    connection.execute(
        readers.insert().values(name=name + KEPT, position=live.position, edition=live.edition)
    )
    connection.execute(readers.update().where(readers.c.name == name).values(**new))


def _rename(connection: sa.Connection, name: str, to: str) -> None:
    connection.execute(readers.update().where(readers.c.name == name).values(name=to))


def _drop(connection: sa.Connection, name: str) -> None:
    connection.execute(readers.delete().where(readers.c.name == name))


def _editions(connection: sa.Connection, table: sa.Table) -> list[int]:
    """Return the numbers of the editions in a table, by one look-up in the primary key for each."""
    edition = table.c[EDITION]
    found: list[int] = []
    while (
        each := connection.scalar(sa.select(sa.func.min(edition)).where(edition > (found or [-1])[-1]))
    ) is not None:
        found.append(each)
    return found


def _delete(connection: sa.Connection, table: sa.Table, edition: int) -> None:
    """Delete the first rows of an edition by a range of keys, which is far faster than row by row."""
    key = [column for column in table.primary_key if column.name != EDITION]
    of_edition = table.c[EDITION] == edition
    ordered = sa.select(*key).where(of_edition).order_by(*key)
    end = connection.execute(ordered.limit(1).offset(CLEARED_ROWS)).first()
    some = table.delete().where(of_edition)
    connection.execute(some if end is None else some.where(sa.tuple_(*key) < sa.tuple_(*end)))
