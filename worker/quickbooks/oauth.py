"""Intuit OAuth 2.0: discovery, consent, exchange, refresh, revocation."""

import asyncio
import re
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
import structlog
from msgspec import Meta, Struct
from msgspec.structs import replace

from events.clock import Clock
from worker.quickbooks.errors import NotSent, QuickBooksError, ReconnectRequired

SCOPE = "com.intuit.quickbooks.accounting"
ACCESS_TOKEN_SECONDS_DEFAULT = 3600
REFRESH_TOKEN_SECONDS_DEFAULT = 100 * 24 * 3600
SECONDS_MAX = 20 * 366 * 24 * 3600
ANSWER_BYTES_MAX = 64 * 1024
# Errors that may be temporary; any other refusal of a code is final.
_ERROR_CODE = re.compile(r"[a-z_]{1,60}")
_NOT_NOW = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_TOKENS = {
    name: re.compile(rb'"' + name.encode() + rb'"\s*:\s*"([!#-\[\]-~]{1,8192})"')
    for name in ("access_token", "refresh_token")
}
_HARD_END = {"x-include-refresh-token-hard-expires-in": "true"}
logger = structlog.get_logger()


class Discovery(Struct, frozen=True):
    """The addresses of Intuit's OAuth endpoints."""

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str


class _Veiled(Struct, frozen=True):
    """A struct whose secrets are shown neither by repr nor by rich in a traceback's local variables."""

    def __repr__(self) -> str:
        """Return the type's name without the values."""
        return f"{type(self).__name__}(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return no values for rich, which does not use `__repr__`."""
        return []


class TokenSet(_Veiled, frozen=True):
    """The tokens of a company.

    `refresh_hard_expires_at` is when Intuit requires a new consent in spite of refreshes, if it says so.
    """

    access_token: str
    refresh_token: str
    access_expires_at: datetime
    refresh_expires_at: datetime
    refresh_hard_expires_at: datetime | None = None


# Texts that a header can carry, and seconds that a clock can represent.
Secret = Annotated[str, Meta(pattern=r"^[!-~]{1,8192}(?!\n)$")]
Seconds = Annotated[int, Meta(ge=1, le=SECONDS_MAX)]


class _TokenAnswer(_Veiled, frozen=True):
    access_token: Secret
    refresh_token: Secret
    expires_in: Seconds
    x_refresh_token_expires_in: Seconds = REFRESH_TOKEN_SECONDS_DEFAULT
    x_refresh_token_hard_expires_in: Seconds | None = None


class _Answer(_Veiled, frozen=True):
    """An HTTP answer of Intuit; if it is too long, its beginning."""

    status: int
    body: bytes
    whole: bool
    intuit_tid: str | None


class _ErrorAnswer(Struct, frozen=True):
    error: str = ""


class GrantRefused(QuickBooksError):
    """Intuit refused to exchange a code; the browser has to start again."""


class GrantUnusable(QuickBooksError):
    """Intuit exchanged a code, but its answer can't be used; the browser has to start again.

    Attributes:
        granted: The readable tokens of the answer, to be revoked.
    """

    def __init__(self, message: str, granted: TokenSet | None) -> None:
        super().__init__(message)
        self.granted = granted


class RefreshTokenOnly(NotSent):
    """The answer to a refresh has only a readable refresh token, which has to be stored."""

    def __init__(self, refresh_token: str) -> None:
        super().__init__("Intuit's token answer has no usable access token")
        self.refresh_token = refresh_token


