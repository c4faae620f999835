"""Every projection: its subscription, and the tables that a rebuild empties."""

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events import subscriptions
from events.subscriptions import Subscription
from projections.deals import DEALS
from projections.integration_log import INTEGRATION_LOG, integration_log
from projections.invoices import INVOICES
from projections.mappings import MAPPINGS


class Projection(Struct, frozen=True):
    """A read model: what keeps it up to date, and where it is kept."""

    subscription: Subscription
    table: sa.Table


PROJECTIONS = (
    Projection(DEALS.subscription(), DEALS.table),
    Projection(INVOICES.subscription(), INVOICES.table),
    Projection(MAPPINGS.subscription(), MAPPINGS.table),
    Projection(INTEGRATION_LOG, integration_log),
)
# Many changes of a row make one write, and nobody waits for the first of them.
REBUILDING = tuple(replace(projection.subscription, batch_size=5_000) for projection in PROJECTIONS)


def empty(connection: sa.Connection, projection: Projection) -> None:
    """Empty a read model and send its subscription back to the beginning of the log."""
    subscriptions.reset(connection, projection.subscription.name)  # first: whoever fills it waits
    connection.execute(projection.table.delete())


def drifted(connection: sa.Connection) -> list[str]:
    """Name the read models whose tables are not there, or not what the code says."""
    tables = [projection.table for projection in PROJECTIONS]
    kept = _kept(connection, [table.name for table in tables])
    return [table.name for table in tables if kept.get(table.name) != _wanted(connection, table)]


def prepare(connection: sa.Connection) -> list[str]:
    """Make those tables anew that have drifted, to be filled from the log; return their names."""
    names = drifted(connection)
    for projection in PROJECTIONS:
        if projection.table.name in names:
            projection.table.drop(connection, checkfirst=True)
            projection.table.create(connection)
            subscriptions.reset(connection, projection.subscription.name)
    return names


class _Shape(Struct, frozen=True):
    """What is compared of a table; an inspector tells it the same way on every database."""

    columns: dict[str, tuple[str, bool]]
    key: list[str]
    indexes: dict[str, list[str]]


def _kept(connection: sa.Connection, names: list[str]) -> dict[str, _Shape]:
    inspector = sa.inspect(connection)
    keys = inspector.get_multi_pk_constraint(filter_names=names)
    indexes = inspector.get_multi_indexes(filter_names=names)
    return {
        place[1]: _Shape(
            {
                column["name"]: (column["type"].compile(connection.dialect), column["nullable"])
                for column in columns
            },
            keys[place]["constrained_columns"],
            {str(index["name"]): [str(name) for name in index["column_names"]] for index in indexes[place]},
        )
        for place, columns in inspector.get_multi_columns(filter_names=names).items()
    }


def _wanted(connection: sa.Connection, table: sa.Table) -> _Shape:
    return _Shape(
        {column.name: (column.type.compile(connection.dialect), bool(column.nullable)) for column in table.c},
        [column.name for column in table.primary_key],
        {str(index.name): [column.name for column in index.columns] for index in table.indexes},
    )
