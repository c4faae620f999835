"""Intuit OAuth 2.0: discovery, consent, exchange, refresh, revocation."""

from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

import httpx
import msgspec
import structlog
from msgspec import Struct

from events.clock import Clock
from worker.quickbooks.errors import ConnectionExpired, NotSent, QuickBooksError

SCOPE = "com.intuit.quickbooks.accounting"
REFRESH_TOKEN_SECONDS_DEFAULT = 100 * 24 * 3600
logger = structlog.get_logger()


class Discovery(Struct, frozen=True):
    """Where Intuit's OAuth endpoints are."""

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str


class TokenSet(Struct, frozen=True):
    """What lets us act for a company. It is never shown: its repr holds no token."""

    access_token: str
    refresh_token: str
    access_expires_at: datetime
    refresh_expires_at: datetime

    def __repr__(self) -> str:
        """Show when it ends, not what it is."""
        return f"TokenSet(access_expires_at={self.access_expires_at.isoformat()})"


class _TokenAnswer(Struct, frozen=True):
    access_token: str
    refresh_token: str
    expires_in: int
    x_refresh_token_expires_in: int = REFRESH_TOKEN_SECONDS_DEFAULT


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
    ) -> None:
        self._http = http
        self._clock = clock
        self._discovery_url = discovery_url
        self._client_id = client_id
        self._auth = httpx.BasicAuth(client_id, client_secret)
        self._discovered: Discovery | None = None

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
            response = await self._http.post(
                discovery.revocation_endpoint,
                json={"token": token},
                auth=self._auth,
                headers={"accept": "application/json"},
            )
        except httpx.HTTPError as error:
            raise NotSent(f"Intuit could not be reached: {type(error).__name__}") from error
        if response.status_code != HTTPStatus.OK:
            raise NotSent(f"Intuit did not revoke the token: HTTP {response.status_code}")

    async def discovery(self) -> Discovery:
        """Return the endpoints; read once.

        Raises:
            NotSent: The document could not be read.
        """
        if self._discovered is None:
            try:
                response = await self._http.get(self._discovery_url, headers={"accept": "application/json"})
                response.raise_for_status()
                self._discovered = msgspec.json.decode(response.content, type=Discovery)
            except (httpx.HTTPError, msgspec.DecodeError, UnicodeDecodeError) as error:
                raise NotSent(
                    f"Intuit's discovery document could not be read: {type(error).__name__}"
                ) from error
        return self._discovered

    async def _token_request(self, form: dict[str, str]) -> httpx.Response:
        discovery = await self.discovery()
        try:
            response = await self._http.post(
                discovery.token_endpoint, data=form, auth=self._auth, headers={"accept": "application/json"}
            )
        except httpx.HTTPError as error:
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
        return TokenSet(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token,
            access_expires_at=now + timedelta(seconds=answer.expires_in),
            refresh_expires_at=now + timedelta(seconds=answer.x_refresh_token_expires_in),
        )


def _error_of(response: httpx.Response) -> str:
    try:
        return (
            msgspec.json.decode(response.content, type=_ErrorAnswer).error or f"HTTP {response.status_code}"
        )
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"HTTP {response.status_code}"
