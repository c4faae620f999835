"""Group commit: while one transaction runs, what else is to be stored gathers, and is stored by the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import sqlalchemy as sa

from events.database.port import Database
from events.errors import DatabaseUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Stores items together that come together, in the order in which they came.

    Nobody waits for company: who is alone is stored alone.

    Args:
        work: Stores a group in one transaction; returns a result for each.
        size: How much of a transaction an item takes.
        size_max: How much a group takes at most, so that nobody waits for long behind it; an item that is larger is
            stored alone.
        before: Awaited before each group; who comes meanwhile joins it.
    """

    def __init__(
        self,
        work: Callable[[sa.Connection, Sequence[Item]], Sequence[Result]],
        size: Callable[[Item], int] = lambda _: 0,
        size_max: int = 0,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._work = work
        self._size = size
        self._size_max = size_max
        self._before = before
        self._gathering: list[tuple[Item, asyncio.Future[Result]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, database: Database, item: Item) -> Result:
        """Store an item in one transaction with whatever else waits to be stored; return its result.

        Whoever is cancelled meanwhile takes nobody along: the transaction is no member's own.

        Raises:
            DatabaseUnavailable: Nothing of the group was stored, unless it was the answer that got lost.
        """
        stored: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._gathering.append((item, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store(database), name="group-commit")
        return await stored

    async def _store(self, database: Database) -> None:
        """Store group after group, until nobody waits."""
        group: Sequence[tuple[Item, asyncio.Future[Result]]] = ()
        while self._gathering:
            try:
                if self._before is not None:
                    await self._before()
                group = self._next()
                await self._store_group(database, group)
            except asyncio.CancelledError:  # with the whole process
                for _, stored in (*group, *self._gathering):
                    stored.cancel()
                raise

    def _next(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        """Take whoever waits longest, and whoever comes next, as long as there is room."""
        count = taken = 0
        for item, _ in self._gathering:
            taken += self._size(item)
            if count and taken > self._size_max:
                break
            count += 1
        group, self._gathering = self._gathering[:count], self._gathering[count:]
        return group

    async def _store_group(
        self, database: Database, group: Sequence[tuple[Item, asyncio.Future[Result]]]
    ) -> None:
        try:
            results = await database.transaction(self._work, [item for item, _ in group])
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever ends the transaction is for its cause to raise
            one_may_be_the_cause = isinstance(error, Exception) and not isinstance(error, DatabaseUnavailable)
            if len(group) == 1 or not one_may_be_the_cause:
                _fail(group, error)
                return
            for member in group:  # the others are not to suffer
                await self._store_group(database, [member])
        else:
            for (_, stored), result in zip(group, results, strict=True):
                if not stored.done():  # cancelled
                    stored.set_result(result)


def _fail(group: Sequence[tuple[object, asyncio.Future[Result]]], error: BaseException) -> None:
    for _, stored in group:
        if not stored.done():  # cancelled
            stored.set_exception(error)
