"""What the steps of a consent share: its status, its lease, its secrets, its events."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec
import structlog
from msgspec import Struct

from events.contract import catalog
from events.contract.envelope import Event, own_event
from events.contract.values import Fact
from worker.quickbooks import grants
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.oauth import TokenSet
from worker.quickbooks.tokens import SOURCE
from worker.runtime.vault import Unsealable
from worker.services import Services

CALLBACK_PATH = "/oauth/quickbooks/callback"
logger = structlog.get_logger()


class ConsentStatus(Struct, frozen=True):
    """The state of a consent; `says` is a sentence about it."""

    state: Literal["connected", "refused", "waiting"]
    workspace: str
    realm: str
    says: str


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


def event_of(grant: PendingGrant, event_type: str, fact: Fact, at: datetime) -> Event:
    """Make an event about a grant; its ID derives from the grant, so it is appended once."""
    kind = event_type.removeprefix(catalog.PREFIX)
    return own_event(
        event_type, fact, workspace=grant.workspace, source=SOURCE, time=at, id=f"{grant.id}:{kind}"
    )


def sealed_tokens(services: Services, grant: PendingGrant, granted: TokenSet) -> bytes:
    """Encrypt the tokens of a grant."""
    return seal(services, grant.id, msgspec.json.encode(granted))


def tokens_of(services: Services, grant: PendingGrant) -> TokenSet | None:
    """Decrypt the tokens of a grant; None if our keys can't."""
    plain = open_secret(services, grant)
    return None if plain is None else msgspec.json.decode(plain, type=TokenSet)


def open_secret(services: Services, grant: PendingGrant) -> bytes | None:
    """Decrypt a grant's secret; None if our keys can't."""
    try:
        return services.vault.open(grant.sealed, grants.owner(grant.id))
    except Unsealable as error:
        logger.error("consent.unsealable", workspace=grant.workspace, problem=str(error))  # noqa: TRY400 - no traceback
        return None
