"""The client of the QuickBooks Online API, which distinguishes every outcome of a request.

It never retries a write: the dispatcher decides that. It does resend a write once, byte for byte, after a 401 with a
fresh token, since a request with a refused token was not applied. A failed read is retried, since it changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import msgspec
import structlog
from msgspec import Struct
from prometheus_client import Histogram

from events.clock import Clock
from worker.quickbooks import queries
from worker.quickbooks.errors import (
    APPLICATION_ERROR,
    GATE_OF_COMPANY,
    THROTTLED,
    CompanyBlocked,
    FaultError,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unauthorized,
)
from worker.quickbooks.faults import parse_fault
from worker.quickbooks.pacing import Pacing
from worker.quickbooks.queries import Condition
from worker.quickbooks.tokens import TokenStore

MINOR_VERSION = "75"
ANSWER_BYTES_MAX = 20 * 1024 * 1024
THROTTLED_SECONDS = 60.0
RESTARTS_MAX = 3
READ_PAUSES_SECONDS = (0.2, 0.5)

Entity = dict[str, Any]
BeforeSending = Callable[[], Awaitable[None]]
# These errors are raised before any byte is sent.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

_seconds = Histogram(
    "q2c_quickbooks_request_seconds", "Duration of requests to QuickBooks", ["entity", "status"]
)
logger = structlog.get_logger()


class _Reply(Struct, frozen=True):
    """An HTTP answer of QuickBooks."""

    status: int
    body: bytes
    faults: tuple[FaultError, ...]
    intuit_tid: str | None

    @property
    def throttled(self) -> bool:
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self._says(THROTTLED)

    @property
    def failed(self) -> bool:
        """Whether QuickBooks failed; it may have applied the request all the same."""
        late = self.status == HTTPStatus.REQUEST_TIMEOUT
        return late or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self._says(APPLICATION_ERROR)

    @property
    def token_refused(self) -> bool:
        """Whether a fresh token could help; not if the user or the app lacks the right."""
        return self.status == HTTPStatus.UNAUTHORIZED and not self.company_refused

    @property
    def company_refused(self) -> bool:
        """Whether QuickBooks refuses every request for the company; such an answer may have status 200."""
        return any(self._says(code) for code in GATE_OF_COMPANY)

    @property
    def refused(self) -> bool:
        """Whether QuickBooks rejected the request with a code. An answer without a code may come from a proxy."""
        return any(fault.code for fault in self.faults)

    def _says(self, code: str) -> bool:
        return any(fault.code == code for fault in self.faults)


class QuickBooksClient:
    """Calls the API for any realm whose tokens are stored."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_url: str,
        tokens: TokenStore,
        clock: Clock,
        *,
        throttled_seconds: float = THROTTLED_SECONDS,
    ) -> None:
        self._http = http
        self._base = f"{api_url.rstrip('/')}/v3/company"
        self._tokens = tokens
        self._clock = clock
        self._pacing = Pacing(clock)
        self._throttled_seconds = throttled_seconds

    async def create(
        self,
        realm: str,
        entity: str,
        body: bytes,
        request_id: str,
        *,
        before_sending: BeforeSending | None = None,
    ) -> Entity:
        """Create an object from a body that is sent unchanged; return the object as QuickBooks stored it.

        `before_sending` is awaited last, when the company's turn has come; if it raises, nothing is sent.

        Raises:
            NotSent: The request was certainly not applied.
            OutcomeUnknown: The request may have been applied.
            Rejected: QuickBooks rejected the request.
            CompanyBlocked: QuickBooks refuses every request for the company.
        """
        answer = await self._call(
            "POST",
            realm,
            entity.lower(),
            {"requestid": request_id},
            content=body,
            headers={"content-type": "application/json"},
            before_sending=before_sending,
        )
        created = answer.get(entity)
        if not isinstance(created, dict) or not created.get("Id"):
            raise OutcomeUnknown(f"QuickBooks' answer has no {entity}")
        return created

    async def read(self, realm: str, entity: str, entity_id: str) -> Entity:
        """Read one object by its ID."""
        path = f"{entity.lower()}/{quote(entity_id, safe='')}"
        return _member(await self._read(realm, path, {}), entity)

    async def query(self, realm: str, statement: str) -> Entity:
        """Run one query; return its `QueryResponse`."""
        return _member(await self._read(realm, "query", {"query": statement}), "QueryResponse")

    async def query_pages(
        self, realm: str, entity: str, where: Sequence[Condition] = (), *, fields: Sequence[str] = ("*",)
    ) -> AsyncIterator[list[Entity]]:
        """Yield the objects that meet the conditions, page by page in the order of their IDs, each once.

        `fields` are the fields to read, with `Id`; by default all.

        Edits do not change the order of IDs, but a deletion would move rows onto a page already read. So each page
        begins with the last row of the page before; if it does not, reading starts over.

        Raises:
            OutcomeUnknown: An answer could not be read, or rows kept disappearing.
        """
        seen: set[str] = set()
        for _ in range(RESTARTS_MAX + 1):
            start, last = 1, None
            while True:
                statement = queries.select(
                    entity, where, fields=fields, start=start, rows=queries.PAGE_ROWS_MAX
                )
                rows = _rows(await self.query(realm, statement), entity)
                if last is not None and (not rows or rows[0]["Id"] != last):
                    break
                if fresh := [row for row in rows if row["Id"] not in seen]:
                    seen.update(row["Id"] for row in fresh)
                    yield fresh
                if len(rows) < queries.PAGE_ROWS_MAX:
                    return
                start, last = start + len(rows) - 1, rows[-1]["Id"]
        raise OutcomeUnknown(f"The list of {entity} kept changing while it was read")

    async def company_info(self, realm: str) -> Entity:
        """Read the company's `CompanyInfo`."""
        return _member(await self._read(realm, f"companyinfo/{quote(realm, safe='')}", {}), "CompanyInfo")

    async def prove(self, realm: str, access_token: str) -> Entity:
        """Read the company's `CompanyInfo` with unproven tokens, without a retry.

        Raises:
            Unauthorized: The tokens are invalid, or belong to another company.
            CompanyBlocked: QuickBooks refuses every request for the company.
            QuickBooksError: There was no answer, or one that proves nothing.
        """
        path = f"companyinfo/{quote(realm, safe='')}"
        return _member(await self._call("GET", realm, path, {}, with_token=access_token), "CompanyInfo")

    async def preferences(self, realm: str) -> Entity:
        """Read the company's `Preferences`."""
        return _member(await self._read(realm, "preferences", {}), "Preferences")

    async def _read(self, realm: str, path: str, params: dict[str, str]) -> Entity:
        for seconds in READ_PAUSES_SECONDS:
            try:
                return await self._call("GET", realm, path, params)
            except Throttled:
                raise
            except (NotSent, OutcomeUnknown):
                await self._clock.sleep(seconds)
        return await self._call("GET", realm, path, params)

    async def _call(
        self,
        method: str,
        realm: str,
        path: str,
        params: dict[str, str],
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        before_sending: BeforeSending | None = None,
        with_token: str | None = None,
    ) -> Entity:
        # The whole URL at once, since httpx would parse a URL again to add parameters.
        url = f"{self._base}/{quote(realm, safe='')}/{path}?{urlencode({**params, 'minorversion': MINOR_VERSION})}"
        token = with_token or await self._tokens.access_token(realm)
        for last_try in (False, True):
            request = self._http.build_request(
                method,
                url,
                content=content,
                headers={**(headers or {}), "authorization": f"Bearer {token}"},
            )
            async with self._pacing.slot(realm):
                if before_sending is not None:
                    await before_sending()
                    self._pacing.refuse_if_paused(realm)
                reply = await self._send(request, realm, path, params.get("requestid"))
                if reply.throttled:
                    self._pacing.pause(realm, self._throttled_seconds)
            if last_try or with_token or not reply.token_refused:
                break
            token = await self._tokens.renewed(realm, token)
        return _answer(reply)

    async def _send(self, request: httpx.Request, realm: str, path: str, request_id: str | None) -> _Reply:
        started = self._clock.monotonic()
        status: str = "none"
        reply: _Reply | None = None
        try:
            async with asyncio.timeout(self._http.timeout.read):
                reply = await self._exchange(request)
            status = str(reply.status)
        except _NEVER_SENT as error:
            status = type(error).__name__
            raise NotSent(f"QuickBooks could not be reached: {type(error).__name__}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            status = type(error).__name__
            raise OutcomeUnknown(f"QuickBooks did not answer: {type(error).__name__}") from error
        finally:
            seconds = self._clock.monotonic() - started
            entity = path.partition("/")[0]
            _seconds.labels(entity, status).observe(seconds)
            logger.info(
                "quickbooks.call",
                realm=realm,
                method=request.method,
                entity=entity,
                status=status,
                fault=reply.faults[0].code if reply is not None and reply.faults else None,
                intuit_tid=reply.intuit_tid if reply is not None else None,
                request_id=request_id,
                seconds=round(seconds, 3),
            )
        return reply

    async def _exchange(self, request: httpx.Request) -> _Reply:
        """Send a request, and read the answer up to the limit."""
        response = await self._http.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > ANSWER_BYTES_MAX:
                    raise OutcomeUnknown(f"The answer is longer than {ANSWER_BYTES_MAX} bytes")
        finally:
            await response.aclose()
        whole = bytes(body)
        return _Reply(
            status=response.status_code,
            body=whole,
            faults=parse_fault(whole),
            intuit_tid=response.headers.get("intuit_tid"),
        )


def _answer(reply: _Reply) -> Entity:
    """Return the answer's document, or raise the error that it means."""
    status, faults = reply.status, reply.faults
    if reply.throttled:
        raise Throttled("QuickBooks rate-limited the company")
    if reply.token_refused:
        raise Unauthorized(f"QuickBooks refuses the access token{_quoted(faults)}", faults)
    if reply.company_refused:
        raise CompanyBlocked(Rejected(status, faults, reply.intuit_tid))
    if reply.failed:
        raise OutcomeUnknown(f"QuickBooks failed: HTTP {status}{_quoted(faults)}")
    if reply.refused:
        raise Rejected(status, faults, reply.intuit_tid)
    if status >= HTTPStatus.BAD_REQUEST:
        raise OutcomeUnknown(f"The answer is not from QuickBooks: HTTP {status} without an error code")
    try:
        document = _decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OutcomeUnknown(f"QuickBooks' answer could not be read: HTTP {status}") from error
    if status != HTTPStatus.OK or not isinstance(document, dict):
        raise OutcomeUnknown(f"QuickBooks' answer has an unknown status: HTTP {status}")
    return document


def _quoted(faults: Sequence[FaultError]) -> str:
    return f" ({faults[0].code}: {faults[0].message})" if faults else ""


def _member(document: Entity, name: str) -> Entity:
    found = document.get(name)
    if not isinstance(found, dict):
        raise OutcomeUnknown(f"QuickBooks' answer has no {name}")
    return found


def _rows(found: Entity, entity: str) -> list[Entity]:
    """Return the rows of a query; if the answer omits the rows, there are none.

    Raises:
        OutcomeUnknown: The rows could not be read.
    """
    rows = found.get(entity, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("Id") for row in rows):
        raise OutcomeUnknown(f"The {entity} rows of QuickBooks' answer could not be read")
    return rows


_decoder = msgspec.json.Decoder(float_hook=Decimal)
