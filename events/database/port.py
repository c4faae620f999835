"""The `Database` port: work inside a transaction is a plain function of a connection.

`await database.transaction(append, records)` runs `append(connection, records)` in one transaction:
committed when it returns, rolled back when it raises. The function can't await, so no transaction stays
open during a network call, and the same functions run in production, embedded and simulated.

Where the order of transactions matters, the function acquires a lock (`events.database.locks`): SQLite has one writer
at a time anyway, PostgreSQL has many.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import sqlalchemy as sa

P = ParamSpec("P")
T = TypeVar("T")


class Database(Protocol):
    """Runs functions of a connection in transactions."""

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` in a writing transaction.

        Raises:
            DatabaseUnavailable: The database could not be reached or stayed locked. Nothing was written,
                unless only the answer to the commit was lost: so a retry must do no harm.
        """
        ...

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on one consistent snapshot; `work` must not write."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
