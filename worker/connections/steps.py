"""The steps from a code to a connection: exchange, prove, claim; or revoke.

A grant is a row at each step, so that any process can continue it after a crash. A read with the tokens proves the company
that the callback names: until QuickBooks has answered, nothing of the workspace changes. See
`docs/decisions/0015-proven-consents.md`.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import ConnectionAuthorized, ConnectionRefused
from events.contract.envelope import Event, own_event
from events.contract.values import Fact
from events.log import log
from worker.commands import table
from worker.quickbooks import grants, tokens
from worker.quickbooks.errors import CompanyBlocked, NotSent, QuickBooksError, Rejected, Unauthorized
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.oauth import GrantRefused, GrantUnusable, TokenSet
from worker.quickbooks.tokens import RealmTaken
from worker.runtime.vault import Unsealable
from worker.services import Services

SOURCE = "urn:coeffection:connections"
CALLBACK_PATH = "/oauth/quickbooks/callback"
# QuickBooks sometimes refuses even fresh tokens, so only this many refusals count.
REFUSALS = 3
NOT_LET_IN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
CONNECTED_ASKED_MAX = 20
logger = structlog.get_logger()


class ConsentStatus(Struct, frozen=True):
    """The state of a consent; `says` is a sentence about it."""

    state: Literal["connected", "refused", "waiting"]
    workspace: str
    realm: str
    says: str


class Unanswered(Exception):
    """There was no conclusive answer; the step is retried."""


class NotProven(Exception):
    """The tokens do not connect the company; the message says why.

    Attributes:
        other_company: Whether QuickBooks said that the tokens belong to another company than the callback named.
    """

    def __init__(self, message: str, *, other_company: bool = False) -> None:
        super().__init__(message)
        self.other_company = other_company


class Lost(Exception):
    """Another process has leased the grant."""


def redirect_uri(services: Services) -> str:
    """Return the address of the callback, to which Intuit sends the browser."""
    return services.environment.public_url.rstrip("/") + CALLBACK_PATH


def lease(gateway: Gateway) -> timedelta:
    """Return the length of a grant's lease: longer than the requests of a page take."""
    return 3 * gateway.oauth.refresh_lasts_at_most


def seal(services: Services, grant_id: str, secret: bytes) -> bytes:
    """Encrypt the code or the tokens of a grant."""
    return services.vault.seal(secret, grants.owner(grant_id))


async def _exchange(
    services: Services, gateway: Gateway, grant: PendingGrant
) -> PendingGrant | ConsentStatus:
    code = _open(services, grant)
    if code is None:
        return await refused(
            services, gateway, grant, "The consent's code can't be decrypted: its key is missing"
        )
    try:
        granted = await gateway.oauth.exchange(code.decode(), redirect_uri(services))
    except GrantUnusable as problem:
        return await refused(services, gateway, grant, str(problem), problem.granted)
    except GrantRefused as problem:
        return await refused(services, gateway, grant, str(problem))
    except NotSent as problem:
        raise Unanswered(str(problem)) from problem
    leased_until = services.clock.now() + lease(gateway)
    sealed = _sealed(services, grant, granted)
    moved = await services.database.transaction(grants.move, grant, "proving", sealed, leased_until)
    if moved is None:
        # The process that now has the lease has only the code, which is spent: these tokens have to be revoked.
        await _add_to_revoke(services, grant, granted)
        raise Lost
    return moved


async def _prove(services: Services, gateway: Gateway, grant: PendingGrant) -> PendingGrant | ConsentStatus:
    granted = tokens_of(services, grant)
    if granted is None:
        return await refused(
            services, gateway, grant, "The consent's tokens can't be decrypted: their key is missing"
        )
    if granted.access_expires_at <= services.clock.now():
        raise Unanswered(grant.problem or "The consent's tokens have expired in the meantime")
    try:
        company = await _company_info(gateway, grant, granted.access_token)
        sealed = gateway.tokens.seal(grant.realm, granted)
        now = services.clock.now()
        await services.database.transaction(claim, grant.realm, grant, sealed, granted, now)
    except (NotProven, RealmTaken) as problem:
        other = isinstance(problem, NotProven) and problem.other_company
        if other and await _may_be_of_a_connected_company(services, gateway, grant, granted):
            return await refused(services, gateway, grant, str(problem))  # and its tokens are deleted
        return await refused(services, gateway, grant, str(problem), granted, other_company=other)
    gateway.tokens.changed(grant.realm)
    services.wake.all()
    logger.info("connection.authorized", workspace=grant.workspace, realm=grant.realm)
    name = str(company.get("CompanyName") or "The company")
    says = f"{name} (QuickBooks company {grant.realm}) is connected to the workspace {grant.workspace}"
    return ConsentStatus("connected", grant.workspace, grant.realm, says)


