"""The client of the QuickBooks Online API, which distinguishes every outcome of a request.

It never retries a write: the dispatcher decides that. It does resend a write once, byte for byte, after a 401 with a
fresh token, since a request with a refused token was not applied. A failed read is retried, since it changes nothing.

Reads are metered by Intuit, and counted (`worker.quickbooks.meter`). Synchronization reads with the purpose `bulk`; such
reads raise `ReadsSpent` once the month's budget is nearly used up, so that the rest is left for needed reads.
"""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

import httpx

from events.clock import Clock
from worker.quickbooks import queries
from worker.quickbooks.calls import BeforeSending, Call, Caller
from worker.quickbooks.errors import NotSent, OutcomeUnknown, Throttled
from worker.quickbooks.meter import ReadMeter
from worker.quickbooks.queries import Condition
from worker.quickbooks.reads import Purpose
from worker.quickbooks.replies import Entity
from worker.quickbooks.token_store import TokenStore

THROTTLED_SECONDS = 60.0
RESTARTS_MAX = 3
READ_PAUSES_SECONDS = (0.2, 0.5)


class QuickBooksClient:
    """Calls the API for any realm whose tokens are stored."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_url: str,
        tokens: TokenStore,
        clock: Clock,
        reads: ReadMeter,
        *,
        throttled_seconds: float = THROTTLED_SECONDS,
    ) -> None:
        self._clock = clock
        self._caller = Caller(http, api_url, tokens, clock, reads, throttled_seconds)
        self.reads = reads

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
        call = Call(realm, entity.lower(), {"requestid": request_id}, body=body)
        answer = await self._caller.call(call, before_sending=before_sending)
        created = answer.get(entity)
        if not isinstance(created, dict) or not created.get("Id"):
            raise OutcomeUnknown(f"QuickBooks' answer has no {entity}")
        return created

    async def read(self, realm: str, entity: str, entity_id: str, *, purpose: Purpose = "needed") -> Entity:
        """Read one object by its ID."""
        path = f"{entity.lower()}/{quote(entity_id, safe='')}"
        return _member(await self._read(realm, path, purpose=purpose), entity)

    async def query(self, realm: str, statement: str, *, purpose: Purpose = "needed") -> Entity:
        """Run one query; return its `QueryResponse`."""
        found = await self._read(realm, "query", {"query": statement}, purpose=purpose)
        return _member(found, "QueryResponse")

    async def query_pages(
        self,
        realm: str,
        entity: str,
        where: Sequence[Condition] = (),
        *,
        fields: Sequence[str] = ("*",),
        purpose: Purpose = "needed",
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
                rows = _rows(await self.query(realm, statement, purpose=purpose), entity)
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
        return _member(await self._read(realm, f"companyinfo/{quote(realm, safe='')}"), "CompanyInfo")

    async def prove(self, realm: str, access_token: str) -> Entity:
        """Read the company's `CompanyInfo` with unproven tokens, without a retry.

        Raises:
            Unauthorized: The tokens are invalid, or belong to another company.
            CompanyBlocked: QuickBooks refuses every request for the company.
            QuickBooksError: There was no answer, or one that proves nothing.
        """
        path = f"companyinfo/{quote(realm, safe='')}"
        return _member(
            await self._caller.call(Call(realm, path, reads=1), with_token=access_token), "CompanyInfo"
        )

    async def preferences(self, realm: str) -> Entity:
        """Read the company's `Preferences`."""
        return _member(await self._read(realm, "preferences"), "Preferences")

    async def _read(
        self, realm: str, path: str, params: dict[str, str] | None = None, *, purpose: Purpose = "needed"
    ) -> Entity:
        return await self._retried(Call(realm, path, params or {}, reads=1, purpose=purpose))

    async def _retried(self, call: Call) -> Entity:
        """Send a request that changes nothing; send it again if it has no answer."""
        if call.purpose == "bulk":
            await self.reads.refuse_if_spent()
        for seconds in READ_PAUSES_SECONDS:
            try:
                return await self._caller.call(call)
            except Throttled:
                raise
            except (NotSent, OutcomeUnknown):
                await self._clock.sleep(seconds)
        return await self._caller.call(call)


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
