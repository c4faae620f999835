"""A projection: tables whose rows follow from the log, under a version, kept up to date by one subscription."""

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
    """What others may select from in the database, under a name that stays."""

    name: str
    select: sa.Select[tuple[object, ...]]


class Projection(Struct, frozen=True):
    """A read model.

    Attributes:
        name: Its name, whatever its version.
        version: Counts up when its tables change, or rows follow from events in another way.
        parts: Its tables, with how their rows follow from events.
        more_views: Views beside those of the live rows of each table.
    """

    name: str
    version: int
    parts: tuple[TableFold, ...]
    more_views: tuple[SqlView, ...] = ()

    @property
    def versioned(self) -> str:
        """The name of this version, which its subscription has too."""
        return rows.versioned(self.name, self.version)

    @property
    def tables(self) -> tuple[sa.Table, ...]:
        """Its tables."""
        return tuple(part.table for part in self.parts)

    @property
    def live(self) -> tuple[sa.Subquery, ...]:
        """The live rows of each table."""
        return tuple(rows.live(table, self.versioned) for table in self.tables)

    @property
    def views(self) -> tuple[SqlView, ...]:
        """Its views: one of the live rows of each table, and others."""
        return (*(SqlView(shown.name, sa.select(shown)) for shown in self.live), *self.more_views)

    @property
    def types(self) -> frozenset[str]:
        """The types of events that concern it."""
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
