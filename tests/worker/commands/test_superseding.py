"""A later update replaces an earlier one that was never sent; one that a dispatcher has claimed goes on."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract.quickbooks import CommandKind, CommandRejected, CustomerUpdated
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import InlineDatabase
from events.log.tables import metadata
from tests.beside import beside, empty
from tests.worker.commands.given import START, TIMING
from tests.worker.commands.updating import customer_of
from tests.worker.quote_to_cash import given
from tests.world import World
from worker.commands import claims, table
from worker.commands.claimed import Claimed
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, Realm, commands
from worker.quote_to_cash.decide import Decision
from worker.quote_to_cash.manager import _keep
from worker.verification.books import Books
from worker.verification.invariants import violations

REALM = "4620816365"


def new(generation: int, subject: str = "7", kind: CommandKind = "update_customer") -> NewCommand:
    key = CommandKey("acme", f"customer/{REALM}/{subject}", kind, 0, generation)
    return NewCommand(key, REALM, request_id(REALM, key, "{}"), "{}")


def add(*added: NewCommand) -> Callable[[sa.Connection], None]:
    def decided(connection: sa.Connection) -> None:
        """Store a decision as the process manager does."""
        event = given.ordered("D-1")
        _keep(connection, {}, [(event, Decision(commands=list(added)))], START)

    return decided


def fill(connection: sa.Connection) -> None:
    table.put_realm(connection, Realm(REALM, "acme", True, False, "UTC"))
    add(new(1))(connection)


def claim(connection: sa.Connection) -> list[Claimed]:
    return claims.claim(connection, TIMING, "a", START, slots=9, per_realm=9)


async def statuses(database: Database) -> Mapping[int, str]:
    statement = sa.select(commands.c.generation, commands.c.status).where(
        commands.c.subject == new(1).key.subject
    )
    return dict(
        await database.read(lambda connection: [(row[0], row[1]) for row in connection.execute(statement)])
    )


def generations(claimed: list[Claimed]) -> list[int]:
    return [command.key.generation for command in claimed]


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """One company with one update that was never sent."""
    opened: Database
    if request.param == "sqlite":
        opened = InlineDatabase(tmp_path / "updates.sqlite3")
    else:
        opened = PostgresDatabase(request.getfixturevalue("module_postgres_url"))
    await opened.transaction(metadata.create_all if request.param == "sqlite" else empty)
    await opened.transaction(fill)
    yield opened
    await opened.close()


async def test_of_several_updates_only_the_last_is_sent(filled: Database) -> None:
    await filled.transaction(add(new(2)))
    await filled.transaction(add(new(3), new(4)))
    assert await statuses(filled) == {1: "superseded", 2: "superseded", 3: "superseded", 4: "ready"}
    assert generations(await filled.transaction(claim)) == [4]


async def test_an_update_that_was_claimed_goes_on_and_the_later_one_waits(filled: Database) -> None:
    [first] = await filled.transaction(claim)
    await filled.transaction(add(new(2)))
    assert await statuses(filled) == {1: "leased", 2: "ready"}
    assert await filled.transaction(claim) == []
    await filled.transaction(add(new(3)))
    assert await statuses(filled) == {1: "leased", 2: "superseded", 3: "ready"}
    assert first.key.generation == 1


@pytest.mark.parametrize("status", ["uncertain", "done", "rejected"])
async def test_an_update_with_a_send_or_an_outcome_is_not_superseded(filled: Database, status: str) -> None:
    sent = commands.update().values(status=status, first_sent_at=START)
    await filled.transaction(lambda connection: connection.execute(sent))
    await filled.transaction(add(new(2)))
    assert await statuses(filled) == {1: status, 2: "ready"}


async def test_an_update_that_was_sent_once_is_not_superseded_though_it_is_ready(filled: Database) -> None:
    sent = commands.update().values(first_sent_at=START)
    await filled.transaction(lambda connection: connection.execute(sent))
    await filled.transaction(add(new(2)))
    assert await statuses(filled) == {1: "ready", 2: "ready"}


async def test_other_customers_and_other_kinds_are_left_alone(filled: Database) -> None:
    await filled.transaction(add(new(1, kind="read_customer"), new(1, "8")))
    await filled.transaction(add(new(2, "8"), new(2, kind="read_customer")))
    kinds = sa.select(commands.c.kind, commands.c.subject, commands.c.generation, commands.c.status)
    found = await filled.read(lambda connection: [tuple(row) for row in connection.execute(kinds)])
    assert [row for row in found if row[-1] == "superseded"] == [
        ("update_customer", new(1, "8").key.subject, 1, "superseded")
    ]


async def test_a_superseded_update_has_no_outcome_and_violates_nothing(ready: World) -> None:
    customer = await customer_of(ready)
    await customer.decide(customer.command({"email": "one@acme.example"}))
    await customer.decide(customer.command({"email": "two@acme.example"}, generation=2))
    await ready.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CustomerUpdated)
    assert (outcome.generation, customer.email, customer.writes()) == (2, "two@acme.example", 1)
    assert await customer.statuses() == ["superseded", "done"]
    found = await ready.services.database.read(violations, ready.clock.now(), Books({}, {}))
    assert found["I4"] == found["I5"] == found["I7"] == []


async def test_a_later_update_of_the_same_version_is_refused_after_the_earlier_one(ready: World) -> None:
    customer = await customer_of(ready)
    await customer.decide(customer.command({"email": "one@acme.example"}))
    [first] = await ready.claim()
    await customer.decide(customer.command({"email": "two@acme.example"}, generation=2))
    await ready.dispatcher.work(first)
    await ready.settle()
    applied, refused = await customer.outcomes()
    assert isinstance(applied, CustomerUpdated)
    assert isinstance(refused, CommandRejected)
    assert (refused.gate, refused.generation) == ("customer_changed", 2)
    assert (customer.email, customer.writes()) == ("one@acme.example", 1)


@pytest_asyncio.fixture
async def postgres(module_postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(module_postgres_url)
    await opened.transaction(empty)
    await opened.transaction(fill)
    yield opened
    await opened.close()


async def test_a_claim_that_waits_for_the_later_update_takes_that_one(postgres: PostgresDatabase) -> None:
    both = await beside(postgres, add(new(2)), claim)
    assert both.waited
    assert both.second == []
    assert await statuses(postgres) == {1: "superseded", 2: "ready"}
    assert generations(await postgres.transaction(claim)) == [2]


async def test_a_later_update_that_waits_for_a_claim_lets_it_go_on(postgres: PostgresDatabase) -> None:
    both = await beside(postgres, claim, add(new(2)))
    assert (generations(both.first), both.second, both.waited) == ([1], None, True)
    assert await statuses(postgres) == {1: "leased", 2: "ready"}


async def test_two_deciders_that_supersede_many_updates_never_wait_in_a_ring(
    postgres: PostgresDatabase,
) -> None:
    customers = [str(number) for number in range(20)]
    await postgres.transaction(add(*(new(1, customer) for customer in customers if customer != "7")))
    both = await beside(
        postgres,
        add(*(new(2, customer) for customer in customers)),
        add(*(new(3, customer) for customer in reversed(customers))),
    )
    assert (both.first, both.second, both.waited) == (None, None, True)
