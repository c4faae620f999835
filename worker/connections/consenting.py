"""Connecting a workspace to a QuickBooks company, as a browser goes through it: address, consent, callback."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from worker.connections import proving, steps
from worker.connections.steps import CALLBACK_PATH, Standing, redirect_uri
from worker.quickbooks import consents, grants
from worker.quickbooks.consents import REALM, ConsentRefused
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.grants import Grant
from worker.quickbooks.oauth import OAuthClient
from worker.services import Services

__all__ = [
    "CALLBACK_PATH",
    "START_PATH",
    "ConsentRefused",
    "Opened",
    "begin",
    "complete",
    "deny",
    "open_link",
]

START_PATH = "/oauth/quickbooks/start"


class Opened(Struct, frozen=True):
    """A consent that a browser has opened: where it goes, and the cookie without which it does not come back."""

    address: str
    state: str
    cookie: str


async def begin(services: Services, workspace: str) -> str:
    """Begin a consent; return the address of our own that an admin opens in a browser, once."""
    link = services.entropy.token()
    await services.database.transaction(consents.create_link, link, workspace, services.clock.now())
    return f"{services.environment.public_url.rstrip('/')}{START_PATH}?link={link}"


async def open_link(services: Services, oauth: OAuthClient, link: str) -> Opened:
    """Open the address; Intuit is asked first, so that a failure spends nothing.

    Raises:
        ConsentRefused: The address is not one of ours, or was opened, or is older than ten minutes.
        NotSent: Intuit does not say where people consent.
    """
    state, cookie = services.entropy.token(), services.entropy.token()
    address = ""
    if await services.database.read(consents.is_link, link, services.clock.now()):
        address = await oauth.authorize_url(redirect_uri(services), state)
    await services.database.transaction(consents.open_link, link, state, cookie, services.clock.now())
    return Opened(address, state, cookie)


async def complete(
    services: Services, gateway: Gateway, *, state: str, cookie: str | None, code: str, realm: str
) -> Standing:
    """Take a consent from its callback, and see it through as far as QuickBooks answers.

    Raises:
        ConsentRefused: The state is not one of ours, or was spent, or is too old, or belongs to another browser; or
            the company's id is none.
    """
    if not REALM.fullmatch(realm):
        raise ConsentRefused("The ID of a QuickBooks company must have 1 to 20 digits")
    now = services.clock.now()
    leased_until = now + steps.lease(gateway)
    grant_id = str(services.entropy.uuid7(now))
    sealed = steps.seal(services, grant_id, code.encode())
    grant = await services.database.transaction(
        _redeemed, state, cookie, grant_id, realm, sealed, now, leased_until
    )
    return await proving.see_through(services, gateway, grant, tries=proving.TRIES_OF_A_PAGE)


async def deny(services: Services, *, state: str, cookie: str | None) -> str:
    """Spend the state of a consent that was refused at Intuit; return its workspace.

    Raises:
        ConsentRefused: As of `complete`.
    """
    return await services.database.transaction(consents.redeem_state, state, cookie, services.clock.now())


def _redeemed(
    connection: sa.Connection,
    state: str,
    cookie: str | None,
    grant_id: str,
    realm: str,
    sealed: bytes,
    now: datetime,
    leased_until: datetime,
) -> Grant:
    """Spend the state and keep the code together: whatever happens from here on, somebody goes on with it."""
    workspace = consents.redeem_state(connection, state, cookie, now)
    grant = Grant(grant_id, workspace, realm, "exchanging", sealed, now)
    grants.add(connection, grant, now, leased_until)
    return grant
