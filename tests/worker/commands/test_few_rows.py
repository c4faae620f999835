"""On PostgreSQL, a claim reads few more commands than it takes, with or without statistics, however many there are."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from events.contract.envelope import from_structured
from events.contract.json import encode
from events.contract.quickbooks import CommandKind
from events.database.postgres import PostgresDatabase
from tests import stories
from tests.worker.commands.given import BODY, START, TIMING
from worker.commands import beside, candidates, table
from worker.commands.dispatcher import SLOTS, SLOTS_PER_REALM
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, Realm, commands

MANY = 2_000
# PostgreSQL plans a prepared statement for its values five times, and then perhaps once for any values.
TIMES = 7
_READ = sa.text(
    "SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'commands'"
)


def fill(connection: sa.Connection, realm: str, count: int, kind: CommandKind = "create_invoice") -> None:
    """Connect a company, and add due commands."""
    table.put_realm(connection, Realm(realm, realm, True, False, "UTC"))
    cause = from_structured(encode(stories.account()).encode(), now=START, workspace=realm)
    first = connection.scalar(sa.select(sa.func.count()).select_from(commands)) or 0
    keys = [CommandKey(realm, f"deal/{first + number}", kind, 0, 1) for number in range(count)]
    table.add(
        connection, [(NewCommand(key, realm, request_id(realm, key), BODY), cause) for key in keys], START
    )


def of_one_company(connection: sa.Connection) -> None:
    fill(connection, "1", MANY)


def of_many_companies(connection: sa.Connection) -> None:
    for number in range(50):
        fill(connection, str(number), MANY // 50)


def updates(connection: sa.Connection) -> None:
    fill(connection, "1", MANY, "update_customer")


def beside_finished_ones(connection: sa.Connection) -> None:
    for number in range(4):
        fill(connection, str(number), MANY // 4)
    connection.execute(commands.update().values(status="done"))
    for number in range(4):
        fill(connection, str(number), 3)


def of_few_companies_beside_finished_ones(connection: sa.Connection) -> None:
    for number in range(20):
        fill(connection, str(number), MANY // 20)
    connection.execute(commands.update().values(status="done"))
    fill(connection, "1", MANY)
    fill(connection, "2", MANY, "update_customer")


def of_one_of_many_companies(connection: sa.Connection) -> None:
    for number in range(30):
        fill(connection, str(number), 10)
    connection.execute(commands.update().values(status="done"))
    for number in range(30):
        fill(connection, str(number), MANY if number == 1 else 1)


def beside_those_in_flight(connection: sa.Connection) -> None:
    fill(connection, "1", SLOTS_PER_REALM - 1)
    connection.execute(commands.update().values(status="leased", leased_until=START + TIMING.lease))
    fill(connection, "1", MANY)


def beside_all_in_flight(connection: sa.Connection) -> None:
    fill(connection, "1", SLOTS_PER_REALM)
    connection.execute(commands.update().values(status="leased", leased_until=START + TIMING.lease))
    fill(connection, "1", MANY)


@pytest.mark.parametrize(
    ("made", "taken"),
    [
        (of_one_company, SLOTS_PER_REALM),
        (of_many_companies, SLOTS - 5),
        (of_one_of_many_companies, 38),
        (updates, candidates.UPDATES_AT_ONCE),
        (beside_finished_ones, 12),
        (of_few_companies_beside_finished_ones, SLOTS_PER_REALM + candidates.UPDATES_AT_ONCE),
        (beside_those_in_flight, 1),
        (beside_all_in_flight, 0),
    ],
)
async def test_a_claim_reads_few_commands(
    migrated_postgres_url: str, made: Callable[[sa.Connection], None], taken: int
) -> None:
    now = START + timedelta(seconds=1)

    def measure(connection: sa.Connection) -> None:
        companies = connection.scalar(sa.select(sa.func.count()).select_from(table.realms)) or 0
        for _ in range(TIMES):
            before = connection.scalars(_READ).one()
            candidates.any_due(connection, TIMING.lease, "a", now)
            beside._state(connection, "1", now)
            looked = connection.scalars(_READ).one()
            chosen = candidates.choose(
                connection, TIMING.lease, now, holder="a", slots=SLOTS, per_realm=SLOTS_PER_REALM
            )
            chose = connection.scalars(_READ).one()
            assert len(chosen) == taken
            assert looked - before <= 6
            assert chose - looked <= 2 * (SLOTS + 3 * companies)

    def prepare(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE commands SET (autovacuum_enabled = off)")
        made(connection)

    def analyze(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ANALYZE")

    for change in (prepare, analyze):
        database = PostgresDatabase(migrated_postgres_url)
        try:
            await database.transaction(change)
            await database.transaction(measure)
        finally:
            await database.close()
