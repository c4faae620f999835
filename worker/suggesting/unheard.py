"""What happened since the subscription's position that could change a comparison.

An answer on which something is created is valid at its place in the log only if it knows every event before that place.
"""

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.database.locks import Lock, acquire
from events.log import log, subscriptions
from worker.suggesting.accounts import FOLDS
from worker.suggesting.listening import NAME

EVENTS_MAX = 500
_OF_CUSTOMERS = frozenset({catalog.CUSTOMER_OBSERVED, catalog.OBJECT_UNREADABLE})


class Unheard(Struct, frozen=True):
    """The events of a workspace that the subscription has not handled yet.

    Attributes:
        too_many: Whether there are so many that they were not read.
        customers: Whether a customer was observed.
        accounts: The streams of the accounts with a change.
    """

    too_many: bool = False
    customers: bool = False
    accounts: frozenset[str] = frozenset()


def unheard(connection: sa.Connection, workspace: str) -> Unheard:
    """Lock the log, and return what the subscription has not heard. Until the transaction ends, nothing else is appended."""
    acquire(connection, Lock.LOG)
    position = subscriptions.checkpoints(connection).get(NAME, 0)
    found = log.read(connection, after=position, limit=EVENTS_MAX, workspace=workspace)
    events = [recorded.event for recorded in found]
    return Unheard(
        too_many=len(events) == EVENTS_MAX,
        customers=any(event.type in _OF_CUSTOMERS for event in events),
        accounts=frozenset(
            event.stream for event in events if event.type in FOLDS and event.stream.startswith("account/")
        ),
    )