async def _company_info(gateway: Gateway, grant: PendingGrant, access_token: str) -> dict[str, Any]:
    """Read the company's `CompanyInfo` with the tokens; an answer proves that the tokens belong to it.

    Raises:
        NotProven: QuickBooks refuses the tokens or the company.
        Unanswered: There was no conclusive answer.
    """
    try:
        return await gateway.client.prove(grant.realm, access_token)
    except Unauthorized as problem:
        if grant.attempts + 1 < REFUSALS:
            raise Unanswered(str(problem)) from problem
        said = f"QuickBooks does not accept these tokens for company {grant.realm}: {problem}"
        raise NotProven(said, other_company=problem.of_other_company) from problem
    except CompanyBlocked as problem:
        raise NotProven(str(problem)) from problem
    except Rejected as problem:
        if problem.status not in NOT_LET_IN:
            raise Unanswered(str(problem)) from problem
        raise NotProven(str(problem)) from problem
    except QuickBooksError as problem:
        raise Unanswered(str(problem)) from problem


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


def claim(
    connection: sa.Connection,
    realm: str,
    grant: PendingGrant,
    sealed: bytes,
    granted: TokenSet,
    now: datetime,
) -> None:
    """Make a proven grant the workspace's connection.

    Raises:
        NotProven: A later consent of the workspace is its connection already.
        RealmTaken: Another workspace is connected to the company.
        Unanswered: An earlier grant of the company is being revoked, which may end this one too.
        Lost: Another process has leased the grant.
    """
    tokens.is_connected(connection, realm, now)  # takes the lock under which `may_be_revoked` checks
    if grants.is_being_revoked(connection, realm, now):
        raise Unanswered("The tokens of the company's earlier consent are being revoked")
    if grants.is_superseded(connection, grant):
        raise NotProven("The workspace has completed a newer consent")
    grants.supersede_older(connection, grant)
    if not grants.drop(connection, grant):
        raise Lost
    table.forget_refusals(connection, realm)
    tokens.put(
        connection,
        realm=realm,
        workspace=grant.workspace,
        sealed=sealed,
        of=granted,
        now=now,
    )
    fact = ConnectionAuthorized(realm, now)
    log.append_own(connection, [event_of(grant, catalog.CONNECTION_AUTHORIZED, fact, now)], now)


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
    reason: str,
    granted: TokenSet | None = None,
    *,
    other_company: bool = False,
) -> PendingGrant | ConsentStatus:
    """End a consent without a connection, and schedule the revocation of its tokens, if there are any."""
    logger.warning("connection.refused", workspace=grant.workspace, realm=grant.realm, problem=reason)
    now = services.clock.now()
    event = event_of(grant, catalog.CONNECTION_REFUSED, ConnectionRefused(grant.realm, now, reason), now)
    sealed = None if granted is None else _sealed(services, grant, granted)
    moved = await services.database.transaction(
        _end, grant, sealed, event, now + lease(gateway), other_company=other_company
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
    left = replace(left, sealed=_sealed(services, left, granted))
    await services.database.transaction(grants.add, left, now, None)


def event_of(grant: PendingGrant, event_type: str, fact: Fact, at: datetime) -> Event:
    """Make an event about a grant; its ID derives from the grant, so it is appended once."""
    kind = event_type.removeprefix(catalog.PREFIX)
    return own_event(
        event_type, fact, workspace=grant.workspace, source=SOURCE, time=at, id=f"{grant.id}:{kind}"
    )


def _sealed(services: Services, grant: PendingGrant, granted: TokenSet) -> bytes:
    return seal(services, grant.id, msgspec.json.encode(granted))


def tokens_of(services: Services, grant: PendingGrant) -> TokenSet | None:
    """Decrypt the tokens of a grant; None if our keys can't."""
    plain = _open(services, grant)
    return None if plain is None else msgspec.json.decode(plain, type=TokenSet)


def _open(services: Services, grant: PendingGrant) -> bytes | None:
    """Decrypt a grant's secret; None if our keys can't."""
    try:
        return services.vault.open(grant.sealed, grants.owner(grant.id))
    except Unsealable as error:
        logger.error("consent.unsealable", workspace=grant.workspace, problem=str(error))  # noqa: TRY400 - no traceback
        return None


STEPS: dict[str, Callable[[Services, Gateway, PendingGrant], Awaitable[PendingGrant | ConsentStatus]]] = {
    "exchanging": _exchange,
    "proving": _prove,
    "revoking": _revoke,
}
