"""The steps from a code to a connection: exchange, prove, claim; or revoke.

A grant is a row at each step, so that any process can continue it after a crash. A read with the tokens proves the company
that the callback names: until QuickBooks has answered, nothing of the workspace changes. See
`docs/decisions/0015-proven-consents.md`.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

import sqlalchemy as sa
import structlog
from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import LACKS, ConnectionRefused
from events.contract.envelope import Event
from events.log import log
from worker.connections.claiming import Claim, claim
from worker.connections.history import last_connected
from worker.connections.leaving import grant_to_revoke
from worker.connections.pending import (
    ConsentStatus,
    Lost,
    event_of,
    lease,
    open_secret,
    redirect_uri,
    sealed_tokens,
    tokens_of,
)
from worker.connections.proof import NOT_LET_IN, NotProven, ProvenCompany, Unanswered, company_of
from worker.quickbooks import grants, tokens
from worker.quickbooks.errors import CompanyBlocked, NotSent, QuickBooksError, Rejected, Unauthorized
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.oauth import GrantRefused, GrantUnusable, TokenSet
from worker.services import Services

CONNECTED_ASKED_MAX = 20
logger = structlog.get_logger()


async def _exchange(
    services: Services, gateway: Gateway, grant: PendingGrant
) -> PendingGrant | ConsentStatus:
    code = open_secret(services, grant)
    if code is None:
        problem = NotProven("The consent's code can't be decrypted: its key is missing", "key_missing")
        return await refused(services, gateway, grant, problem)
    try:
        granted = await gateway.oauth.exchange(code.decode(), redirect_uri(services))
    except GrantUnusable as error:
        return await refused(services, gateway, grant, NotProven(str(error), "code_refused"), error.granted)
    except GrantRefused as error:
        return await refused(services, gateway, grant, NotProven(str(error), "code_refused"))
    except NotSent as error:
        raise Unanswered(str(error)) from error
    leased_until = services.clock.now() + lease(gateway)
    sealed = sealed_tokens(services, grant, granted)
    moved = await services.database.transaction(grants.move, grant, "proving", sealed, leased_until)
    if moved is None:
        # The process that now has the lease has only the code, which is spent: these tokens have to be revoked.
        await _add_to_revoke(services, grant, granted)
        raise Lost
    return moved


async def _prove(services: Services, gateway: Gateway, grant: PendingGrant) -> PendingGrant | ConsentStatus:
    granted = tokens_of(services, grant)
    if granted is None:
        problem = NotProven("The consent's tokens can't be decrypted: their key is missing", "key_missing")
        return await refused(services, gateway, grant, problem)
    if granted.access_expires_at <= services.clock.now():
        raise Unanswered(grant.problem or "The consent's tokens have expired in the meantime")
    try:
        company = await company_of(gateway.client, grant, granted.access_token)
        wish = Claim(
            grant,
            company,
            granted,
            gateway.tokens.seal(grant.realm, granted),
            await _left(services, gateway, grant),
        )
        await services.database.transaction(claim, wish, services.clock.now())
    except NotProven as problem:
        other = problem.of_other_company
        if other and await _may_be_of_a_connected_company(services, gateway, grant, granted):
            return await refused(services, gateway, grant, problem)  # and its tokens are deleted
        return await refused(services, gateway, grant, problem, granted)
    gateway.tokens.changed(grant.realm)
    services.wake.all()
    logger.info("connection.authorized", workspace=grant.workspace, realm=grant.realm, plan=company.plan)
    return ConsentStatus("connected", grant.workspace, grant.realm, _connected(company, grant.workspace))


def _connected(company: ProvenCompany, workspace: str) -> str:
    plan = f", {company.plan}" if company.plan else ""
    says = (
        f"{company.name} (QuickBooks company {company.realm}{plan}) is connected to the workspace {workspace}"
    )
    return f"{says}. {LACKS['multicurrency']}" if "multicurrency" in company.lacks else says


async def _left(services: Services, gateway: Gateway, grant: PendingGrant) -> PendingGrant | None:
    """Return the tokens of the workspace's other company, if the consent may replace it."""
    before = await services.database.read(last_connected, grant.workspace)
    if before is None or before.realm == grant.realm or not grant.another_company:
        return None
    try:
        return await grant_to_revoke(services, gateway, grant.workspace, before.realm)
    except NotSent as problem:  # they are deleted, and expire by themselves
        logger.warning("connection.not_revoked", realm=before.realm, problem=str(problem))
        return None


