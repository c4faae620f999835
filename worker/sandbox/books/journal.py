"""The change journal of a company: each change of an object, in the order in which it happened.

Change data capture, webhooks, deletions and snapshots are derived from it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

Operation = Literal["Create", "Update", "Delete", "Void", "Merge", "Emailed"]


class Change(Struct, frozen=True):
    """One change of one object.

    Attributes:
        at: The sandbox's instant, in UTC.
        entity: The object's entity, such as "Invoice".
        identifier: Its Id; after a merge, the Id of the object that is left.
        operation: The change.
        by: The Id of the user: 1 is the one who connected the app, 2 the accountant.
        notified: False for a change that QuickBooks does not announce, such as that of an invoice whose payment was unlinked.
        deleted_id: The Id that is gone after a merge.
    """

    at: datetime
    entity: str
    identifier: str
    operation: Operation
    by: str
    notified: bool = True
    deleted_id: str | None = None


class Journal:
    """The changes of a company. Positions count from 0: a position is the number of the changes before it."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        # The latest instant up to each change. Unlike the instants themselves, these never go back with a clock.
        self._latest: list[datetime] = []

    def __len__(self) -> int:
        return len(self._changes)

    def append(self, change: Change) -> None:
        """Add a change."""
        self._changes.append(change)
        self._latest.append(max(self._latest[-1], change.at) if self._latest else change.at)

    def after(self, position: int) -> Sequence[Change]:
        """Return the changes from a position on."""
        return self._changes[position:]

    def since(self, instant: datetime) -> Sequence[Change]:
        """Return the changes at or after an instant."""
        first = bisect_left(self._latest, instant)
        return [change for change in self._changes[first:] if change.at >= instant]

    def truncate(self, position: int) -> None:
        """Forget the changes from a position on, for a restored snapshot of the books."""
        del self._changes[position:]
        del self._latest[position:]
