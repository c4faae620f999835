"""The process manager as a subscription: its state, events and commands are stored in one transaction."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from events.contract.envelope import Event, Recorded
from events.log import log, subscriptions
from events.log.subscriptions import Subscription
from worker.commands import table
from worker.quote_to_cash import reconsiderations
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.decide import (
    Decision,
    decide,
    has_consequences,
    is_own,
    read_of,
    reconsider,
    streams,
    waited_on,
)
from worker.quote_to_cash.evolve import evolve
from worker.quote_to_cash.reconsiderations import Reconsideration
from worker.quote_to_cash.store import StateStore, process_state, process_waits
from worker.quote_to_cash.view import WORKSPACE

NAME = "quote_to_cash"


def handle(connection: sa.Connection, batch: Sequence[Recorded], now: datetime) -> None:
    """Decide about a batch of events. Decisions come first, so that the log's lock is acquired as late as possible."""
    stores = _stores(connection, batch)
    decisions = [
        (recorded.event, decide(stores[recorded.event.workspace], recorded.event)) for recorded in batch
    ]
    _keep(connection, stores, decisions, now)
    changes = [
        Reconsideration(recorded.event.workspace, recorded.position, key)
        for recorded, (_, decision) in zip(batch, decisions, strict=True)
        for key in decision.many_wait_on
    ]
    reconsiderations.queue(connection, changes)


def go_on(connection: sa.Connection, workspace: str, limit: int, holder: str, now: datetime) -> int | None:
    """Reconsider the next portion of a workspace's oldest queued change, at most `limit` streams.

    Returns:
        The number of streams; None if no change is queued, or another process leads the process manager.
    """
    reader = subscriptions.lock(connection, [NAME])[NAME]
    change = reconsiderations.first(connection, workspace)
    if change is None or subscriptions.is_led_by_other(reader, holder, now):
        return None
    (recorded,) = log.read(connection, after=change.position - 1, limit=1)
    waiting = reconsiderations.portion(connection, change, limit)
    store = StateStore(connection, workspace)
    named = [WORKSPACE, *waiting]
    store.preload(named)
    for more in read_of(store, named):
        store.preload(sorted(more))
    decision = reconsider(store, recorded.event, change.key, waiting)
    _keep(connection, {workspace: store}, [(recorded.event, decision)], now)
    reconsiderations.move(connection, change, waiting, limit)
    return len(waiting)


def _keep(
    connection: sa.Connection,
    stores: dict[str, StateStore],
    decisions: Sequence[tuple[Event, Decision]],
    now: datetime,
) -> None:
    """Store decisions, and the state after them."""
    # Commands before companies before the log, the order in which dispatchers store outcomes; so they never deadlock.
    commanded = [(command, event) for event, decision in decisions for command in decision.commands]
    named = [each for _, decision in decisions for each in decision.named]
    withdrawn = [key for _, decision in decisions for key in decision.withdrawn]
    table.change(connection, named, [*(command.key for command, _ in commanded), *withdrawn], now)
    for name in sorted(stores):
        if stores[name].workspace_changed:
            _put_realm(connection, name, stores[name].get(WorkspaceState))
    log.append_own(connection, [event for _, decision in decisions for event in decision.events], now)
    table.add(connection, commanded, now, withdrawn)
    for store in stores.values():
        store.flush()


def _stores(connection: sa.Connection, batch: Sequence[Recorded]) -> dict[str, StateStore]:
    """Open the state of each workspace of a batch, and load the streams that decisions about its events read."""
    concerned: dict[str, list[Event]] = {}
    for recorded in batch:
        if has_consequences(recorded.event):
            concerned.setdefault(recorded.event.workspace, []).append(recorded.event)
    workspaces = dict.fromkeys(recorded.event.workspace for recorded in batch)
    stores = {workspace: StateStore(connection, workspace) for workspace in workspaces}
    for workspace, decided in concerned.items():
        named = [WORKSPACE, *(stream for event in decided for stream in streams(event))]
        store, spoken_of = stores[workspace], [key for event in decided for key in waited_on(event)]
        store.preload(named, waited_on=spoken_of)
        waiting = {stream for spoken in spoken_of for stream in store.waiting(spoken)}
        store.preload(sorted(waiting - set(named)))
        for more in read_of(store, [*named, *waiting]):
            store.preload(sorted(more))
    return stores


def rebuild(connection: sa.Connection) -> None:
    """Fold the state anew from the log, without new decisions; the process that leads the subscription waits meanwhile."""
    subscriptions.lock(connection, [NAME])
    connection.execute(process_state.delete())
    connection.execute(process_waits.delete())
    fold(connection, connection)


def fold(log_of: sa.Connection, state_of: sa.Connection) -> None:
    """Fold the log of one connection into the empty state of another, up to the checkpoint of its decisions.

    Our own events are also folded beyond the checkpoint, since they were folded when they were decided.
    """
    checkpoint = subscriptions.checkpoints(log_of).get(NAME, 0)
    stores: dict[str, StateStore] = {}
    position = 0
    while batch := log.read(log_of, after=position, limit=SUBSCRIPTION.batch_size):
        for recorded in batch:
            event = recorded.event
            if recorded.position <= checkpoint or is_own(event):
                evolve(stores.setdefault(event.workspace, StateStore(state_of, event.workspace)), event)
        position = batch[-1].position
    for store in stores.values():
        store.flush()


def _put_realm(connection: sa.Connection, workspace: str, state: WorkspaceState) -> None:
    if state.connection is None:
        return
    realm = table.Realm(
        realm=state.connection.realm,
        workspace=workspace,
        connected=state.is_connected,
        paused=state.settings.paused,
        time_zone=state.settings.time_zone,
        sync_frequency=state.settings.sync_frequency,
        batches_since=state.batches_since,
    )
    table.put_realm(connection, realm)


SUBSCRIPTION = Subscription(NAME, handle)
