"""Make a proven grant the workspace's connection, in one transaction."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.contract.administration import ConnectionAuthorized
from events.log import log
from worker.commands import table
from worker.connections import alarms
from worker.connections.history import last_connected, named
from worker.connections.leaving import leave
from worker.connections.pending import Lost, event_of
from worker.connections.proof import NotProven, ProvenCompany, Unanswered
from worker.quickbooks import grants, tokens
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.oauth import TokenSet


class Claim(Struct, frozen=True):
    """A grant whose tokens QuickBooks has accepted.

    Attributes:
        grant: The grant.
        company: The company, as QuickBooks shows it.
        granted: The tokens.
        sealed: The tokens, sealed for the company.
        left: The tokens of the workspace's other company, to be revoked when it is left.
    """

    grant: PendingGrant
    company: ProvenCompany
    granted: TokenSet
    sealed: bytes
    left: PendingGrant | None = None


def claim(connection: sa.Connection, wish: Claim, now: datetime) -> None:
    """Make a proven grant the workspace's connection.

    Raises:
        NotProven: A later consent of the workspace is its connection already, the workspace had another company, or
            another workspace is connected to this one.
        Unanswered: An earlier grant of the company is being revoked, which may end this one too.
        Lost: Another process has leased the grant.
    """
    grant, realm, workspace = wish.grant, wish.grant.realm, wish.grant.workspace
    tokens.is_connected(connection, realm, now)  # takes the lock under which `may_be_revoked` checks
    if grants.is_being_revoked(connection, realm, now):
        raise Unanswered("The tokens of the company's earlier consent are being revoked")
    if grants.is_superseded(connection, grant):
        raise NotProven("The workspace has completed a newer consent", "newer_consent")
    before = last_connected(connection, workspace)
    fact = ConnectionAuthorized(
        realm,
        now,
        company=wish.company.name,
        plan=wish.company.plan,
        by=grant.started_by,
        instead_of=before.realm if before and before.realm != realm else None,
        lacks=wish.company.lacks,
    )
    grants.supersede_older(connection, grant)
    if not grants.drop(connection, grant):
        raise Lost
    table.forget_refusals(connection, realm)
    alarms.clear(connection, realm, now)
    _put(connection, wish, fact, now)
    if before is not None and fact.instead_of is not None:
        if not grant.another_company:
            raise _other_than_before(before, fact, workspace)
        alarms.clear(connection, before.realm, now)
        leave(connection, workspace, before.realm, wish.left, now)
    log.append_own(connection, [event_of(grant, catalog.CONNECTION_AUTHORIZED, fact, now)], now)


def _put(connection: sa.Connection, wish: Claim, fact: ConnectionAuthorized, now: datetime) -> None:
    try:
        tokens.put(
            connection,
            realm=fact.realm,
            workspace=wish.grant.workspace,
            sealed=wish.sealed,
            of=wish.granted,
            now=now,
            about=fact,
        )
    except tokens.RealmTaken as taken:
        raise NotProven(
            f"{named(fact)} is already connected to another workspace, and a company belongs to one: disconnect it"
            " there first (q2c disconnect), then start again with q2c connect",
            "realm_taken",
        ) from taken


def _other_than_before(
    before: ConnectionAuthorized, chosen: ConnectionAuthorized, workspace: str
) -> NotProven:
    return NotProven(
        f"The company of the workspace {workspace} is {named(before)}, and this consent chose {named(chosen)}. Nothing"
        " was changed, and the consent's tokens are revoked. To keep the company, run q2c connect again, and choose it."
        " To change it, run q2c connect --another-company: customers and items then have to be"
        " mapped anew, and the mappings of the company before are kept for its return",
        "another_company",
    )
