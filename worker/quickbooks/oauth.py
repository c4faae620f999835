"""Intuit OAuth 2.0: discovery, consent, exchange, refresh, revocation."""

import asyncio
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
import structlog
from msgspec import Struct

from events.clock import Clock
from worker.quickbooks.errors import ConnectionExpired, NotSent, QuickBooksError

SCOPE = "com.intuit.quickbooks.accounting"
REFRESH_TOKEN_SECONDS_DEFAULT = 100 * 24 * 3600
# For a whole request, however slowly its answer trickles: a lease on a refresh has to outlast it.
_HARD_END = {"x-include-refresh-token-hard-expires-in": "true"}
logger = structlog.get_logger()


class Discovery(Struct, frozen=True):
    """Where Intuit's OAuth endpoints are."""

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str


class _Veiled(Struct, frozen=True):
    """Holds secrets, and shows none: not in a repr, and not where rich draws an error's local variables."""

    def __repr__(self) -> str:
        """Show what it is, not what it holds."""
        return f"{type(self).__name__}(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show rich nothing either; it does not go by `__repr__`."""
        return []


class TokenSet(_Veiled, frozen=True):
    """What lets us act for a company.

    `refresh_hard_expires_at` is when Intuit wants a new consent however often we refresh, where it says so.
    """

    access_token: str
    refresh_token: str
    access_expires_at: datetime
    refresh_expires_at: datetime
    refresh_hard_expires_at: datetime | None = None


class _TokenAnswer(_Veiled, frozen=True):
    access_token: str
    refresh_token: str
    expires_in: int
    x_refresh_token_expires_in: int = REFRESH_TOKEN_SECONDS_DEFAULT
    x_refresh_token_hard_expires_in: int | None = None


class _ErrorAnswer(Struct, frozen=True):
    error: str = ""


class GrantRefused(QuickBooksError):
    """Intuit refused to exchange a code; the browser has to start again."""


class OAuthClient:
    """Speaks OAuth with Intuit for one app."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        clock: Clock,
        *,
        discovery_url: str,
        client_id: str,
        client_secret: str,
        request_seconds: float,
    ) -> None:
        self._http = http
        self._clock = clock
        self._discovery_url = discovery_url
        self._client_id = client_id
        self._auth = httpx.BasicAuth(client_id, client_secret)
        self._request_seconds = request_seconds
        self._discovered: Discovery | None = None

    @property
    def refresh_lasts_at_most(self) -> timedelta:
        """How long the two requests of a refresh can take: for the endpoints, and for the tokens."""
        return timedelta(seconds=2 * self._request_seconds)

    async def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Return where a person consents. The caller keeps `state` and checks it at the callback."""
        discovery = await self.discovery()
        query = urlencode(
            {
                "client_id": self._client_id,
                "response_type": "code",
                "scope": SCOPE,
                "redirect_uri": redirect_uri,
                "state": state,
            }
        )
        return f"{discovery.authorization_endpoint}?{query}"

    async def exchange(self, code: str, redirect_uri: str) -> TokenSet:
        """Turn the code of a callback into tokens.

        Raises:
            GrantRefused: The code is not good (any more).
            NotSent: Intuit could not be reached.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        response = await self._token_request(form)
        if response.status_code != HTTPStatus.OK:
            raise GrantRefused(
                f"Intuit refused the code ({_error_of(response)}); start again with q2c connect"
            )
        return self._tokens(response)

    async def refresh(self, refresh_token: str) -> TokenSet:
        """Get new tokens. The refresh token may change; the one returned holds from now on.

        Raises:
            ConnectionExpired: The refresh token is no good; a person has to connect again.
            NotSent: Intuit could not be reached, or did not answer; the old token stays good for a day.
        """
        response = await self._token_request({"grant_type": "refresh_token", "refresh_token": refresh_token})
        if response.status_code == HTTPStatus.OK:
            return self._tokens(response)
        error = _error_of(response)
        if error == "invalid_grant":
            raise ConnectionExpired("Intuit no longer accepts the connection (invalid_grant)")
        raise NotSent(f"Intuit did not refresh the token: HTTP {response.status_code} {error}")

    async def revoke(self, token: str) -> None:
        """Give a token back.

        Raises:
            NotSent: Intuit could not be reached or did not accept it.
        """
        discovery = await self.discovery()
        try:
            async with asyncio.timeout(self._request_seconds):
                response = await self._http.post(
                    discovery.revocation_endpoint,
                    json={"token": token},
                    auth=self._auth,
                    headers={"accept": "application/json"},
                )
        except (httpx.HTTPError, TimeoutError) as error:
            raise NotSent(f"Intuit could not be reached: {type(error).__name__}") from error
        if response.status_code != HTTPStatus.OK:
            raise NotSent(f"Intuit did not revoke the token: HTTP {response.status_code}")

    async def discovery(self) -> Discovery:
        """Return the endpoints; read once.

        Raises:
            NotSent: The document could not be read, or names an endpoint that secrets should not go to.
        """
        if self._discovered is None:
            try:
                async with asyncio.timeout(self._request_seconds):
                    response = await self._http.get(
                        self._discovery_url, headers={"accept": "application/json"}
                    )
                response.raise_for_status()
                found = msgspec.json.decode(response.content, type=Discovery)
            except (httpx.HTTPError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError) as error:
                raise NotSent(
                    f"Intuit's discovery document could not be read: {type(error).__name__}"
                ) from error
            for name in Discovery.__struct_fields__:
                if not self._trusted(getattr(found, name)):
                    raise NotSent(f"Intuit's discovery document gives no https address as its {name}")
            self._discovered = found
        return self._discovered

    def _trusted(self, endpoint: str) -> bool:
        """Say whether secrets may go there: https, or http where the document itself came by http."""
        try:
            address = urlsplit(endpoint)
        except ValueError:
            return False
        schemes = {"https", urlsplit(self._discovery_url).scheme} & {"https", "http"}
        return address.scheme in schemes and bool(address.hostname)

    async def _token_request(self, form: dict[str, str]) -> httpx.Response:
        discovery = await self.discovery()
        try:
            async with asyncio.timeout(self._request_seconds):
                response = await self._http.post(
                    discovery.token_endpoint,
                    data=form,
                    auth=self._auth,
                    headers={"accept": "application/json", **_HARD_END},
                )
        except (httpx.HTTPError, TimeoutError) as error:
            raise NotSent(f"Intuit's token endpoint did not answer: {type(error).__name__}") from error
        logger.info(
            "oauth.token",
            grant=form["grant_type"],
            status=response.status_code,
            intuit_tid=response.headers.get("intuit_tid"),
        )
        return response

    def _tokens(self, response: httpx.Response) -> TokenSet:
        try:
            answer = msgspec.json.decode(response.content, type=_TokenAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # The error would quote what came, and that may hold a token.
            raise NotSent("Intuit's token answer could not be read") from None
        now = self._clock.now()
        hard_end = answer.x_refresh_token_hard_expires_in
        return TokenSet(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token,
            access_expires_at=now + timedelta(seconds=answer.expires_in),
            refresh_expires_at=now + timedelta(seconds=answer.x_refresh_token_expires_in),
            refresh_hard_expires_at=None if hard_end is None else now + timedelta(seconds=hard_end),
        )


def _error_of(response: httpx.Response) -> str:
    try:
        return (
            msgspec.json.decode(response.content, type=_ErrorAnswer).error or f"HTTP {response.status_code}"
        )
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"HTTP {response.status_code}"
