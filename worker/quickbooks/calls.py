"""One request to QuickBooks: with a token, in its turn, logged, and counted if it is a read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol
from urllib.parse import quote, urlencode

import httpx
import structlog
from msgspec import Struct
from prometheus_client import Histogram

from events.clock import Clock
from worker.quickbooks.errors import AnswerTooLong, NotSent, OutcomeUnknown
from worker.quickbooks.faults import parse_fault
from worker.quickbooks.meter import ReadMeter
from worker.quickbooks.pacing import NEEDED, Pacing, Turn
from worker.quickbooks.reads import Purpose
from worker.quickbooks.replies import ApiReply, Entity, document
from worker.quickbooks.token_store import TokenStore

MINOR_VERSION = "75"
ANSWER_BYTES_MAX = 20 * 1024 * 1024

BeforeSending = Callable[[], Awaitable[None]]
# These errors are raised before any byte is sent.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

_seconds = Histogram(
    "q2c_quickbooks_request_seconds", "Duration of requests to QuickBooks", ["entity", "status"]
)
logger = structlog.get_logger()


class Commands(Protocol):
    """The commands of companies, in any process, to which bulk reads yield."""

    async def are_due(self, realm: str) -> bool:
        """Return whether commands of a company are due; `Throttled` if no request may be sent for it."""
        ...

    async def pause(self, realm: str) -> None:
        """Send no command of a company for a while, because QuickBooks rate-limited a bulk read."""
        ...


class Call(Struct, frozen=True):
    """A request to QuickBooks.

    Attributes:
        realm: The company.
        path: The path behind the company, such as `invoice/17`.
        params: The parameters of its URL.
        body: The body of a POST.
        content_type: Its type.
        reads: How many reads Intuit meters for it; 0 for a write.
        purpose: The purpose of its reads.
    """

    realm: str
    path: str
    params: dict[str, str] = {}
    body: bytes | None = None
    content_type: str = "application/json"
    reads: int = 0
    purpose: Purpose = "needed"

    @property
    def method(self) -> Literal["GET", "POST"]:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"

    @property
    def is_batch(self) -> bool:
        """Whether it is a batch, of which QuickBooks takes fewer."""
        return self.path == "batch"

    @property
    def entity(self) -> str:
        """The entity or endpoint that the path names first."""
        return self.path.partition("/")[0]


class Caller:
    """Sends requests for any realm whose tokens are stored.

    Attributes:
        commands: The commands to which bulk reads yield; None if there are none.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_url: str,
        tokens: TokenStore,
        clock: Clock,
        reads: ReadMeter,
        throttled_seconds: float,
    ) -> None:
        self._http = http
        self._base = f"{api_url.rstrip('/')}/v3/company"
        self._tokens = tokens
        self._clock = clock
        self._reads = reads
        self._pacing = Pacing(clock, throttled_seconds)
        self.commands: Commands | None = None

    async def call(
        self, call: Call, *, before_sending: BeforeSending | None = None, with_token: str | None = None
    ) -> Entity:
        """Send a request, once more with a fresh token if QuickBooks refuses the first; return the answer's document.

        `before_sending` is awaited last, when the company's turn has come; if it raises, nothing is sent.

        Raises:
            QuickBooksError: The error that the answer, or its absence, means.
        """
        if call.purpose == "bulk":
            return await self._yielding(call)
        return await self._sent(
            call.realm, lambda: call, NEEDED, before_sending=before_sending, with_token=with_token
        )

    async def _yielding(self, call: Call) -> Entity:
        """Send a bulk read, seldom while commands are due."""
        commands = self.commands
        beside = commands is not None and await commands.are_due(call.realm)
        turn = Turn("bulk", is_batch=call.is_batch, beside_commands=beside)
        return await self._sent(call.realm, lambda: call, turn)

    async def composed(self, realm: str, compose: Callable[[], Call]) -> Entity:
        """Send a needed request as `call` does, which `compose` returns when the company's turn has come."""
        return await self._sent(realm, compose, NEEDED)

    def takes_batch(self, realm: str) -> bool:
        """Return whether a needed batch may start now, and count it if so."""
        return self._pacing.takes_batch(realm, "needed")

    def try_one(self, realm: str, paused_seconds: float) -> None:
        """Let one request at a time try: the realm was paused for so many seconds, perhaps by another process."""
        self._pacing.try_one(realm, paused_seconds)

    async def _sent(
        self,
        realm: str,
        compose: Callable[[], Call],
        turn: Turn,
        *,
        before_sending: BeforeSending | None = None,
        with_token: str | None = None,
    ) -> Entity:
        token = with_token or await self._tokens.access_token(realm)
        for last_try in (False, True):
            async with self._pacing.slot(realm, turn):
                if before_sending is not None:
                    await before_sending()
                    self._pacing.refuse_if_paused(realm)
                call = compose()
                reply = await self._noted(self._request(call, token), call)
            if last_try or with_token or not reply.token_refused:
                break
            token = await self._tokens.renewed(realm, token)
        return document(reply)

    async def _pause(self, realm: str, purpose: Purpose) -> None:
        self._pacing.pause(realm)
        if purpose == "bulk" and self.commands is not None:
            await self.commands.pause(realm)  # a command stores its own pause

    def _request(self, call: Call, token: str) -> httpx.Request:
        # The whole URL at once, since httpx would parse a URL again to add parameters.
        params = urlencode({**call.params, "minorversion": MINOR_VERSION})
        url = f"{self._base}/{quote(call.realm, safe='')}/{call.path}?{params}"
        content_type = {"content-type": call.content_type} if call.body is not None else {}
        headers = {**content_type, "authorization": f"Bearer {token}"}
        return self._http.build_request(call.method, url, content=call.body, headers=headers)

    async def _noted(self, request: httpx.Request, call: Call) -> ApiReply:
        """Send a request, and note for further requests of the company whether QuickBooks serves it."""
        started = self._clock.monotonic()
        try:
            reply = await self._counted(request, call)
        except AnswerTooLong:
            raise  # an answer all the same
        except (NotSent, OutcomeUnknown):
            self._pacing.failed(call.realm, started, call.purpose)
            raise
        if reply.throttled:
            await self._pause(call.realm, call.purpose)
        elif reply.failed:
            self._pacing.failed(call.realm, started, call.purpose)
        else:
            self._pacing.succeeded(call.realm)
        return reply

    async def _counted(self, request: httpx.Request, call: Call) -> ApiReply:
        """Send a request, and count its reads if QuickBooks may have served it."""
        try:
            reply = await self._send(request, call)
        except OutcomeUnknown:
            self._reads.count(call.realm, call.reads, call.purpose)
            raise
        if reply.served:
            self._reads.count(call.realm, call.reads, call.purpose)
        return reply

    async def _send(self, request: httpx.Request, call: Call) -> ApiReply:
        started = self._clock.monotonic()
        status: str = "none"
        reply: ApiReply | None = None
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
            _seconds.labels(call.entity, status).observe(seconds)
            logger.info(
                "quickbooks.call",
                realm=call.realm,
                method=call.method,
                entity=call.entity,
                status=status,
                fault=reply.faults[0].code if reply is not None and reply.faults else None,
                intuit_tid=reply.intuit_tid if reply is not None else None,
                request_id=call.params.get("requestid"),
                seconds=round(seconds, 3),
            )
        return reply

    async def _exchange(self, request: httpx.Request) -> ApiReply:
        """Send a request, and read the answer up to the limit."""
        response = await self._http.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > ANSWER_BYTES_MAX:
                    raise AnswerTooLong(f"The answer is longer than {ANSWER_BYTES_MAX} bytes")
        finally:
            await response.aclose()
        whole = bytes(body)
        return ApiReply(
            status=response.status_code,
            body=whole,
            faults=parse_fault(whole),
            intuit_tid=response.headers.get("intuit_tid"),
        )
