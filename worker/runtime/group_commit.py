"""Group commit: items that arrive while a transaction runs are stored together by the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import sqlalchemy as sa

from events.database.port import Database
from events.errors import DatabaseUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class CommitQueue(Generic[Item, Result]):
    """Stores concurrent items in one transaction, in the order of their arrival.

    An item never waits for others to join it: a single item is stored alone.

    Args:
        work: Stores a group in one transaction, and returns a result for each item.
        size: Returns the size of an item.
        size_max: The largest size of a group, so that no item waits long behind it; a larger item is stored alone.
        before: Awaited before each group; items that arrive meanwhile join the group.
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
        """Store an item in one transaction with the other waiting items; return its result.

        Cancelling one caller does not affect the others: the transaction belongs to no caller.

        Raises:
            DatabaseUnavailable: Nothing of the group was stored, unless only the answer to the commit was lost.
        """
        stored: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._gathering.append((item, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store(database), name="group-commit")
        return await stored

    async def _store(self, database: Database) -> None:
        """Store group after group, until no item waits."""
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
        """Return the next group: the oldest item and those after it, up to `size_max`."""
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
        except BaseException as error:  # noqa: BLE001 - the caller whose item failed raises it
            one_may_be_the_cause = isinstance(error, Exception) and not isinstance(error, DatabaseUnavailable)
            if len(group) == 1 or not one_may_be_the_cause:
                _fail(group, error)
                return
            for member in group:  # so that only the failing item fails
                await self._store_group(database, [member])
        else:
            for (_, stored), result in zip(group, results, strict=True):
                if not stored.done():  # cancelled
                    stored.set_result(result)


def _fail(group: Sequence[tuple[object, asyncio.Future[Result]]], error: BaseException) -> None:
    for _, stored in group:
        if not stored.done():  # cancelled
            stored.set_exception(error)
