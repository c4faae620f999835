"""A compiled statement returns the same, and raises the same, as one that SQLAlchemy executes."""

from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from events.database.port import Database
from events.database.statements import SqlStatement
from events.log.tables import subscriptions
from projections.fold import Money
from tests.events.samples import NOW

NAMES = ("name", "position", "holder", "leased_until")
INSERT = SqlStatement(sa.insert(subscriptions), NAMES)
LED_BY = sa.select(subscriptions).where(
    subscriptions.c.holder == sa.bindparam("holder_"), subscriptions.c.position > 0
)
ROWS = [
    {"name": "deals", "position": 1, "holder": "w1", "leased_until": NOW},
    {"name": "mappings", "position": 2, "holder": "w1", "leased_until": None},
    {"name": "invoices", "position": 0, "holder": "w1", "leased_until": None},
    {"name": "relay", "position": 4, "holder": None, "leased_until": None},
]


async def test_it_converts_parameters_and_results(database: Database) -> None:
    def rows(connection: sa.Connection) -> list[tuple[object, ...]]:
        INSERT.each(connection, ROWS)
        return SqlStatement(LED_BY).rows(connection, {"holder_": "w1"})

    def as_sqlalchemy_reads_them(connection: sa.Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.execute(LED_BY, {"holder_": "w1"})]

    found = await database.transaction(rows)
    assert sorted(found) == [("deals", 1, "w1", NOW, 0), ("mappings", 2, "w1", None, 0)]
    assert sorted(await database.read(as_sqlalchemy_reads_them)) == sorted(found)


async def test_amounts_are_exact(database: Database) -> None:
    amount = sa.cast(sa.bindparam("amount", type_=Money()), Money()).label("amount")
    given = {"amount": Decimal("12345678901234567890.10")}
    assert await database.read(SqlStatement(sa.select(amount)).rows, given) == [(given["amount"],)]


async def test_it_returns_the_number_of_changed_rows(database: Database) -> None:
    moved = SqlStatement(
        sa.update(subscriptions).where(subscriptions.c.position > sa.bindparam("than")).values(holder="w2")
    )

    def changed(connection: sa.Connection) -> int:
        INSERT.each(connection, ROWS)
        return moved.changed(connection, {"than": 1})

    assert await database.transaction(changed) == 2


async def test_a_rule_that_is_broken_is_the_same_error_on_either_database(database: Database) -> None:
    await database.transaction(INSERT.each, ROWS)
    with pytest.raises(IntegrityError):
        await database.transaction(INSERT.each, ROWS[:1])
    with pytest.raises(IntegrityError):
        await database.transaction(INSERT.changed, ROWS[0])


async def test_a_value_that_is_missing_is_an_error(database: Database) -> None:
    with pytest.raises(KeyError, match="holder_"):
        await database.read(SqlStatement(LED_BY).rows)


def test_a_list_of_any_length_is_refused() -> None:
    engine = sa.create_engine("sqlite://")
    statement = SqlStatement(sa.select(subscriptions).where(subscriptions.c.name.in_(["deals", "relay"])))
    with engine.connect() as connection, pytest.raises(ValueError, match="any length"):
        statement.rows(connection)
    engine.dispose()
