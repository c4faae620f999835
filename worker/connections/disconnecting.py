"""Disconnect a workspace from its company, by a person: here at once, and at Intuit as soon as Intuit answers."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
import structlog
from msgspec import Struct

from events.contract import catalog
from events.contract.administration import ConnectionAuthorized, ConnectionDisconnected
from events.contract.envelope import own_event
from events.log import log
from worker.commands import table
from worker.connections import alarms, pending, proving
from worker.connections.history import last_connected
from worker.connections.leaving import grant_to_revoke, leave
from worker.quickbooks.errors import NotSent
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.tokens import SOURCE
from worker.services import Services

Revocation = Literal["revoked", "retried", "not_needed", "impossible"]
TRIES = 3
REVOCATIONS: dict[Revocation, str] = {
    "revoked": "Its tokens are revoked at Intuit.",
    "retried": "Intuit has not answered yet: the role dispatch retries to revoke the tokens for a day. They are deleted"
    " here in any case.",
    "not_needed": "Its tokens had expired before.",
    "impossible": "Its tokens can't be revoked at Intuit, since our keys don't decrypt them; they are deleted here. End"
    " the connection in QuickBooks too (Apps, My apps, Disconnect).",
}
logger = structlog.get_logger()


class NothingConnected(Exception):
    """The workspace has no connection that could be ended."""


class Disconnection(Struct, frozen=True):
    """A company that a person has disconnected.

    Attributes:
        realm: Its ID.
        company: Its name.
        revocation: What became of its tokens at Intuit: `revoked`; `retried` if Intuit has not answered yet;
            `not_needed` if they had expired; `impossible` if our keys don't decrypt them.
        says: A sentence about the revocation.
    """

    realm: str
    company: str | None
    revocation: Revocation
    says: str


async def disconnect(
    services: Services, gateway: Gateway, workspace: str, *, by: str, why: str | None = None
) -> Disconnection:
    """Delete the tokens of a workspace's company, then revoke them at Intuit.

    Requests that are in flight end as if nothing had happened; those that were not sent wait for the next connection.

    Raises:
        NothingConnected: No company is connected.
    """
    last = await services.database.read(last_connected, workspace)
    if last is None:
        raise NothingConnected
    revocation: Revocation = "not_needed"
    try:
        grant = await grant_to_revoke(services, gateway, workspace, last.realm)
    except NotSent as problem:
        logger.warning("connection.not_revoked", realm=last.realm, problem=str(problem))
        grant, revocation = None, "impossible"
    now = services.clock.now()
    event_id = str(services.entropy.uuid7(now))
    leased_until = now + pending.lease(gateway)
    fact = ConnectionDisconnected(last.realm, now, by, last.company, why)
    await services.database.transaction(_left, workspace, fact, event_id, grant, leased_until)
    gateway.tokens.changed(last.realm)
    services.wake.all()
    logger.info("connection.disconnected", workspace=workspace, realm=last.realm)
    if grant is not None:
        standing = await proving.see_through(services, gateway, grant, tries=TRIES)
        revocation = "retried" if standing.state == "waiting" else "revoked"
    return Disconnection(last.realm, last.company, revocation, REVOCATIONS[revocation])


def waiting(connection: sa.Connection, last: ConnectionAuthorized) -> int:
    """Return how many commands to a company are not done, and would wait for the next connection."""
    statement = (
        sa.select(sa.func.count())
        .select_from(table.commands)
        .where(table.commands.c.realm == last.realm, table.is_open())
    )
    return connection.scalar(statement) or 0


def _left(
    connection: sa.Connection,
    workspace: str,
    fact: ConnectionDisconnected,
    event_id: str,
    grant: PendingGrant | None,
    leased_until: datetime,
) -> None:
    alarms.clear(connection, fact.realm, fact.at)
    if not leave(connection, workspace, fact.realm, grant, fact.at, leased_until=leased_until):
        raise NothingConnected
    event = own_event(
        catalog.CONNECTION_DISCONNECTED,
        fact,
        workspace=workspace,
        source=SOURCE,
        time=fact.at,
        id=event_id,
    )
    log.append_own(connection, [event], fact.at)
