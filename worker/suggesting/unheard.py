"""What happened since the subscription's position that could change a comparison.

An answer on which something is created is valid at its place in the log only if it knows every event before that place.
"""

import sqlalchemy as sa
from msgspec import Struct

from events.database.locks import Lock, acquire
from events.log import log, subscriptions
from worker.suggesting.kinds import ComparedKind
from worker.suggesting.listening import NAME, object_of, told

EVENTS_MAX = 500


class Unheard(Struct, frozen=True):
    """The events of a workspace that the subscription has not handled yet.

    Attributes:
        too_many: Whether there are so many that they were not read.
        entities: QuickBooks' names of the kinds of customers and items of which one was observed.
        sought: The streams of the accounts and products with a change.
    """

    too_many: bool = False
    entities: frozenset[str] = frozenset()
    sought: frozenset[str] = frozenset()

    def knows_all(self, kind: ComparedKind) -> bool:
        """Return whether the subscription has heard of every customer, if it is about accounts, or of every item."""
        return not self.too_many and kind.entity not in self.entities


def unheard(connection: sa.Connection, workspace: str) -> Unheard:
    """Lock the log, and return what the subscription has not heard. Until the transaction ends, nothing else is appended."""
    acquire(connection, Lock.LOG)
    position = subscriptions.checkpoints(connection).get(NAME, 0)
    found = log.read(connection, after=position, limit=EVENTS_MAX, workspace=workspace)
    events = [recorded.event for recorded in found]
    objects = filter(None, map(object_of, events))
    return Unheard(
        too_many=len(events) == EVENTS_MAX,
        entities=frozenset(entity for _, _, entity, _ in objects),
        sought=frozenset(each.stream for event in events for each in told(connection, event)),
    )
