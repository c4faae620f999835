"""The client of the QuickBooks Online API, which distinguishes every outcome of a request.

It never retries a write: the dispatcher decides that. It does resend a write once, byte for byte, after a 401 with a
fresh token, since a request with a refused token was not applied. A failed read is retried, since it changes nothing.

Reads are metered by Intuit, and counted (`worker.quickbooks.meter`). Synchronization reads with the purpose `bulk`; such
reads raise `ReadsSpent` once the month's budget is nearly used up, so that the rest is left for needed reads.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import httpx

from events.clock import Clock
from worker.quickbooks import answers, paging, queries
from worker.quickbooks.answers import Changes, member
from worker.quickbooks.calls import BeforeSending, Call, Caller, Commands
from worker.quickbooks.errors import (
    AnswerTooLong,
    NotAnswering,
    NotSent,
    OutcomeUnknown,
    QuickBooksError,
    Throttled,
)
from worker.quickbooks.meter import ReadMeter
from worker.quickbooks.paging import ListPage, PageCursor
from worker.quickbooks.queries import Condition
from worker.quickbooks.reads import Purpose
from worker.quickbooks.replies import Entity
from worker.quickbooks.together import BATCH_MAX, QueriesTogether, batch, single
from worker.quickbooks.token_store import TokenStore

THROTTLED_SECONDS = 60.0
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
        self._together = QueriesTogether(self._caller, self._again)
        self.reads = reads

    def yield_to(self, commands: Commands) -> None:
        """Make few bulk reads of a company while commands of it are due, in any process."""
        self._caller.commands = commands

    def try_one(self, realm: str, paused_seconds: float) -> None:
        """Send one request of a realm at a time until one succeeds: no request was sent for so many seconds before."""
        self._caller.try_one(realm, paused_seconds)

    async def write(
        self,
        realm: str,
        entity: str,
        body: bytes,
        request_id: str,
        *,
        before_sending: BeforeSending | None = None,
    ) -> Entity:
        """Create or update an object by a body that is sent unchanged; return the object as QuickBooks stored it.

        `before_sending` is awaited last, when the company's turn has come; if it raises, nothing is sent.

        Raises:
            NotSent: The request was certainly not applied.
            OutcomeUnknown: The request may have been applied.
            Rejected: QuickBooks rejected the request.
            CompanyBlocked: QuickBooks refuses every request for the company.
        """
        call = Call(realm, entity.lower(), {"requestid": request_id}, body=body)
        answer = await self._caller.call(call, before_sending=before_sending)
        written = answer.get(entity)
        if not isinstance(written, dict) or not written.get("Id"):
            raise OutcomeUnknown(f"QuickBooks' answer has no {entity}")
        return written

    async def read(self, realm: str, entity: str, entity_id: str, *, purpose: Purpose = "needed") -> Entity:
        """Read one object by its ID."""
        path = f"{entity.lower()}/{quote(entity_id, safe='')}"
        return member(await self._read(realm, path, purpose=purpose), entity)

    async def query(self, realm: str, statement: str, *, purpose: Purpose = "needed") -> Entity:
        """Run one query; return its `QueryResponse`.

        Needed queries that wait for a company's turn at the same time are sent in one request.
        """
        if purpose == "needed":
            return await self._together.query(realm, statement)
        return member(await self._retried(single(realm, statement, purpose)), "QueryResponse")

    async def page(
        self,
        realm: str,
        entity: str,
        cursor: PageCursor | None = None,
        where: Sequence[Condition] = (),
        *,
        fields: Sequence[str] = ("*",),
        purpose: Purpose = "bulk",
    ) -> ListPage:
        """Read the next page of the objects that meet the conditions, at most 1,000 rows, and where to continue.

        `cursor` is that of the page before, None for the first page. Following the cursors to their end returns every
        object that exists all the while at least once, in one request more than there are full pages. `fields` are the
        fields to read, with `Id`; by default all. Name lists need the condition of `queries.everything_of`.

        Raises:
            OutcomeUnknown: An answer could not be read, or rows kept disappearing.
        """
        at = cursor or PageCursor()
        answer = await self._retried(single(realm, _page(entity, at, where, fields), purpose))
        fresh, beyond = paging.beyond(at, answers.rows_of(member(answer, "QueryResponse"), entity), entity)
        return ListPage(fresh, beyond, answers.answered_at(answer))

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

        Raises:
            OutcomeUnknown: An answer could not be read, or rows kept disappearing.
        """
        seen: set[str] = set()
        cursor: PageCursor | None = PageCursor()
        while cursor is not None:
            found = await self.query(realm, _page(entity, cursor, where, fields), purpose=purpose)
            rows, cursor = paging.beyond(cursor, answers.rows_of(found, entity), entity)
            if fresh := [row for row in rows if row["Id"] not in seen]:
                seen.update(row["Id"] for row in fresh)
                yield fresh

    async def by_ids(
        self,
        realm: str,
        entity: str,
        ids: Collection[str],
        *,
        fields: Sequence[str] = ("*",),
        purpose: Purpose = "bulk",
    ) -> list[Entity]:
        """Read the objects with certain Ids, inactive ones included: one read for each 250 Ids.

        Returns:
            The objects that exist, in any order; a deleted one is missing.
        """
        found: list[Entity] = []
        for statement in queries.by_ids(entity, ids, fields=fields):
            found += answers.rows_of(await self.query(realm, statement, purpose=purpose), entity)
        return found

    async def cdc(
        self, realm: str, entities: Sequence[str], changed_since: datetime, *, purpose: Purpose = "bulk"
    ) -> Changes:
        """Read the objects that changed since an instant, of at most the last 30 days, by change data capture.

        QuickBooks does not capture `TaxCode`, `TaxRate`, `TaxAgency` and `CompanyInfo`. Look at `Changes.is_cut`.
        """
        since = changed_since.astimezone(UTC).replace(microsecond=0)
        params = {"entities": ",".join(entities), "changedSince": since.isoformat()}
        return answers.changes_in(await self._read(realm, "cdc", params, purpose=purpose), tuple(entities))

    async def batch_queries(
        self, realm: str, statements: Mapping[str, str]
    ) -> dict[str, Entity | QuickBooksError]:
        """Run up to 30 queries in one request, as bulk reads; Intuit meters each of them.

        Args:
            realm: The company.
            statements: The queries, by any keys.

        Returns:
            By the same keys the `QueryResponse` of each query, or the error that this query alone got.

        Raises:
            QuickBooksError: The whole request failed or was refused.
            ValueError: There are more than 30 queries.
        """
        if len(statements) > BATCH_MAX:
            raise ValueError(f"A batch has at most {BATCH_MAX} queries, and not {len(statements)}")
        if not statements:
            return {}
        answer = await self._retried(batch(realm, list(statements.values()), "bulk"))
        return dict(zip(statements, answers.items_of(answer, len(statements)), strict=True))

    async def company_info(self, realm: str) -> Entity:
        """Read the company's `CompanyInfo`."""
        return member(await self._read(realm, f"companyinfo/{quote(realm, safe='')}"), "CompanyInfo")

    async def prove(self, realm: str, access_token: str) -> Entity:
        """Read the company's `CompanyInfo` with unproven tokens, without a retry.

        Raises:
            Unauthorized: The tokens are invalid, or belong to another company.
            CompanyBlocked: QuickBooks refuses every request for the company.
            QuickBooksError: There was no answer, or one that proves nothing.
        """
        path = f"companyinfo/{quote(realm, safe='')}"
        return member(
            await self._caller.call(Call(realm, path, reads=1), with_token=access_token), "CompanyInfo"
        )

    async def try_reading(self, realm: str, entity: str, access_token: str) -> None:
        """Read the ID of one object with unproven tokens, without a retry; the raised error says whether that is refused.

        Raises:
            CompanyBlocked: QuickBooks refuses requests for the company, or for these objects.
            QuickBooksError: There was no answer, or another refusal.
        """
        statement = queries.select(entity, (), fields=("Id",), start=1, rows=1)
        call = Call(realm, "query", {"query": statement}, reads=1)
        member(await self._caller.call(call, with_token=access_token), "QueryResponse")

    async def preferences(self, realm: str) -> Entity:
        """Read the company's `Preferences`."""
        return member(await self._read(realm, "preferences"), "Preferences")

    async def _read(
        self, realm: str, path: str, params: dict[str, str] | None = None, *, purpose: Purpose = "needed"
    ) -> Entity:
        return await self._retried(Call(realm, path, params or {}, reads=1, purpose=purpose))

    async def _retried(self, call: Call) -> Entity:
        """Send a request that changes nothing; send it again if it has no answer."""
        if call.purpose == "bulk":
            await self.reads.refuse_if_spent()
        return await self._again(lambda: self._caller.call(call))

    async def _again(self, send: Callable[[], Awaitable[Entity]]) -> Entity:
        pauses, failure = iter(READ_PAUSES_SECONDS), None
        while True:
            try:
                return await send()
            except NotAnswering as paused:
                # By its own failure, a look-up finds out that other queries may be answered.
                raise failure or paused from None
            except (Throttled, AnswerTooLong):
                raise
            except (NotSent, OutcomeUnknown) as error:
                failure, seconds = error, next(pauses, None)
                if seconds is None:
                    raise
                await self._clock.sleep(seconds)


def _page(entity: str, cursor: PageCursor, where: Sequence[Condition], fields: Sequence[str]) -> str:
    return queries.select(entity, where, fields=fields, start=cursor.start, rows=queries.PAGE_ROWS_MAX)
