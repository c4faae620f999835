"""Everything that talks to Intuit, opened together and closed together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from msgspec import Struct

from events.clock import Clock, Entropy
from events.database.port import Database
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.http import http_client
from worker.quickbooks.meter import ReadMeter
from worker.quickbooks.oauth import OAuthClient
from worker.quickbooks.token_store import TokenStore
from worker.runtime.environment import ConfigurationError, Environment
from worker.runtime.vault import Vault


class Gateway(Struct, frozen=True):
    """The API, the consent and the tokens of one app at Intuit."""

    client: QuickBooksClient
    oauth: OAuthClient
    tokens: TokenStore


@asynccontextmanager
async def open_gateway(
    environment: Environment,
    database: Database,
    clock: Clock,
    entropy: Entropy,
    vault: Vault,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Gateway]:
    """Open the HTTP client to Intuit, and close it in the end, once the reads are counted.

    Raises:
        ConfigurationError: The app's id or secret is not set.
    """
    client_id, secret = credentials(environment)
    async with http_client(environment.quickbooks_timeout_seconds, transport) as http:
        oauth = OAuthClient(
            http,
            clock,
            discovery_url=environment.quickbooks_discovery_url,
            client_id=client_id,
            client_secret=secret,
            request_seconds=environment.quickbooks_timeout_seconds,
        )
        tokens = TokenStore(database, clock, entropy, vault, oauth)
        reads = ReadMeter(database, clock, environment.quickbooks_reads_per_month)
        client = QuickBooksClient(
            http,
            environment.quickbooks_api_url,
            tokens,
            clock,
            reads,
            throttled_seconds=environment.quickbooks_throttled_seconds,
        )
        try:
            yield Gateway(client, oauth, tokens)
        finally:
            await reads.close()


def credentials(environment: Environment) -> tuple[str, str]:
    """Return the id and the secret of our app at Intuit.

    Raises:
        ConfigurationError: They are not set.
    """
    client_id, secret = environment.quickbooks_client_id, environment.quickbooks_client_secret
    if client_id is None or secret is None:
        raise ConfigurationError(
            "Q2C_QUICKBOOKS_CLIENT_ID and Q2C_QUICKBOOKS_CLIENT_SECRET: not set; use those of your Intuit app,"
            " or those that q2c sandbox prints"
        )
    return client_id, secret.get_secret_value()
