"""Leave a company: delete its tokens here, and revoke them at Intuit."""

from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from worker.connections import pending
from worker.quickbooks import grants, tokens
from worker.quickbooks.errors import ReconnectRequired
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.grants import PendingGrant
from worker.services import Services


async def grant_to_revoke(
    services: Services, gateway: Gateway, workspace: str, realm: str
) -> PendingGrant | None:
    """Return the tokens of a connection as a grant to revoke; None if they have expired.

    Raises:
        NotSent: Our keys can't decrypt the tokens.
    """
    try:
        granted = await gateway.tokens.current(realm)
    except ReconnectRequired:
        return None
    now = services.clock.now()
    grant = PendingGrant(str(services.entropy.uuid7(now)), workspace, realm, "revoking", b"", now)
    return replace(grant, sealed=pending.seal(services, grant.id, msgspec.json.encode(granted)))


def leave(
    connection: sa.Connection,
    workspace: str,
    realm: str,
    to_revoke: PendingGrant | None,
    now: datetime,
    *,
    leased_until: datetime | None = None,
) -> bool:
    """Delete the tokens of a workspace's company, and add their grant to those that are revoked.

    Returns:
        False, without any change, if the company is connected to another workspace by now.
    """
    if not tokens.leave(connection, realm, workspace, now):
        return False
    if to_revoke is not None:
        grants.add(connection, to_revoke, now, leased_until)
    return True
