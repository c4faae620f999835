"""The QuickBooks Online API: one long-lived HTTP client, every outcome told apart.

It never repeats a write: that decision is the dispatcher's. It does resend once, byte for byte, after a
401 with a fresh token, since a request refused for its token was not applied.
"""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import httpx
import msgspec
import structlog
from prometheus_client import Histogram

from events.clock import Clock
from worker.quickbooks import queries
from worker.quickbooks.errors import (
    APPLICATION_ERROR,
    LACK_OF_RIGHTS,
    THROTTLED,
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
CONNECT_SECONDS = 10.0
CONNECTIONS_MAX = 64

Entity = dict[str, Any]
# Raised before anything was written to the wire.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

_seconds = Histogram("q2c_quickbooks_request_seconds", "Requests to QuickBooks", ["entity", "status"])
logger = structlog.get_logger()


def http_client(
    timeout_seconds: float, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Open the one HTTP client, with every limit and timeout stated."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
        follow_redirects=False,
        transport=transport,
        headers={"accept": "application/json", "user-agent": "coeffection-quickbooks"},
    )


class QuickBooksClient:
    """Calls the API for any realm whose tokens we hold."""

    def __init__(self, http: httpx.AsyncClient, api_url: str, tokens: TokenStore, clock: Clock) -> None:
        self._http = http
        self._base = f"{api_url.rstrip('/')}/v3/company"
        self._tokens = tokens
        self._clock = clock
        self._pacing = Pacing(clock)

    async def create(self, realm: str, entity: str, body: bytes, request_id: str) -> Entity:
        """Create an object from a body that is sent as it is; return what QuickBooks holds.

        Raises:
            NotSent: It was certainly not applied.
            OutcomeUnknown: It may have been.
            Rejected: QuickBooks refused it.
        """
        answer = await self._call(
            "POST",
            realm,
            entity.lower(),
            {"requestid": request_id},
            content=body,
            headers={"content-type": "application/json"},
        )
        created = answer.get(entity)
        if not isinstance(created, dict) or not created.get("Id"):
            raise OutcomeUnknown(f"The answer holds no {entity}")
        return created

    async def query_pages(
        self, realm: str, entity: str, where: Sequence[Condition] = ()
    ) -> AsyncIterator[list[Entity]]:
        """Read every object that meets the conditions, page by page in the order of their ids."""
        start = 1
        while True:
            statement = queries.select(entity, where, start=start)
            answer = await self._call("GET", realm, "query", {"query": statement})
            rows = answer.get("QueryResponse", {}).get(entity, [])
            if rows:
                yield rows
            if len(rows) < queries.PAGE_ROWS_MAX:
                return
            start += len(rows)

    async def company_info(self, realm: str) -> Entity:
        """Read what the company says of itself."""
        return _member(await self._call("GET", realm, f"companyinfo/{realm}", {}), "CompanyInfo")

    async def preferences(self, realm: str) -> Entity:
        """Read how the company is set up."""
        return _member(await self._call("GET", realm, "preferences", {}), "Preferences")

    async def _call(
        self,
        method: str,
        realm: str,
        path: str,
        params: dict[str, str],
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Entity:
        token = await self._tokens.access_token(realm)
        for last_try in (False, True):
            request = self._http.build_request(
                method,
                f"{self._base}/{realm}/{path}",
                params={**params, "minorversion": MINOR_VERSION},
                content=content,
                headers={**(headers or {}), "authorization": f"Bearer {token}"},
            )
            await self._pacing.turn(realm)
            response = await self._send(request, realm, path, params.get("requestid"))
            if last_try or not _token_refused(response):
                break
            token = await self._tokens.renewed(realm, token)
        return _answer(response)

    async def _send(
        self, request: httpx.Request, realm: str, path: str, request_id: str | None
    ) -> httpx.Response:
        started = self._clock.monotonic()
        status: str = "none"
        tid: str | None = None
        try:
            response = await self._http.send(request)
            status, tid = str(response.status_code), response.headers.get("intuit_tid")
        except _NEVER_SENT as error:
            status = type(error).__name__
            raise NotSent(f"QuickBooks could not be reached: {type(error).__name__}") from error
        except httpx.HTTPError as error:
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
                intuit_tid=tid,
                request_id=request_id,
                seconds=round(seconds, 3),
            )
        if len(response.content) > ANSWER_BYTES_MAX:
            raise OutcomeUnknown(f"The answer is {len(response.content)} bytes")
        return response


def _answer(response: httpx.Response) -> Entity:
    """Read an answer, or raise what it means."""
    status, tid = response.status_code, response.headers.get("intuit_tid")
    faults = parse_fault(response.content)
    codes = {fault.code for fault in faults}
    if status == HTTPStatus.TOO_MANY_REQUESTS or THROTTLED in codes:
        raise Throttled("QuickBooks asked us to slow down")
    if _token_refused(response):
        raise Unauthorized(f"QuickBooks refuses the access token{_said(faults)}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or APPLICATION_ERROR in codes:
        raise OutcomeUnknown(f"QuickBooks failed: HTTP {status}{_said(faults)}")
    if faults or status >= HTTPStatus.BAD_REQUEST:
        raise Rejected(status, faults, tid)
    try:
        document = _decoder.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OutcomeUnknown(f"The answer could not be read: HTTP {status}") from error
    if status != HTTPStatus.OK or not isinstance(document, dict):
        raise OutcomeUnknown(f"The answer is not one we know: HTTP {status}")
    return document


def _token_refused(response: httpx.Response) -> bool:
    """Say whether a fresh token could help; for a user who lost his rights (120) it could not."""
    if response.status_code != HTTPStatus.UNAUTHORIZED:
        return False
    return all(fault.code != LACK_OF_RIGHTS for fault in parse_fault(response.content))


def _said(faults: Sequence[FaultError]) -> str:
    return f" ({faults[0].code}: {faults[0].message})" if faults else ""


def _member(document: Entity, name: str) -> Entity:
    found = document.get(name)
    if not isinstance(found, dict):
        raise OutcomeUnknown(f"The answer holds no {name}")
    return found


_decoder = msgspec.json.Decoder(float_hook=Decimal)
