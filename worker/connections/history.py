"""The connections of a workspace, as the log has them."""

import msgspec
import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import ConnectionAuthorized
from events.log.tables import log

_LAST = (
    sa.select(log.c.data)
    .where(
        log.c.workspace == sa.bindparam("workspace_"),
        log.c.stream == "workspace",
        log.c.type == catalog.CONNECTION_AUTHORIZED,
    )
    .order_by(log.c.position.desc())
    .limit(1)
)


def last_connected(connection: sa.Connection, workspace: str) -> ConnectionAuthorized | None:
    """Return the last connection that a person made, whether or not it has ended; None if there was none."""
    data = connection.scalar(_LAST, {"workspace_": workspace})
    return None if data is None else msgspec.json.decode(data, type=ConnectionAuthorized)


def named(connected: ConnectionAuthorized) -> str:
    """Return the name of a company in a sentence: `Craig's Consulting (QuickBooks company 123)`."""
    company = f"QuickBooks company {connected.realm}"
    return f"{connected.company} ({company})" if connected.company else company
