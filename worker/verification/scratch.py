"""The log folded anew beside the store, to compare what comes of it."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

import projections.all
from events import log, subscriptions
from events.tables import metadata
from worker.quote_to_cash import manager
from worker.quote_to_cash.store import process_state, process_waits

PAGE_EVENTS = 200
TABLES = (*(projection.table for projection in projections.all.PROJECTIONS), process_state, process_waits)


@contextmanager
def refolded(store: sa.Connection, now: datetime) -> Iterator[sa.Connection]:
    """Fold the store's log, as far as each subscription got, into tables in memory."""
    checkpoints = subscriptions.checkpoints(store)
    with _engine().connect() as scratch, scratch.begin() as transaction:
        position = 0
        while page := log.read(store, after=position, limit=PAGE_EVENTS):
            for projection in projections.all.PROJECTIONS:
                until = checkpoints.get(projection.subscription.name, 0)
                if handled := [recorded for recorded in page if recorded.position <= until]:
                    projection.subscription.handle(scratch, handled, now)
            position = page[-1].position
        manager.fold(store, scratch)
        try:
            yield scratch
        finally:
            transaction.rollback()


def differences(store: sa.Connection, scratch: sa.Connection) -> Iterator[str]:
    """Say where a table of the store is not what the log folds to."""
    for table in TABLES:
        keys = list(table.primary_key)
        kept = {tuple(row): row for row in store.execute(sa.select(table).order_by(*keys))}
        folded = {tuple(row): row for row in scratch.execute(sa.select(table).order_by(*keys))}
        for row in (kept.keys() ^ folded.keys()) if kept != folded else ():
            place = "the store" if row in kept else "the log folds to"
            yield f"{table.name}: only {place} has {' '.join(str(part) for part in row)[:200]}"


@functools.cache
def _engine() -> sa.Engine:
    engine = sa.create_engine(
        "sqlite://", poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False}
    )
    metadata.create_all(engine)
    return engine
