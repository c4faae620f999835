"""A projection whose rows are folded from the events that concern them.

A batch is folded in memory and each changed row is written once. Nothing but the log goes in, so folding
the whole log from the beginning gives the same rows, byte for byte.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy.types import TypeDecorator

from events import bulk
from events.envelope import Recorded
from events.subscriptions import Subscription

Row = TypeVar("Row", bound=Struct)
Key = tuple[str, ...]


class Money(TypeDecorator[Decimal]):
    """An exact amount; text where the database has no exact numbers."""

    impl = sa.Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Use text on SQLite, whose numbers are binary floats."""
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else sa.Numeric())

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Decimal | None], str | None] | None:
        """Write it exactly, as PostgreSQL's driver does by itself."""
        return _written if dialect.name == "sqlite" else None

    def result_processor(
        self, dialect: sa.Dialect, _coltype: object
    ) -> Callable[[str | None], Decimal | None] | None:
        """Read it exactly, as PostgreSQL's driver does by itself."""
        return _read if dialect.name == "sqlite" else None


def _written(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _read(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


class Fold(Struct, Generic[Row], frozen=True):
    """How rows of `table` follow from events.

    Attributes:
        name: The name of the projection and of its subscription.
        table: Where the rows are; its primary key is the workspace and then the key.
        row: The struct of a row without its primary key; every field has a default.
        keys: For each type of event, the rows it concerns.
        fold: The row after an event, from the row before it.
    """

    name: str
    table: sa.Table
    row: type[Row]
    keys: dict[str, Callable[[Any], Iterable[Key]]]
    fold: Callable[[Row, Key, Recorded, Any], Row]

    def subscription(self) -> Subscription:
        """Return the subscription that keeps the rows up to date."""
        return Subscription(self.name, self._handle)

    def _handle(self, connection: sa.Connection, batch: Sequence[Recorded], _now: datetime) -> None:
        concerned: dict[Key, list[tuple[Recorded, Any]]] = {}
        for recorded in batch:
            event = recorded.event
            if (keys := self.keys.get(event.type)) is not None:
                payload = event.payload
                for key in keys(payload):
                    concerned.setdefault((event.workspace, *key), []).append((recorded, payload))
        places = sorted(concerned)
        before = self._load(connection, places)
        names = [column.name for column in self.table.primary_key]
        written = []
        for place in places:
            row, key = before.get(place) or self.row(), place[1:]
            for recorded, payload in concerned[place]:
                row = self.fold(row, key, recorded, payload)
            written.append(dict(zip(names, place, strict=True)) | asdict(row))
        bulk.upsert(connection, self.table, written)

    def _load(self, connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, Row]:
        primary = [self.table.c[column.name] for column in self.table.primary_key]
        others = [self.table.c[name] for name in self.row.__struct_fields__]
        found = bulk.fetch(connection, [*primary, *others], primary, keys)
        return {tuple(row[: len(primary)]): self.row(*row[len(primary) :]) for row in found}
