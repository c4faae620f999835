"""Fold the log again beside the database, to compare the results."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from events.log import log, subscriptions
from events.log.tables import metadata
from projections.all import PROJECTIONS
from worker.quote_to_cash import manager
from worker.quote_to_cash.store import process_state, process_waits

PAGE_EVENTS = 200
READ_MODELS = [projection.subscription for projection in PROJECTIONS]
SHOWN: tuple[sa.Subquery | sa.Table, ...] = (
    *(shown for projection in PROJECTIONS for shown in projection.live),
    process_state,
    process_waits,
)


@contextmanager
def refolded(store: sa.Connection, now: datetime) -> Iterator[sa.Connection]:
    """Fold the database's log, up to each subscription's position, into tables in memory."""
    checkpoints = subscriptions.checkpoints(store)
    with _engine().connect() as scratch, scratch.begin() as transaction:
        live = subscriptions.lock(scratch, [subscription.name for subscription in READ_MODELS])
        position = 0
        while page := log.read(store, after=position, limit=PAGE_EVENTS):
            for subscription in READ_MODELS:
                until = checkpoints.get(subscription.name, 0)
                if handled := [recorded for recorded in page if recorded.position <= until]:
                    subscription.take(scratch, handled, now, live[subscription.name].edition)
            position = page[-1].position
        manager.fold(store, scratch)
        try:
            yield scratch
        finally:
            transaction.rollback()


def differences(store: sa.Connection, scratch: sa.Connection) -> Iterator[str]:
    """Yield the rows that differ between the database and the fold of its log."""
    for table in SHOWN:
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
