"""The steps of a consent in a browser: address, consent, callback."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from worker.connections import pending, proving
from worker.connections.pending import CALLBACK_PATH, ConsentStatus, redirect_uri
from worker.quickbooks import consents, grants
from worker.quickbooks.consents import REALM, ConsentRefused, StartedConsent
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.oauth import OAuthClient
from worker.services import Services

__all__ = [
    "CALLBACK_PATH",
    "START_PATH",
    "ConsentRefused",
    "OpenedConsent",
    "begin",
    "complete",
    "deny",
    "open_link",
]

START_PATH = "/oauth/quickbooks/start"


class OpenedConsent(Struct, frozen=True):
    """A consent that a browser has opened: Intuit's address, the state, and the cookie that the callback needs."""

    address: str
    state: str
    cookie: str


async def begin(
    services: Services, workspace: str, *, by: str | None = None, another_company: bool = False
) -> str:
    """Start a consent; return our address that an admin opens in a browser, once.

    Args:
        services: Open services.
        workspace: The workspace to be connected.
        by: The person who begins it, such as `cli:ada`.
        another_company: Whether it may connect another company than the workspace had before.
    """
    link = services.entropy.token()
    consent = StartedConsent(workspace, by, another_company)
    await services.database.transaction(consents.create_link, link, consent, services.clock.now())
    return f"{services.environment.public_url.rstrip('/')}{START_PATH}?link={link}"


async def open_link(services: Services, oauth: OAuthClient, link: str) -> OpenedConsent:
    """Open the address that starts a consent; Intuit's endpoint is read first, so that a failure spends nothing.

    Raises:
        ConsentRefused: The address is unknown, was already opened, or is older than ten minutes.
        NotSent: Intuit's endpoint could not be read.
    """
    state, cookie = services.entropy.token(), services.entropy.token()
    address = ""
    if await services.database.read(consents.is_link, link, services.clock.now()):
        address = await oauth.authorize_url(redirect_uri(services), state)
    await services.database.transaction(consents.open_link, link, state, cookie, services.clock.now())
    return OpenedConsent(address, state, cookie)


async def complete(
    services: Services, gateway: Gateway, *, state: str, cookie: str | None, code: str, realm: str
) -> ConsentStatus:
    """Continue a consent from its callback, as far as QuickBooks answers.

    Raises:
        ConsentRefused: The state is unknown, was already used, is too old, or belongs to another browser; or the
            company's ID is invalid.
    """
    if not REALM.fullmatch(realm):
        raise ConsentRefused("The ID of a QuickBooks company must have 1 to 20 digits")
    now = services.clock.now()
    leased_until = now + pending.lease(gateway)
    grant_id = str(services.entropy.uuid7(now))
    sealed = pending.seal(services, grant_id, code.encode())
    grant = await services.database.transaction(
        _redeemed, state, cookie, grant_id, realm, sealed, now, leased_until
    )
    return await proving.see_through(services, gateway, grant, tries=proving.TRIES_OF_A_PAGE)


async def deny(services: Services, *, state: str, cookie: str | None) -> str:
    """Spend the state of a consent that a person denied at Intuit; return its workspace.

    Raises:
        ConsentRefused: As `complete`.
    """
    consent = await services.database.transaction(consents.redeem_state, state, cookie, services.clock.now())
    return consent.workspace


def _redeemed(
    connection: sa.Connection,
    state: str,
    cookie: str | None,
    grant_id: str,
    realm: str,
    sealed: bytes,
    now: datetime,
    leased_until: datetime,
) -> PendingGrant:
    """Spend the state and store the code in one transaction, so that after a crash another process continues."""
    consent = consents.redeem_state(connection, state, cookie, now)
    grant = PendingGrant(
        grant_id,
        consent.workspace,
        realm,
        "exchanging",
        sealed,
        now,
        started_by=consent.started_by,
        another_company=consent.another_company,
    )
    grants.add(connection, grant, now, leased_until)
    return grant
