"""Many rows at once mean the same on either database, and so do the errors."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from events.database import bulk
from events.database.port import Database
from events.log.tables import subscriptions
from projections.fold import Money
from tests.events.samples import NOW

ROWS = [
    {"name": "deals", "position": 1, "holder": "w1", "leased_until": NOW},
    {"name": "mappings", "position": 2, "holder": "w1", "leased_until": None},
    {"name": "invoices", "position": 3, "holder": "w1", "leased_until": NOW},
    {"name": "relay", "position": 4, "holder": "w2", "leased_until": None},
]
HOLDER = (subscriptions.c.holder,)


async def test_values_come_back_as_they_were_stored(database: Database) -> None:
    await database.transaction(bulk.insert, subscriptions, ROWS)
    columns = [subscriptions.c[name] for name in ROWS[0]]
    found = await database.read(bulk.fetch, columns, HOLDER, [("w1",), ("w2",), ("w3",)])
    assert sorted(found) == sorted(tuple(row.values()) for row in ROWS)


async def test_amounts_are_exact(database: Database) -> None:
    amount = Decimal("12345678901234567890.10")
    statement = sa.select(sa.cast(sa.bindparam("amount", type_=Money()), Money()))
    assert await database.read(lambda connection: connection.scalar(statement, {"amount": amount})) == amount


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_the_first_rows_of_each_key_are_found(database: Database, limit: int) -> None:
    await database.transaction(bulk.insert, subscriptions, ROWS)
    keys = [("w1",), ("w2",), ("w3",)]
    found = await database.read(bulk.fetch_few, HOLDER, subscriptions.c.name, keys, limit)
    first = [("w1", name) for name in ("deals", "invoices", "mappings")][:limit]
    assert sorted(found) == [*first, ("w2", "relay")]


@pytest.mark.parametrize(
    "write", [bulk.insert, lambda connection, table, rows: connection.execute(table.insert(), rows)]
)
async def test_a_broken_rule_is_the_same_error_and_does_not_show_values(
    database: Database, write: Any
) -> None:
    await database.transaction(write, subscriptions, ROWS)
    with pytest.raises(IntegrityError) as caught:
        await database.transaction(write, subscriptions, ROWS[:1])
    assert "w1" not in str(caught.value)
