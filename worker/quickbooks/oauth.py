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
from worker.quickbooks.errors import ConnectionExpired, NotSent, QuickBooksError

SCOPE = "com.intuit.quickbooks.accounting"
ACCESS_TOKEN_SECONDS_DEFAULT = 3600
REFRESH_TOKEN_SECONDS_DEFAULT = 100 * 24 * 3600
SECONDS_MAX = 20 * 366 * 24 * 3600
ANSWER_BYTES_MAX = 64 * 1024
# Answers that may be given another time; any other refusal of a code is final.
_ERROR_CODE = re.compile(r"[a-z_]{1,60}")
_NOT_NOW = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_TOKENS = {
    name: re.compile(rb'"' + name.encode() + rb'"\s*:\s*"([!#-\[\]-~]{1,8192})"')
    for name in ("access_token", "refresh_token")
}
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


# What can stand in a header, and seconds with which any clock can reckon.
Secret = Annotated[str, Meta(pattern=r"^[!-~]{1,8192}(?!\n)$")]
Seconds = Annotated[int, Meta(ge=1, le=SECONDS_MAX)]


class _TokenAnswer(_Veiled, frozen=True):
    access_token: Secret
    refresh_token: Secret
    expires_in: Seconds
    x_refresh_token_expires_in: Seconds = REFRESH_TOKEN_SECONDS_DEFAULT
    x_refresh_token_hard_expires_in: Seconds | None = None


class _Answer(_Veiled, frozen=True):
    """What came over the wire; of what is too long, the beginning."""

    status: int
    body: bytes
    whole: bool
    intuit_tid: str | None


class _ErrorAnswer(Struct, frozen=True):
    error: str = ""


class GrantRefused(QuickBooksError):
    """Intuit refused to exchange a code; the browser has to start again."""


class GrantUnusable(QuickBooksError):
    """Intuit exchanged a code, and what it said can't be used; the browser has to start again.

    Attributes:
        granted: Tokens that could be read all the same, to be revoked.
    """

    def __init__(self, message: str, granted: TokenSet | None) -> None:
        super().__init__(message)
        self.granted = granted


class RefreshTokenOnly(NotSent):
    """Of an answer to a refresh only the new refresh token could be read; it is to be kept."""

    def __init__(self, refresh_token: str) -> None:
        super().__init__("Intuit's token answer holds no access token that can be used")
        self.refresh_token = refresh_token


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
        """Get new tokens. The refresh token may change; the one returned holds from now on.

        What is absurd beside a good token is taken as Intuit documents it: to lose a token that replaced ours would end
        the connection, and one that ends earlier is refused and refreshed then.

        Raises:
            ConnectionExpired: The refresh token is no good; a person has to connect again.
            RefreshTokenOnly: It was replaced, and no access token came with it.
            NotSent: Intuit could not be reached, or did not answer; the old token stays good for a day.
        """
        answer = await self._token_request({"grant_type": "refresh_token", "refresh_token": refresh_token})
        if answer.status != HTTPStatus.OK:
            error = _error_of(answer)
            if error == "invalid_grant":
                raise ConnectionExpired("Intuit no longer accepts the refresh token (invalid_grant)")
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
        """Give a token back; one that Intuit does not know (any more) is given back already.

        Raises:
            NotSent: Intuit could not be reached or did not accept it.
        """
        discovery = await self.discovery()
        answer = await self._answer(
            "POST", discovery.revocation_endpoint, json={"token": token}, auth=self._auth
        )
        logger.info("oauth.revoked", status=answer.status, intuit_tid=answer.intuit_tid)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:
            raise NotSent(f"Intuit did not revoke the token: HTTP {answer.status}")

    async def discovery(self) -> Discovery:
        """Return the endpoints; read once.

        Raises:
            NotSent: The document could not be read, or names an endpoint that secrets should not go to.
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
        """Say whether secrets may go there: https, or http where the document itself came by http."""
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
        """Ask, for so long at most however slowly the answer trickles, and read no more of it than the limit.

        Raises:
            NotSent: Intuit could not be reached, or did not answer.
        """
        # What is compressed could be far longer than what came.
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
        """Read an answer; nothing if there is anything in it that can't be."""
        try:
            found = msgspec.json.decode(answer.body, type=_TokenAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None  # the error would quote what came, and that may hold a token
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
        """Read the tokens of an answer that is odd otherwise, and those it has not as empty."""
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
    """Return the code of an error; nothing of an answer that has none."""
    try:
        said = msgspec.json.decode(answer.body, type=_ErrorAnswer).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return said if _ERROR_CODE.fullmatch(said) else ""
