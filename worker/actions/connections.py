"""Connect a workspace to a QuickBooks company, and disconnect it."""

from datetime import datetime

import sqlalchemy as sa

from worker.actions.admin import ActionRefused, Admin
from worker.connections import consenting, disconnecting
from worker.connections.disconnecting import Disconnection, NothingConnected
from worker.connections.history import last_connected, named
from worker.connections.standing import connection_of
from worker.quickbooks.gateway import Gateway, credentials
from worker.services import Services


async def begin_consent(services: Services, admin: Admin, *, another_company: bool = False) -> str:
    """Return the URL for an admin of the company to open in a browser; it works once, within ten minutes.

    Unless `another_company` is set, a consent that chooses another company than the workspace had before is refused.

    Raises:
        ConfigurationError: The client ID or secret of the app at Intuit is missing.
    """
    credentials(services.environment)
    return await consenting.begin(services, admin.workspace, by=admin.by, another_company=another_company)


async def disconnect_company(
    services: Services, gateway: Gateway, admin: Admin, why: str | None = None
) -> Disconnection:
    """Disconnect the workspace from its company, and revoke the tokens at Intuit.

    Raises:
        ActionRefused: No company is connected.
    """
    try:
        return await disconnecting.disconnect(services, gateway, admin.workspace, by=admin.by, why=why)
    except NothingConnected:
        raise ActionRefused("connection_missing", "No QuickBooks company is connected.") from None


def stops(connection: sa.Connection, workspace: str, now: datetime) -> str:
    """Return what a disconnect would stop, as sentences; an empty text if no company is connected."""
    last = last_connected(connection, workspace)
    if last is None or connection_of(connection, workspace, now).state == "disconnected":
        return ""
    waiting = disconnecting.waiting(connection, last)
    said = (
        f"This disconnects {workspace} from {named(last)}. Nothing is read or written there from then on, deals wait at"
        " connection_missing, and the tokens are revoked at Intuit. Settings, mappings and invoices stay; after q2c"
        " connect, everything continues where it was."
    )
    return f"{said} Requests that are not answered yet and will wait: {waiting}." if waiting else said
