"""Fold events into the rows of read models. The log is the only input, so a second fold gives the same rows, byte for byte.

A page of events is folded in memory, and each changed row is written once.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy.types import TypeDecorator

from events.database import bulk
from projections.seen import Happened

Row = TypeVar("Row", bound=Struct)
Key = tuple[str, ...]
Written = tuple[Any, ...]  # the key and the values of a row, without its edition


class Money(TypeDecorator[Decimal]):
    """An exact amount: NUMERIC on PostgreSQL, text on SQLite, which has no exact numbers."""

    impl = sa.Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Use text on SQLite, whose numbers are binary floats."""
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else sa.Numeric())

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Decimal | None], str | None] | None:
        """Write amounts exactly, as PostgreSQL's driver does by itself."""
        return _written if dialect.name == "sqlite" else None

    def result_processor(
        self, dialect: sa.Dialect, _coltype: object
    ) -> Callable[[str | None], Decimal | None] | None:
        """Read amounts exactly, as PostgreSQL's driver does by itself."""
        return _read if dialect.name == "sqlite" else None


def _written(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _read(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


Recall = Callable[[Collection[Key]], dict[Key, Any]]


class Folded(Struct, frozen=True):
    """The rows that a batch of events adds, and those that it changes."""

    added: list[Written] = []
    changed: list[Written] = []


class TableFold(Protocol):
    """A table, and the fold of events into its rows."""

    @property
    def table(self) -> sa.Table:
        """The table."""
        ...

    @property
    def types(self) -> Collection[str]:
        """The types of events that change its rows."""
        ...

    def folded(self, batch: Sequence[Happened], recall: Recall) -> Folded:
        """Return the rows that a batch adds or changes, each once, as they are after the batch.

        `recall` returns the rows before the batch, by key; changed rows are changed in place, and new rows are added there.
        """
        ...

    def load(self, connection: sa.Connection, edition: int, keys: Collection[Key]) -> dict[Key, Any]:
        """Read the rows of an edition by their keys."""
        ...

    def store(self, connection: sa.Connection, edition: int, rows: Folded) -> None:
        """Write the rows of an edition."""
        ...


def write(connection: sa.Connection, part: TableFold, batch: Sequence[Happened], edition: int) -> None:
    """Fold a batch into the rows of an edition."""
    rows = part.folded(batch, partial(part.load, connection, edition))
    part.store(connection, edition, rows)


class Fold(Struct, Generic[Row], frozen=True):
    """A table whose rows change with events.

    Attributes:
        table: The table; its primary key is the edition, the workspace and the key.
        row: The struct of a row without its primary key, in the order of the columns; every field has a default. The
            struct is mutable: replacing a frozen row for each event would make a rebuild half as long again.
        keys: For each type of event, a function that returns the keys of the rows that the event changes.
        fold: Changes a row by its events of a batch.
    """

    table: sa.Table
    row: type[Row]
    keys: Mapping[str, Callable[[Happened], Iterable[Key]]]
    fold: Callable[[Row, Key, Sequence[Happened]], None]

    def __post_init__(self) -> None:
        """Check that a row's fields are in the order of the columns."""
        columns = [column.name for column in self.table.c]
        primary = [column.name for column in self.table.primary_key]
        if columns != [*primary, *self.row.__struct_fields__]:
            raise TypeError(f"{self.row.__name__} does not fit the columns of {self.table.name}")

    @property
    def types(self) -> Collection[str]:
        """The types of events that change its rows."""
        return self.keys.keys()

    def folded(self, batch: Sequence[Happened], recall: Recall) -> Folded:
        """Return the rows that a batch adds or changes, as they are after the batch, in the order of their keys."""
        concerned: dict[Key, list[Happened]] = defaultdict(list)
        of_type = self.keys.get
        for event in batch:
            if (keys := of_type(event.type)) is not None:
                for key in keys(event):
                    concerned[key].append(event)
        folded = Folded()
        rows = recall(concerned.keys()) if concerned else {}
        for key in sorted(concerned):
            row, written = rows.get(key), folded.changed
            if row is None:
                row, written = self.row(), folded.added
                rows[key] = row
            self.fold(row, key, concerned[key])
            written.append(key + astuple(row))
        return folded

    def load(self, connection: sa.Connection, edition: int, keys: Collection[Key]) -> dict[Key, Row]:
        """Read the rows of an edition by their workspace and key."""
        primary = list(self.table.primary_key)
        found = bulk.fetch(connection, list(self.table.c), primary, [(edition, *key) for key in keys])
        return {row[1 : len(primary)]: self.row(*row[len(primary) :]) for row in found}

    def store(self, connection: sa.Connection, edition: int, rows: Folded) -> None:
        """Write the rows of an edition: insert the new ones, and replace the changed ones."""
        bulk.add(connection, self.table, [(edition, *row) for row in rows.added])
        bulk.put(connection, self.table, [(edition, *row) for row in rows.changed])


class Entries(Struct, frozen=True):
    """A table to which each event adds one row; its rows never change.

    Attributes:
        table: The table.
        types: The types of events that add a row.
        entry: Returns the row of an event; None if this one has none.
    """

    table: sa.Table
    types: Collection[str]
    entry: Callable[[Happened], Written | None]

    def folded(self, batch: Sequence[Happened], _recall: Recall) -> Folded:
        """Return the rows that a batch adds."""
        rows = (self.entry(happened) for happened in batch if happened.type in self.types)
        return Folded([row for row in rows if row is not None])

    def load(self, _connection: sa.Connection, _edition: int, _keys: Collection[Key]) -> dict[Key, Any]:
        """Return no rows: a new row does not depend on existing ones."""
        return {}

    def store(self, connection: sa.Connection, edition: int, rows: Folded) -> None:
        """Insert rows into an edition."""
        bulk.add(connection, self.table, [(edition, *row) for row in rows.added])
