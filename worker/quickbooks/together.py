"""Queries that wait for a company's turn at the same time are sent together, as one batch.

QuickBooks takes 500 requests a minute, so while a backlog of commands has to be looked up, each look-up by itself would take
the place of a write. A single query is sent alone. A query never waits for others: those that arrive until its turn join it.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from worker.quickbooks import answers
from worker.quickbooks.answers import member
from worker.quickbooks.calls import Call, Caller
from worker.quickbooks.errors import AnswerTooLong, QuickBooksError, Rejected
from worker.quickbooks.reads import Purpose
from worker.quickbooks.replies import Entity

BATCH_MAX = 30
STATEMENT_IN_ADDRESS_MAX = 1_000

# Sends a request that changes nothing, again if it has no answer.
Retried = Callable[[Callable[[], Awaitable[Entity]]], Awaitable[Entity]]
_Waiting = list[tuple[str, asyncio.Future[Entity]]]


class QueriesTogether:
    """Sends the needed queries of each company, those that wait at the same time in one request."""

    def __init__(self, caller: Caller, retried: Retried) -> None:
        self._caller = caller
        self._retried = retried
        self._open: dict[str, _Waiting] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def query(self, realm: str, statement: str) -> Entity:
        """Run a query; return its `QueryResponse`.

        Raises:
            QuickBooksError: The error of this query, or of the request that it was sent with.
        """
        answered: asyncio.Future[Entity] = asyncio.get_running_loop().create_future()
        waiting = self._open.get(realm)
        if waiting is None or len(waiting) >= BATCH_MAX:
            waiting = self._begin(realm, [])
        waiting.append((statement, answered))
        return await answered

    def _begin(self, realm: str, waiting: _Waiting) -> _Waiting:
        self._open[realm] = waiting
        task = asyncio.create_task(self._send(realm, waiting), name="quickbooks queries")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return waiting

    async def _send(self, realm: str, waiting: _Waiting) -> None:
        composed: Call | None = None

        def compose() -> Call:
            nonlocal composed
            if composed is None:
                composed = self._composed(realm, waiting)
            return composed

        try:
            answer = await self._retried(lambda: self._caller.composed(realm, compose))
            self._deliver(waiting, answer)
        except (AnswerTooLong, Rejected) as error:
            if len(waiting) == 1:
                _fail(waiting, error)
            else:
                await asyncio.gather(*(self._send(realm, [one]) for one in waiting))
        except asyncio.CancelledError:  # with the whole process
            for _, answered in waiting:
                answered.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - those who wait raise it
            _fail(waiting, error)
        finally:
            self._close(realm, waiting)  # it may have failed before its turn

    def _composed(self, realm: str, waiting: _Waiting) -> Call:
        """Close the queries that are sent together, and return their request."""
        self._close(realm, waiting)
        if len(waiting) > 1 and not self._caller.takes_batch(realm):
            rest = waiting[1:]
            del waiting[1:]
            self._begin(realm, rest)
        statements = [statement for statement, _ in waiting]
        return single(realm, statements[0]) if len(statements) == 1 else batch(realm, statements, "needed")

    def _close(self, realm: str, waiting: _Waiting) -> None:
        if self._open.get(realm) is waiting:
            del self._open[realm]

    def _deliver(self, waiting: _Waiting, answer: Entity) -> None:
        if len(waiting) == 1:
            _settle(waiting[0][1], member(answer, "QueryResponse"))
            return
        for item, (_, answered) in zip(answers.items_of(answer, len(waiting)), waiting, strict=True):
            _settle(answered, item)


def single(realm: str, statement: str, purpose: Purpose = "needed") -> Call:
    """Return the request of a query; a long one is sent as a body, since addresses have a limit that Intuit does not name."""
    if len(statement) <= STATEMENT_IN_ADDRESS_MAX:
        return Call(realm, "query", {"query": statement}, reads=1, purpose=purpose)
    body, text = statement.encode(), "application/text"
    return Call(realm, "query", body=body, content_type=text, reads=1, purpose=purpose)


def batch(realm: str, statements: list[str], purpose: Purpose) -> Call:
    """Return the request of a batch of queries, whose answer `answers.items_of` reads."""
    items = [{"bId": str(number), "Query": statement} for number, statement in enumerate(statements)]
    body = msgspec.json.encode({"BatchItemRequest": items})
    return Call(realm, "batch", body=body, reads=len(items), purpose=purpose)


def _settle(answered: asyncio.Future[Entity], item: Entity | QuickBooksError) -> None:
    if answered.done():  # cancelled
        return
    if isinstance(item, QuickBooksError):
        answered.set_exception(item)
    else:
        answered.set_result(item)


def _fail(waiting: _Waiting, error: BaseException) -> None:
    for _, answered in waiting:
        if not answered.done():
            answered.set_exception(error)
