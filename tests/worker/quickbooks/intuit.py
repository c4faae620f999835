"""Intuit as a function of a request, for httpx.MockTransport: OAuth, and a test's own answers."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import msgspec
import sqlalchemy as sa

from events.database.port import Database
from events.database.sqlite import InlineDatabase
from events.log.tables import metadata
from tests.fakes import FakeClock
from worker.quickbooks import tokens
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.http import http_client
from worker.quickbooks.meter import ReadMeter
from worker.quickbooks.oauth import OAuthClient, TokenSet
from worker.quickbooks.token_store import TokenStore
from worker.runtime.vault import Vault
from worker.simulation.ports import SeededEntropy

API = "https://quickbooks.test"
OAUTH = "https://oauth.test"
REALM = "4620816365"
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
OLDER_KEY = base64.urlsafe_b64encode(bytes(range(32, 64))).decode()
CLIENT_SECRET = "CANARY-client-secret"
TOKEN_EXPIRED = (
    b'{"warnings":null,"fault":{"error":[{"message":"message=AuthenticationFailed; errorCode=003200;'
    b' statusCode=401","detail":"Token expired","code":"3200","element":null}],"type":"AUTHENTICATION"},'
    b'"time":1700000000000}'
)

Answer = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


def fault(code: str, message: str = "Said", detail: str = "Why") -> dict[str, Any]:
    return {
        "Fault": {"Error": [{"Message": message, "Detail": detail, "code": code}], "type": "ValidationFault"},
        "time": "2026-05-05T05:35:56.791-07:00",
    }


class Intuit:
    """Answers OAuth requests by itself and all others by `answer`; records every request."""

    def __init__(self, clock: FakeClock, answer: Answer | None = None) -> None:
        self.clock = clock
        self.answer = answer or (lambda _: httpx.Response(200, json={}))
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.refreshes = 0
        self.refreshing = 0
        self.refreshing_max = 0
        self.refresh_seconds = 1.0
        self.on_refresh: Answer | None = None
        self.forms: list[dict[str, list[str]]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "oauth.test":
            return await self._oauth(request)
        self.requests.append(request)
        self.times.append(self.clock.monotonic())
        answered = self.answer(request)
        return answered if isinstance(answered, httpx.Response) else await answered

    async def _oauth(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/discovery":
            return httpx.Response(
                200,
                json={
                    "issuer": f"{OAUTH}/op/v1",
                    "authorization_endpoint": f"{OAUTH}/authorize",
                    "token_endpoint": f"{OAUTH}/tokens/bearer",
                    "revocation_endpoint": f"{OAUTH}/tokens/revoke",
                },
            )
        self.requests.append(request)
        if request.url.path == "/tokens/revoke":
            return httpx.Response(200)
        self.forms.append(parse_qs(request.content.decode()))
        self.refreshes += 1
        self.refreshing += 1
        self.refreshing_max = max(self.refreshing_max, self.refreshing)
        try:
            await self.clock.sleep(self.refresh_seconds)
            if self.on_refresh is not None:
                answered = self.on_refresh(request)
                return answered if isinstance(answered, httpx.Response) else await answered
            return token_answer(self.refreshes)
        finally:
            self.refreshing -= 1


def token_answer(number: int) -> httpx.Response:
    return httpx.Response(
        200,
        json={
            "token_type": "bearer",
            "expires_in": 3600,
            "access_token": f"CANARY-access-{number}",
            "refresh_token": f"CANARY-refresh-{number}",
            "x_refresh_token_expires_in": 8726400,
        },
    )


class Bench(msgspec.Struct):
    """The QuickBooks client and tokens of one process."""

    clock: FakeClock
    intuit: Intuit
    database: Database
    vault: Vault
    oauth: OAuthClient
    tokens: TokenStore
    client: QuickBooksClient
    http: httpx.AsyncClient
    reads: ReadMeter


def create_tables(connection: sa.Connection) -> None:
    metadata.create_all(connection)


@asynccontextmanager
async def bench(
    path: Path,
    *,
    answer: Answer | None = None,
    intuit: Intuit | None = None,
    seed: int = 0,
    keys: tuple[str, ...] = (KEY,),
    timeout_seconds: float = 30,
    throttled_seconds: float = 60,
    reads_per_month: int = 500_000,
) -> AsyncIterator[Bench]:
    """Open the objects of one process; pass `intuit` to open another one on the same file."""
    intuit = intuit or Intuit(FakeClock(), answer)
    clock, entropy = intuit.clock, SeededEntropy(seed)
    database = InlineDatabase(path / "q2c.sqlite3")
    await database.transaction(create_tables)
    vault = Vault(keys, entropy)
    async with http_client(timeout_seconds, httpx.MockTransport(intuit)) as http:
        oauth = OAuthClient(
            http,
            clock,
            discovery_url=f"{OAUTH}/discovery",
            client_id="app",
            client_secret=CLIENT_SECRET,
            request_seconds=timeout_seconds,
        )
        store = TokenStore(database, clock, entropy, vault, oauth)
        reads = ReadMeter(database, clock, reads_per_month)
        client = QuickBooksClient(http, API, store, clock, reads, throttled_seconds=throttled_seconds)
        try:
            yield Bench(clock, intuit, database, vault, oauth, store, client, http, reads)
        finally:
            await reads.close()
    await database.close()


async def connect(of: Bench, realm: str = REALM, workspace: str = "acme", *, good_for: float = 3600) -> None:
    """Store tokens as a consent does."""
    now = of.clock.now()
    granted = TokenSet(
        access_token="CANARY-access-0",
        refresh_token="CANARY-refresh-0",
        access_expires_at=now + timedelta(seconds=good_for),
        refresh_expires_at=now + timedelta(days=100),
    )
    sealed = of.tokens.seal(realm, granted)
    await of.database.transaction(
        tokens.put, realm=realm, workspace=workspace, sealed=sealed, of=granted, now=now
    )


async def settle() -> None:
    """Let every ready task run."""
    for _ in range(50):
        await asyncio.sleep(0)
