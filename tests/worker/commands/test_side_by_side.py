"""Commands under PostgreSQL's concurrency: two workers, or a worker and an admin, at the same moment."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from events.contract import catalog
from events.database.postgres import PostgresDatabase
from events.log import log, subscriptions
from events.log.subscriptions import TurnResult
from tests import stories
from tests.beside import Both, beside, empty
from tests.events.samples import made
from tests.worker.commands.given import BODY, START, TIMING, expired, outcome
from tests.worker.quote_to_cash import given
from worker.commands import claims, table, transitions
from worker.commands.claimed import Claimed
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, Realm, commands, realms
from worker.commands.transitions import Transition
from worker.quickbooks import tokens
from worker.quickbooks.oauth import TokenSet
from worker.quote_to_cash import manager

REALM = "4620816365"
LATER = START + TIMING.lease + timedelta(seconds=1)
GRANTED = TokenSet("access", "refresh", START + timedelta(hours=1), START + timedelta(days=100))


@pytest_asyncio.fixture
async def postgres(module_postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    """One company with two commanded invoices."""
    opened = PostgresDatabase(module_postgres_url)
    await opened.transaction(empty)
    await opened.transaction(fill)
    yield opened
    await opened.close()


def fill(connection: sa.Connection) -> None:
    table.put_realm(connection, Realm(REALM, "acme", True, False, "UTC"))
    tokens.put(connection, realm=REALM, workspace="acme", sealed=b"1", of=GRANTED, now=START)
    add(connection, "D-1", "D-2")


def add(connection: sa.Connection, *deals: str) -> None:
    cause = given.ordered(deals[0])
    keys = [CommandKey("acme", f"deal/{deal}", "create_invoice", 0, 1) for deal in deals]
    table.add(
        connection, [(NewCommand(key, REALM, request_id(REALM, key), BODY), cause) for key in keys], START
    )


def claim(
    holder: str = "a", now: datetime = START, slots: int = 9
) -> Callable[[sa.Connection], list[Claimed]]:
    return lambda connection: claims.claim(connection, TIMING, holder, now, slots=slots, per_realm=9)


def store(*wanted: Transition) -> Callable[[sa.Connection], list[bool]]:
    return lambda connection: transitions.store(connection, wanted)


def done(command: Claimed, now: datetime = START) -> Transition:
    return transitions.finish(command, outcome(command, now, done=True), now, done=True)


def subjects(claimed: Sequence[Claimed]) -> list[str]:
    return sorted(catalog.key_of(command.key.subject) for command in claimed)


async def outcomes(database: PostgresDatabase) -> list[str]:
    found = await database.read(log.read, after=0, limit=100)
    return [
        recorded.event.payload.deal_id for recorded in found if recorded.event.type == catalog.INVOICE_CREATED
    ]


async def test_two_dispatchers_that_claim_at_once_never_serve_one_company(postgres: PostgresDatabase) -> None:
    both = await beside(postgres, claim("a", slots=1), claim("b"))
    assert both.waited
    assert [len(both.first), len(both.second)] == [1, 0]


async def test_two_claims_at_once_by_one_dispatcher_take_each_command_once(
    postgres: PostgresDatabase,
) -> None:
    both = await beside(postgres, claim(), claim())
    assert (subjects(both.first), both.second, both.waited) == (["D-1", "D-2"], [], True)


async def test_a_step_of_a_lease_that_is_being_taken_over_is_not_stored(postgres: PostgresDatabase) -> None:
    old, _ = await postgres.transaction(claim())
    both = await beside(postgres, claim("b", LATER), store(done(old, LATER)))
    assert (subjects(both.first), both.second, both.waited) == (["D-1", "D-2"], [False], True)
    assert await outcomes(postgres) == []


async def test_a_command_whose_outcome_is_being_stored_is_not_taken_over(postgres: PostgresDatabase) -> None:
    old, _ = sorted(await postgres.transaction(claim()), key=lambda command: command.key.subject)
    both = await beside(postgres, store(done(old, LATER)), claim("b", LATER))
    assert (both.first, subjects(both.second), both.waited) == ([True], ["D-2"], True)
    assert await outcomes(postgres) == ["D-1"]


async def test_an_outcome_that_is_stored_from_two_sides_is_stored_once(postgres: PostgresDatabase) -> None:
    old, _ = sorted(await postgres.transaction(claim()), key=lambda command: command.key.subject)
    both = await beside(postgres, store(done(old)), store(done(old)))
    assert both == Both([True], [False], waited=True)
    assert await outcomes(postgres) == ["D-1"]


async def test_two_workers_with_some_commands_in_common_never_wait_in_a_ring(
    postgres: PostgresDatabase,
) -> None:
    one, two = await postgres.transaction(claim())
    both = await beside(postgres, store(done(one), done(two)), store(done(two), done(one)))
    assert both == Both([True, True], [False, False], waited=True)


async def test_a_second_command_of_the_same_key_is_refused_however_it_came_about(
    postgres: PostgresDatabase,
) -> None:
    both = await beside(postgres, lambda c: add(c, "D-3"), lambda c: add(c, "D-4", "D-3"))
    assert (both.first, type(both.second), both.waited) == (None, IntegrityError, True)
    assert subjects(await postgres.transaction(claim())) == ["D-1", "D-2", "D-3"]


async def test_a_company_that_is_connected_anew_is_not_cut_off_by_an_earlier_refusal(
    postgres: PostgresDatabase,
) -> None:
    old, _ = await postgres.transaction(claim())
    await postgres.transaction(tokens.forget, REALM)

    def connect(connection: sa.Connection) -> None:
        table.forget_refusals(connection, REALM)
        tokens.put(connection, realm=REALM, workspace="acme", sealed=b"2", of=GRANTED, now=START)

    cut_off = transitions.disconnected(old, "refused", expired(old, START), START)
    both = await beside(postgres, connect, store(cut_off))
    assert (both.second, both.waited) == ([True], True)
    connected = sa.select(realms.c.connected)
    assert await postgres.read(lambda connection: connection.scalars(connected).all()) == [True]
    assert await postgres.read(log.head) == 0


async def test_two_deciders_at_once_decide_once(postgres: PostgresDatabase) -> None:
    happened = [*given.ready(), *map(made, stories.signed_deal("D-9"))]
    await postgres.transaction(log.append, happened, START)

    def turn(holder: str, now: datetime) -> Callable[[sa.Connection], TurnResult]:
        return lambda connection: subscriptions.advance(connection, [manager.SUBSCRIPTION], holder, now)

    both = await beside(postgres, turn("a", START), turn("b", START + timedelta(hours=1)))
    assert (both.first, both.waited) == (TurnResult(len(happened)), True)
    assert isinstance(both.second, TurnResult), "it decides what the first recorded, and nothing twice"
    wanted = sa.select(sa.func.count()).where(commands.c.subject == "deal/D-9")
    assert await postgres.read(lambda connection: connection.scalar(wanted)) == 1
