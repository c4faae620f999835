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
