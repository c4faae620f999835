"""A projection: versioned tables that one subscription folds from the log and keeps up to date."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from events.contract.envelope import Recorded
from events.log.subscriptions import Subscription
from projections import rows
from projections.fold import TableFold, write
from projections.seen import seen


class SqlView(Struct, frozen=True):
    """A view in the database for other programs, with a name that stays the same over all versions."""

    name: str
    select: sa.Select[tuple[object, ...]]


class Projection(Struct, frozen=True):
    """A read model.

    Attributes:
        name: Its name, the same for all versions.
        version: Increased when its tables or their folds change.
        parts: Its tables with their folds.
        more_views: Further views, beside the views of its tables' live rows.
    """

    name: str
    version: int
    parts: tuple[TableFold, ...]
    more_views: tuple[SqlView, ...] = ()

    @property
    def versioned(self) -> str:
        """The name of this version, and of its subscription."""
        return rows.versioned(self.name, self.version)

    @property
    def tables(self) -> tuple[sa.Table, ...]:
        """Its tables."""
        return tuple(part.table for part in self.parts)

    @property
    def live(self) -> tuple[sa.Subquery, ...]:
        """A subquery of the live rows of each table."""
        return tuple(rows.live(table, self.versioned) for table in self.tables)

    @property
    def views(self) -> tuple[SqlView, ...]:
        """Its views: one for the live rows of each table, and `more_views`."""
        return (*(SqlView(shown.name, sa.select(shown)) for shown in self.live), *self.more_views)

    @property
    def types(self) -> frozenset[str]:
        """The types of events that change its rows."""
        return frozenset(kind for part in self.parts for kind in part.types)

    @property
    def subscription(self) -> "ReadModel":
        """The subscription that keeps its live rows up to date."""
        return ReadModel(self.versioned, _no_edition, parts=self.parts, types=self.types)


class ReadModel(Subscription, frozen=True, kw_only=True):
    """The subscription of a projection."""

    parts: tuple[TableFold, ...]
    types: frozenset[str]

    def take(
        self, connection: sa.Connection, batch: Sequence[Recorded], _now: datetime, edition: int
    ) -> None:
        """Fold a batch into the rows of an edition."""
        happened = [seen(recorded) for recorded in batch if recorded.event.type in self.types]
        if happened:
            for part in self.parts:
                write(connection, part, happened, edition)


def _no_edition(_connection: sa.Connection, _batch: Sequence[Recorded], _now: datetime) -> None:
    raise TypeError("A read model is written edition by edition")
