"""Where the rows of a read model are: a table for each version, in it an edition beside the other.

One edition is live: the one that the version's subscription writes. A rebuild fills another beside it, and
takes over by writing its number into the subscription's row; so no table changes, and no reader waits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from events.log.tables import metadata, subscriptions

EDITION = "edition"


def versioned(name: str, version: int) -> str:
    """Name a version of a projection, of its table and of its subscription."""
    return f"{name}_v{version}"


def table(
    name: str, version: int, *columns: sa.Column[Any], indexes: Mapping[str, Sequence[str]] | None = None
) -> sa.Table:
    """Return the table that holds all editions of a version.

    Args:
        name: What its live rows are called, as a view.
        version: The projection's.
        columns: Those of a row; its key comes first.
        indexes: For each index the columns that a reader finds rows by, beside the key.
    """
    called = versioned(name, version)
    return sa.Table(
        called,
        metadata,
        sa.Column(EDITION, sa.BigInteger, primary_key=True, autoincrement=False),
        *columns,
        *(sa.Index(f"{called}_{key}", EDITION, *found) for key, found in (indexes or {}).items()),
        info={"view": name},
        sqlite_with_rowid=False,  # rows lie in the order of their key, in one tree rather than two
    )


def live(of: sa.Table, projection: str | None = None) -> sa.Subquery:
    """Return the live rows of a table, without their edition, as something to select from.

    Args:
        of: The table.
        projection: The versioned name of its projection, if the table is called otherwise.
    """
    shown = (column for column in of.c if column.name != EDITION)
    written = sa.select(subscriptions.c.edition).where(subscriptions.c.name == (projection or of.name))
    return sa.select(*shown).where(of.c[EDITION] == written.scalar_subquery()).subquery(of.info["view"])
