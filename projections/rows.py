"""The tables of read models: one for each version, with several editions of its rows.

One edition is live: the version's subscription writes it. A rebuild fills another edition, which takes over when its
number is written into the subscription's row; so no table changes, and no reader waits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from events.log.tables import metadata, subscriptions

EDITION = "edition"


def versioned(name: str, version: int) -> str:
    """Return the name of a version of a projection, and of its table and subscription."""
    return f"{name}_v{version}"


def table(
    name: str, version: int, *columns: sa.Column[Any], indexes: Mapping[str, Sequence[str]] | None = None
) -> sa.Table:
    """Return the table that holds all editions of a version.

    Args:
        name: The name of the view of its live rows.
        version: The version of its projection.
        columns: The columns of a row; its key comes first.
        indexes: The columns of each index beside the primary key, by the index's name; the second is `workspace`.
    """
    called = versioned(name, version)
    # No index begins with a column of the primary key: before PostgreSQL has statistics of a new table, it would look for
    # a row by its key in such an index, and read every row of the workspace for each row that it finds.
    by_name = {key: (*found[:2], EDITION, *found[2:]) for key, found in (indexes or {}).items()}
    return sa.Table(
        called,
        metadata,
        sa.Column(EDITION, sa.BigInteger, primary_key=True, autoincrement=False),
        *columns,
        *(sa.Index(f"{called}_{key}", *found) for key, found in by_name.items()),
        info={"view": name},
        sqlite_with_rowid=False,  # rows are stored in the order of their key, in one tree instead of two
    )


def live(of: sa.Table, projection: str | None = None) -> sa.Subquery:
    """Return a subquery of the live rows of a table, without their edition.

    Args:
        of: The table.
        projection: The versioned name of its projection, if the table has another name.
    """
    shown = (column for column in of.c if column.name != EDITION)
    written = sa.select(subscriptions.c.edition).where(subscriptions.c.name == (projection or of.name))
    return sa.select(*shown).where(of.c[EDITION] == written.scalar_subquery()).subquery(of.info["view"])
