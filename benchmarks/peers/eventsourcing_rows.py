"""`eventsourcing`, building our four read models: the same rows, by the loop of its runner.

It handles one event a transaction and stores its position in each, as its runner does; that is its design. To its
advantage, our own functions decode and fold the events, rows are cached so that none is read back, and only the first
events of the log are handled, since all would take minutes.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any, ClassVar

import sqlalchemy as sa
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.sqlite import SQLiteTrackingRecorder
from psycopg.sql import SQL
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from benchmarks.peers.eventsourcing_store import PAGE, Store
from benchmarks.peers.line import Answer, serve
from projections import seen
from projections.all import PROJECTIONS
from projections.fold import Folded, TableFold, Written
from projections.seen import Happened

WORKSPACE = "acme"
TIME = datetime(2026, 5, 5, 12, tzinfo=UTC)
PARTS: list[TableFold] = [part for projection in PROJECTIONS for part in projection.parts]
SQLITE: sa.Dialect = sqlite.dialect()
POSTGRESQL: sa.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy has no types there
Changes = Sequence[tuple[TableFold, Folded]]


class _Upsert:
    """The upsert of a table: the text of the statement, and the converter of each value."""

    def __init__(self, table: sa.Table, dialect: sa.Dialect, mark: str) -> None:
        names = [column.name for column in table.c]
        key = [column.name for column in table.primary_key]
        changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
        self.text = (
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"  # noqa: S608
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
        )
        found = (column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.c)
        self._converters: list[Callable[[Any], Any] | None] = list(found)

    def values(self, row: Written) -> list[Any]:
        converted = zip((0, *row), self._converters, strict=True)
        return [value if converter is None else converter(value) for value, converter in converted]


def _statements(dialect: sa.Dialect) -> list[str]:
    made: list[Any] = []
    for part in PARTS:
        made += [CreateTable(part.table, if_not_exists=True)]
        made += [CreateIndex(index, if_not_exists=True) for index in part.table.indexes]
    return [str(each.compile(dialect=dialect)) for each in made]


class SqliteRows(SQLiteTrackingRecorder):
    """The read models on SQLite."""

    upserts: ClassVar = {part.table.name: _Upsert(part.table, SQLITE, "?") for part in PARTS}

    def construct_create_table_statements(self) -> list[str]:
        """Add the tables."""
        return [*super().construct_create_table_statements(), *_statements(SQLITE)]

    def put(self, changes: Changes, tracking: Tracking) -> None:
        """Store rows and the position, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            for part, rows in changes:
                upsert = self.upserts[part.table.name]
                for row in (*rows.added, *rows.changed):
                    cursor.execute(upsert.text, upsert.values(row))
            self._insert_tracking(cursor, tracking)


class PostgresRows(PostgresTrackingRecorder):
    """The read models on PostgreSQL."""

    upserts: ClassVar = {part.table.name: _Upsert(part.table, POSTGRESQL, "%s") for part in PARTS}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sql_create_statements += [SQL(text) for text in _statements(POSTGRESQL)]

    def put(self, changes: Changes, tracking: Tracking) -> None:
        """Store rows and the position, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            for part, rows in changes:
                upsert = self.upserts[part.table.name]
                for row in (*rows.added, *rows.changed):
                    cursor.execute(upsert.text, upsert.values(row), prepare=True)
            self._insert_tracking(cursor, tracking)


_stores: list[tuple[Store, dict[str, str]]] = []
_rounds = iter(range(1_000_000))


def open_store(environment: dict[str, str]) -> Answer:
    """Open the peer's store."""
    _stores.append((Store(environment), environment))
    return {}


def append(path: str) -> Answer:
    """Append a file's batches."""
    store = _stores[-1][0]
    for batch in store.stored(path):
        store.application.recorder.insert_events(batch)
    return {}


def build(events: int) -> Answer:
    """Build the read models from the first events of the log, one transaction each."""
    store, environment = _stores[-1]
    recorder, mapper = store.application.recorder, store.application.mapper
    on_sqlite = environment["PERSISTENCE_MODULE"] == "eventsourcing.sqlite"
    view: Any = store.application.factory.tracking_recorder(SqliteRows if on_sqlite else PostgresRows)
    name = f"round-{next(_rounds)}"  # a name without a position yet
    remembered: dict[str, dict[Any, Any]] = {part.table.name: {} for part in PARTS}
    done = handled = 0
    started = perf_counter()
    while handled < events:
        for notification in recorder.select_notifications(done, PAGE, inclusive_of_start=False):
            event: Any = mapper.to_domain_event(notification)
            payload = seen.payload(event.kind, event.data)
            stream = str(event.originator_id)
            happened = [Happened(notification.id, WORKSPACE, event.kind, stream, TIME, payload)]
            changes = [
                (part, part.folded(happened, partial(_recall, remembered[part.table.name])))
                for part in PARTS
                if event.kind in part.types
            ]
            done = notification.id
            view.put(changes, Tracking(name, done))
            handled += 1
    return {"seconds": perf_counter() - started, "events": handled}


def _recall(remembered: dict[Any, Any], _keys: Collection[Any]) -> dict[Any, Any]:
    return remembered


if __name__ == "__main__":
    serve({"open": open_store, "append": append, "build": build})
