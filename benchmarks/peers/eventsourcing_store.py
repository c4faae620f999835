"""`eventsourcing`: its recorder, its notifications, and a projection run as by its runner.

To its advantage, its stored events are prepared before the time begins, its appends are as large as ours, and its
projection is one table with one upsert an event, where ours are four read models and the decisions. Its runner handles one
event a transaction; that is its design. On SQLite, whose recorder has no subscriptions, the loop of its runner reads pages
of notifications instead.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent, datetime_now_with_tzinfo
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.sqlite import SQLiteTrackingRecorder
from psycopg.sql import SQL

from benchmarks.peers.line import Answer, serve

PAGE = 1_000
WAIT_SECONDS_MAX = 300.0
_CREATE = "CREATE TABLE IF NOT EXISTS deal_view (deal text PRIMARY KEY, kind text, data text)"
_UPSERT = (
    "INSERT INTO deal_view VALUES ({0}, {0}, {0})"
    " ON CONFLICT (deal) DO UPDATE SET kind = excluded.kind, data = excluded.data"
)


class Happened(DomainEvent):
    """An event of a deal or an account."""

    kind: str
    data: str


class SqliteView(SQLiteTrackingRecorder):
    """A read model on SQLite."""

    def construct_create_table_statements(self) -> list[str]:
        """Add the table."""
        return [*super().construct_create_table_statements(), _CREATE]

    def put(self, event: Happened, tracking: Tracking) -> None:
        """Store a row and the position, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_UPSERT.format("?"), (event.originator_id.hex, event.kind, event.data))
            self._insert_tracking(cursor, tracking)


class PostgresView(PostgresTrackingRecorder):
    """A read model on PostgreSQL."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sql_create_statements.append(SQL(_CREATE))

    def put(self, event: Happened, tracking: Tracking) -> None:
        """Store a row and the position, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_UPSERT.format("%s"), (event.originator_id.hex, event.kind, event.data))
            self._insert_tracking(cursor, tracking)


class Deals(Projection[Any]):
    """Stores the last event of each deal."""

    def __init__(self, view: Any) -> None:
        super().__init__(view)
        self.awaited = 0
        self.arrived = Event()

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Store an event; signal when it is the awaited one."""
        self.view.put(domain_event, tracking)
        if tracking.notification_id >= self.awaited:
            self.arrived.set()


class Store:
    """The peer's application and projection, on one database."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.application = Application[UUID](env=environment)
        self._versions: dict[UUID, Iterator[int]] = {}
        self._runner: ProjectionRunner[Any, Any] | None = None
        self._deals: Deals | None = None

    def stored(self, path: str) -> list[list[StoredEvent]]:
        """Read batches of events from a file, and convert each to the recorder's objects."""
        mapper, now = self.application.mapper, datetime_now_with_tzinfo()
        batches: list[list[list[str]]] = json.loads(Path(path).read_text())
        stored = []
        for batch in batches:
            events = []
            for subject, kind, data in batch:
                of = uuid5(NAMESPACE_URL, subject)
                version = next(self._versions.setdefault(of, count(1)))
                events.append(
                    mapper.to_stored_event(
                        Happened(
                            originator_id=of, originator_version=version, timestamp=now, kind=kind, data=data
                        )
                    )
                )
            stored.append(events)
        return stored

    def follow(self, last: int) -> None:
        """Run the projection until it has handled the event with the ID `last`."""
        if self._environment["PERSISTENCE_MODULE"] == "eventsourcing.sqlite":
            self._follow_pages(last)
            return
        if self._runner is None:
            self._runner = ProjectionRunner(
                application_class=Application,
                projection_class=Deals,
                view_class=PostgresView,
                env=self._environment,
            )
            self._runner.__enter__()
            self._deals = self._runner.projection
        deals = self._deals
        if deals is None:
            raise RuntimeError("The runner has no projection")
        deals.arrived.clear()
        deals.awaited = last
        if (self._runner.view.max_tracking_id(self.application.name) or 0) < last:
            deals.arrived.wait(WAIT_SECONDS_MAX)

    def _follow_pages(self, last: int) -> None:
        recorder, name = self.application.recorder, self.application.name
        if self._deals is None:
            self._deals = Deals(self.application.factory.tracking_recorder(SqliteView))
        done = self._deals.view.max_tracking_id(name) or 0
        while done < last:
            for notification in recorder.select_notifications(done, PAGE, inclusive_of_start=False):
                event = self.application.mapper.to_domain_event(notification)
                self._deals.process_event(event, Tracking(name, notification.id))
                done = notification.id


_stores: list[Store] = []


def open_store(environment: dict[str, str]) -> Answer:
    """Open the peer's store."""
    _stores.append(Store(environment))
    return {}


def append(path: str) -> Answer:
    """Append a file's batches, one transaction each."""
    store = _stores[-1]
    batches = store.stored(path)
    started = perf_counter()
    for batch in batches:
        _insert(store, batch)
    return {"seconds": perf_counter() - started}


def full(path: str) -> Answer:
    """Append a file's batches, and run the projection after each."""
    store = _stores[-1]
    batches = store.stored(path)
    started = perf_counter()
    for batch in batches:
        store.follow(_insert(store, batch))
    return {"seconds": perf_counter() - started}


def _insert(store: Store, batch: Sequence[StoredEvent]) -> int:
    inserted = store.application.recorder.insert_events(batch)
    if not inserted:
        raise RuntimeError("The recorder returns no IDs")
    return int(inserted[-1])


if __name__ == "__main__":
    serve({"open": open_store, "append": append, "full": full})
