"""The former states of objects, for queries that lag behind the books."""

from datetime import datetime, timedelta

from worker.sandbox.books.ledger import Key
from worker.sandbox.schema.kinds import Fields


class FormerStates:
    """The states of objects before their last changes; None before an object was created."""

    def __init__(self) -> None:
        self._states: dict[Key, list[tuple[datetime, Fields | None]]] = {}

    def keep(self, key: Key, before: Fields | None, at: datetime, lag: timedelta) -> None:
        """Keep the state before a change, and drop those that no query shows any more."""
        states = [state for state in self._states.get(key, ()) if state[0] > at - lag]
        self._states[key] = [*states, (at, before)]

    def at(self, key: Key, instant: datetime, present: Fields | None) -> Fields | None:
        """Return an object as it was at an instant; as it is at present if it has not changed since."""
        return next((before for changed, before in self._states.get(key, ()) if changed > instant), present)

    def changed(self, entity: str) -> list[str]:
        """Return the Ids of the objects of an entity that were changed, also of those that are gone."""
        return [identifier for name, identifier in self._states if name == entity]