async def _may_be_of_a_connected_company(
    services: Services, gateway: Gateway, grant: PendingGrant, granted: TokenSet
) -> bool:
    """Return whether tokens of an unknown company may belong to a company that a workspace is connected to.

    The callback named a company that the tokens do not belong to, so every connected company is read with them. If
    there are too many, or the tokens have expired, they may.

    Raises:
        Unanswered: A read got no conclusive answer.
    """
    now = services.clock.now()
    connected = await services.database.read(tokens.connected_realms, now, CONNECTED_ASKED_MAX + 1)
    if len(connected) > CONNECTED_ASKED_MAX or granted.access_expires_at <= now:
        return True
    for realm in (realm for realm in connected if realm != grant.realm):
        try:
            await gateway.client.prove(realm, granted.access_token)
        except (Unauthorized, CompanyBlocked):
            continue
        except Rejected as problem:
            if problem.status not in NOT_LET_IN:
                raise Unanswered(str(problem)) from problem
        except QuickBooksError as problem:
            raise Unanswered(str(problem)) from problem
        else:
            return True
    return False


async def _revoke(services: Services, gateway: Gateway, grant: PendingGrant) -> PendingGrant | ConsentStatus:
    """Revoke the tokens, unless that might end a workspace's connection."""
    over = ConsentStatus("refused", grant.workspace, grant.realm, grant.problem or "")
    granted = tokens_of(services, grant)
    is_free = granted is not None and await services.database.transaction(
        may_be_revoked, grant, services.clock.now()
    )
    if granted is not None and is_free:
        try:
            await gateway.oauth.revoke(granted.refresh_token or granted.access_token)
        except NotSent as problem:
            logger.warning(
                "consent.revoke_failed", workspace=grant.workspace, realm=grant.realm, problem=str(problem)
            )
            raise Unanswered(str(problem)) from problem
    await services.database.transaction(grants.drop, grant)
    logger.info("consent.ended", workspace=grant.workspace, realm=grant.realm, revoked=is_free)
    return over


def may_be_revoked(connection: sa.Connection, grant: PendingGrant, now: datetime) -> bool:
    """Return whether tokens may be revoked: Intuit may then end every grant of the company to our app.

    Tokens of a company that a workspace is connected to are deleted instead; nobody else has them. If QuickBooks said that
    they do not belong to the company in the callback, that company's connection is not affected.

    Raises:
        Unanswered: Another consent to the company is under way, and has to end first.
    """
    if grant.other_company:
        return True
    if tokens.is_connected(connection, grant.realm, now):
        return False
    if grants.is_under_way(connection, grant.realm):
        raise Unanswered("Another consent to the company is under way")
    return True


async def refused(
    services: Services,
    gateway: Gateway,
    grant: PendingGrant,
    problem: NotProven,
    granted: TokenSet | None = None,
) -> PendingGrant | ConsentStatus:
    """End a consent without a connection, and schedule the revocation of its tokens, if there are any."""
    reason = str(problem)
    logger.warning(
        "connection.refused",
        workspace=grant.workspace,
        realm=grant.realm,
        refusal=problem.problem,
        problem=reason,
    )
    now = services.clock.now()
    fact = ConnectionRefused(grant.realm, now, reason, problem.problem, problem.unreadable)
    event = event_of(grant, catalog.CONNECTION_REFUSED, fact, now)
    sealed = None if granted is None else sealed_tokens(services, grant, granted)
    moved = await services.database.transaction(
        _end, grant, sealed, event, now + lease(gateway), other_company=problem.of_other_company
    )
    services.wake.all()
    if moved is None:
        return ConsentStatus("refused", grant.workspace, grant.realm, reason)
    return replace(moved, problem=reason)


def _end(
    connection: sa.Connection,
    grant: PendingGrant,
    sealed: bytes | None,
    event: Event,
    leased_until: datetime,
    *,
    other_company: bool,
) -> PendingGrant | None:
    if sealed is None:
        moved = None
        kept = grants.drop(connection, grant)
    else:
        moved = grants.move(connection, grant, "revoking", sealed, leased_until, other_company=other_company)
        kept = moved is not None
    if not kept:
        raise Lost
    log.append_own(connection, [event], event.time)
    return moved


async def _add_to_revoke(services: Services, grant: PendingGrant, granted: TokenSet) -> None:
    now = services.clock.now()
    left = replace(grant, id=str(services.entropy.uuid7(now)), step="revoking", version=1, attempts=0)
    left = replace(left, sealed=sealed_tokens(services, left, granted))
    await services.database.transaction(grants.add, left, now, None)


STEPS: dict[str, Callable[[Services, Gateway, PendingGrant], Awaitable[PendingGrant | ConsentStatus]]] = {
    "exchanging": _exchange,
    "proving": _prove,
    "revoking": _revoke,
}
