"""Record a decision of a person that depends on earlier ones: it is checked by the newest state, and appended, in one step."""

from collections.abc import Callable

import sqlalchemy as sa

from events.contract.values import Fact
from events.database.locks import Lock, acquire
from events.log import log, subscriptions
from worker.actions.admin import Admin
from worker.quote_to_cash import manager
from worker.quote_to_cash.decide import is_own
from worker.quote_to_cash.evolve import evolve
from worker.quote_to_cash.store import StateStore
from worker.quote_to_cash.view import View

PAGE_EVENTS = 500
Decide = Callable[[View], tuple[str, Fact]]


async def record(admin: Admin, decide: Decide) -> int:
    """Record the fact that `decide` returns by the newest state; return the position of its event.

    The log is locked meanwhile, so that no other decision comes between.
    """

    def work(connection: sa.Connection) -> int:
        acquire(connection, Lock.LOG)
        return admin.tell(connection, *decide(newest(connection, admin.workspace)))

    return await admin.database.transaction(work)


def newest(connection: sa.Connection, workspace: str) -> StateStore:
    """Return the process manager's state, with the events that it has not followed yet; it is never stored."""
    view = StateStore(connection, workspace)
    position = subscriptions.checkpoints(connection).get(manager.NAME, 0)
    while page := log.read(connection, after=position, limit=PAGE_EVENTS, workspace=workspace):
        for recorded in page:
            if not is_own(recorded.event):  # the state has those
                evolve(view, recorded.event)
        position = page[-1].position
    return view
