"""The journal of a company: every change of every object, in order."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

Changed = Literal["Create", "Update", "Delete", "Void", "Merge", "Emailed"]


class Change(Struct, frozen=True):
    """One change of one object.

    Attributes:
        at: When, in UTC.
        entity: The entity, such as `Invoice`.
        identifier: The object's Id.
        operation: The kind of change.
        by: The Id of the user who made it.
        notified: Whether QuickBooks sends a notification of it.
        deleted_id: The Id that is gone after a merge.
    """

    at: datetime
    entity: str
    identifier: str
    operation: Changed
    by: str
    notified: bool = True
    deleted_id: str | None = None


class Journal:
    """The changes of a company; positions count from 0."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def __len__(self) -> int:
        """Return the number of changes, which is the position of the next."""
        return len(self._changes)

    def append(self, change: Change) -> None:
        """Add a change."""
        self._changes.append(change)

    def after(self, position: int) -> Sequence[Change]:
        """Return the changes from a position on."""
        return self._changes[position:]

    def since(self, instant: datetime) -> Sequence[Change]:
        """Return the changes at or after an instant."""
        return self._changes[bisect_left(self._changes, instant, key=lambda change: change.at) :]

    def truncate(self, position: int) -> None:
        """Forget the changes from a position on, because the books were restored."""
        del self._changes[position:]
