"""Every projection: its subscription, and the tables that a rebuild empties."""

import sqlalchemy as sa
from msgspec import Struct

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


def empty(connection: sa.Connection, projection: Projection) -> None:
    """Empty a read model and send its subscription back to the beginning of the log."""
    connection.execute(projection.table.delete())
    subscriptions.reset(connection, projection.subscription.name)


def drifted(connection: sa.Connection) -> list[str]:
    """Name the read models whose tables are not there, or not what the code says."""
    inspector = sa.inspect(connection)
    return [
        projection.table.name
        for projection in PROJECTIONS
        if _kept(inspector, projection.table) != _wanted(connection, projection.table)
    ]


def prepare(connection: sa.Connection) -> list[str]:
    """Make those tables anew that have drifted, to be filled from the log; return their names."""
    names = drifted(connection)
    for projection in PROJECTIONS:
        if projection.table.name in names:
            projection.table.drop(connection, checkfirst=True)
            projection.table.create(connection)
            subscriptions.reset(connection, projection.subscription.name)
    return names


Columns = dict[str, tuple[str, bool]]


def _kept(inspector: sa.Inspector, table: sa.Table) -> tuple[Columns, list[str], set[str]] | None:
    if not inspector.has_table(table.name):
        return None
    columns = {
        column["name"]: (column["type"].compile(inspector.dialect), column["nullable"])
        for column in inspector.get_columns(table.name)
    }
    indexes = {str(index["name"]) for index in inspector.get_indexes(table.name)}
    return columns, inspector.get_pk_constraint(table.name)["constrained_columns"], indexes


def _wanted(connection: sa.Connection, table: sa.Table) -> tuple[Columns, list[str], set[str]]:
    columns = {
        column.name: (column.type.compile(connection.dialect), bool(column.nullable)) for column in table.c
    }
    return (
        columns,
        [column.name for column in table.primary_key],
        {str(index.name) for index in table.indexes},
    )
