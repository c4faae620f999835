"""Connecting a workspace to a QuickBooks company: consent, callback, tokens, the event that says so."""

from datetime import datetime

import sqlalchemy as sa

from events import catalog, log
from events.administration import ConnectionAuthorized
from events.envelope import own_event
from worker.commands import table
from worker.quickbooks import tokens
from worker.quickbooks.oauth import OAuthClient, TokenSet
from worker.quickbooks.tokens import TokenStore
from worker.services import Services

SOURCE = "urn:coeffection:connections"
CALLBACK_PATH = "/oauth/quickbooks/callback"


class ConsentRefused(Exception):
    """The consent did not lead to a connection; the message says why and what to do."""


async def begin(services: Services, oauth: OAuthClient, workspace: str) -> str:
    """Begin a consent; return the address that an admin opens in a browser."""
    state = services.entropy.token()
    url = await oauth.authorize_url(redirect_uri(services), state)
    await services.database.transaction(tokens.create_state, state, workspace, services.clock.now())
    return url


async def complete(
    services: Services, oauth: OAuthClient, store: TokenStore, *, state: str, code: str, realm: str
) -> str:
    """Complete a consent from its callback; return the workspace that is connected now.

    Raises:
        ConsentRefused: The state is not one of ours, or was used, or is older than ten minutes.
        GrantRefused: Intuit does not accept the code.
        RealmTaken: Another workspace holds the company.
    """
    now = services.clock.now()
    workspace = await services.database.transaction(tokens.redeem_state, state, now)
    if workspace is None:
        raise ConsentRefused("This consent has expired or was used already; start again with q2c connect")
    granted = await oauth.exchange(code, redirect_uri(services))
    sealed = store.seal(realm, granted)
    event_id = str(services.entropy.uuid7(now))
    await services.database.transaction(_connect, workspace, realm, sealed, granted, event_id, now)
    store.changed(realm)
    services.wake.all()
    return workspace


def redirect_uri(services: Services) -> str:
    """Return where Intuit sends the browser back to."""
    return services.environment.public_url.rstrip("/") + CALLBACK_PATH


def _connect(
    connection: sa.Connection,
    workspace: str,
    realm: str,
    sealed: bytes,
    granted: TokenSet,
    event_id: str,
    now: datetime,
) -> None:
    table.forget_refusals(connection, realm)
    tokens.put(connection, realm=realm, workspace=workspace, sealed=sealed, of=granted)
    event = own_event(
        catalog.CONNECTION_AUTHORIZED,
        ConnectionAuthorized(realm, now),
        workspace=workspace,
        source=SOURCE,
        time=now,
        id=event_id,
    )
    log.append_own(connection, [event], now)