class OAuthClient:
    """Sends OAuth requests to Intuit for one app."""

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
        """The longest duration of a refresh's two requests: for the endpoints, and for the tokens."""
        return timedelta(seconds=2 * self._request_seconds)

    async def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Return the address where a person consents. The caller stores `state` and checks it at the callback."""
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
        """Exchange the code of a callback for tokens.

        Raises:
            GrantRefused: The code is invalid or expired.
            GrantUnusable: The answer can't be used, and the code is spent.
            NotSent: Intuit could not be reached, or did not answer; the code may be spent.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        answer = await self._token_request(form)
        if answer.status == HTTPStatus.OK:
            tokens = self._tokens(answer)
            if tokens is None:
                raise GrantUnusable(
                    "Intuit's token answer is too long or invalid; start again with q2c connect",
                    self._readable(answer),
                )
            return tokens
        said = f"HTTP {answer.status} {_error_of(answer)}".strip()
        if answer.status in _NOT_NOW or not HTTPStatus(400) <= answer.status < HTTPStatus(500):
            raise NotSent(f"Intuit did not exchange the code: {said}")
        raise GrantRefused(f"Intuit refused the code ({said}); start again with q2c connect")

    async def refresh(self, refresh_token: str) -> TokenSet:
        """Refresh the tokens. The returned refresh token replaces the old one.

        Absurd values beside a readable token are taken as Intuit documents them: losing a rotated token would end the
        connection, while a token that expires earlier is refused and refreshed then.

        Raises:
            ReconnectRequired: The refresh token is invalid; a person has to connect again.
            RefreshTokenOnly: The refresh token was rotated, but the answer has no access token.
            NotSent: Intuit could not be reached, or did not answer; the old token stays valid for a day.
        """
        answer = await self._token_request({"grant_type": "refresh_token", "refresh_token": refresh_token})
        if answer.status != HTTPStatus.OK:
            error = _error_of(answer)
            if error == "invalid_grant":
                raise ReconnectRequired("Intuit no longer accepts the refresh token (invalid_grant)")
            raise NotSent(f"Intuit did not refresh the token: HTTP {answer.status} {error}".strip())
        tokens = self._tokens(answer)
        if tokens is not None:
            return tokens
        readable = self._readable(answer)
        logger.warning("oauth.answer_odd", intuit_tid=answer.intuit_tid, kept=readable is not None)
        if readable is None:
            raise NotSent("Intuit's token answer could not be read")
        if not readable.access_token:
            raise RefreshTokenOnly(readable.refresh_token)
        return replace(readable, refresh_token=readable.refresh_token or refresh_token)

    async def revoke(self, token: str) -> None:
        """Revoke a token; a token that Intuit does not know counts as revoked.

        Raises:
            NotSent: Intuit could not be reached, or did not revoke it.
        """
        discovery = await self.discovery()
        answer = await self._answer(
            "POST", discovery.revocation_endpoint, json={"token": token}, auth=self._auth
        )
        logger.info("oauth.revoked", status=answer.status, intuit_tid=answer.intuit_tid)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:
            raise NotSent(f"Intuit did not revoke the token: HTTP {answer.status}")

    async def discovery(self) -> Discovery:
        """Return the endpoints; the document is read once.

        Raises:
            NotSent: The document could not be read, or names an endpoint that must not get secrets.
        """
        if self._discovered is None:
            answer = await self._answer("GET", self._discovery_url)
            if answer.status != HTTPStatus.OK or not answer.whole:
                said = (
                    f"HTTP {answer.status}" if answer.whole else f"it is over {ANSWER_BYTES_MAX} bytes long"
                )
                raise NotSent(f"Intuit's discovery document could not be read: {said}")
            try:
                found = msgspec.json.decode(answer.body, type=Discovery)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise NotSent(
                    f"Intuit's discovery document could not be read: {type(error).__name__}"
                ) from error
            for name in Discovery.__struct_fields__:
                if not self._trusted(getattr(found, name)):
                    raise NotSent(f"Intuit's discovery document gives no https address as its {name}")
            self._discovered = found
        return self._discovered

    def _trusted(self, endpoint: str) -> bool:
        """Return whether an endpoint may get secrets: https, or http if the document itself came over http."""
        try:
            address = urlsplit(endpoint)
        except ValueError:
            return False
        schemes = {"https", urlsplit(self._discovery_url).scheme} & {"https", "http"}
        return address.scheme in schemes and bool(address.hostname)

    async def _token_request(self, form: dict[str, str]) -> _Answer:
        discovery = await self.discovery()
        answer = await self._answer(
            "POST", discovery.token_endpoint, data=form, auth=self._auth, headers=_HARD_END
        )
        logger.info(
            "oauth.token", grant=form["grant_type"], status=answer.status, intuit_tid=answer.intuit_tid
        )
        return answer

    async def _answer(
        self, method: str, url: str, *, headers: dict[str, str] | None = None, **sent: Any
    ) -> _Answer:
        """Send a request with a time limit for the whole answer, and read it up to the limit.

        Raises:
            NotSent: Intuit could not be reached, or did not answer.
        """
        # A compressed answer could be far longer than its bytes.
        stated = {"accept": "application/json", "accept-encoding": "identity", **(headers or {})}
        body = bytearray()
        try:
            async with (
                asyncio.timeout(self._request_seconds),
                self._http.stream(method, url, headers=stated, **sent) as response,
            ):
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise NotSent("Intuit compressed its answer, although the request forbids it")
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > ANSWER_BYTES_MAX:
                        break
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise NotSent(f"Intuit did not answer: {type(error).__name__}") from error
        return _Answer(
            response.status_code,
            bytes(body[:ANSWER_BYTES_MAX]),
            len(body) <= ANSWER_BYTES_MAX,
            response.headers.get("intuit_tid"),
        )

    def _tokens(self, answer: _Answer) -> TokenSet | None:
        """Return the tokens of an answer; None if any part of it is invalid."""
        try:
            found = msgspec.json.decode(answer.body, type=_TokenAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None  # the error would quote the answer, which may contain a token
        if not answer.whole:
            return None
        now = self._clock.now()
        hard_end = found.x_refresh_token_hard_expires_in
        return TokenSet(
            access_token=found.access_token,
            refresh_token=found.refresh_token,
            access_expires_at=now + timedelta(seconds=found.expires_in),
            refresh_expires_at=now + timedelta(seconds=found.x_refresh_token_expires_in),
            refresh_hard_expires_at=None if hard_end is None else now + timedelta(seconds=hard_end),
        )

    def _readable(self, answer: _Answer) -> TokenSet | None:
        """Return the readable tokens of an invalid answer; missing tokens are empty."""
        found = {name: pattern.search(answer.body) for name, pattern in _TOKENS.items()}
        if not any(found.values()):
            return None
        now = self._clock.now()
        access, refresh = (match[1].decode() if match else "" for match in found.values())
        return TokenSet(
            access_token=access,
            refresh_token=refresh,
            access_expires_at=now + timedelta(seconds=ACCESS_TOKEN_SECONDS_DEFAULT),
            refresh_expires_at=now + timedelta(seconds=REFRESH_TOKEN_SECONDS_DEFAULT),
        )


def _error_of(answer: _Answer) -> str:
    """Return the code of an error; an empty text if the answer has none."""
    try:
        said = msgspec.json.decode(answer.body, type=_ErrorAnswer).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return said if _ERROR_CODE.fullmatch(said) else ""
