"""Each invariant finds its violations, and none in a correct database."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import pytest_asyncio
import sqlalchemy as sa
from prometheus_client import REGISTRY

from events.log import tables
from projections import deals, integration_log, invoices
from tests import stories
from tests.world import TOKEN_KEY, World, open_world
from worker.commands import standing
from worker.commands.table import commands
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import (
    FaultError,
    NotSent,
    OutcomeUnknown,
    QuickBooksError,
    ReconnectRequired,
    Rejected,
    Throttled,
    Unauthorized,
)
from worker.quickbooks.reads import Purpose
from worker.quote_to_cash import view
from worker.quote_to_cash.store import process_state
from worker.roles.runner import catch_up
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan
from worker.services import SUBSCRIPTIONS
from worker.verification.books import Books, Invoices, companies, read_books
from worker.verification.invariants import INVARIANTS, violations

Q2C = Path(sys.executable).with_name("q2c")
Corrupt = Callable[[sa.Connection], Any]


@pytest_asyncio.fixture
async def healthy(tmp_path: Path) -> AsyncIterator[World]:
    """Two invoiced deals, one that waits for a signature, an unusable message."""
    async with open_world(tmp_path) as world:
        await world.ready()
        waiting = [stories.deal("D-3"), stories.contract("sent", "D-3", "C-D-3")]
        useless = {**stories.deal("D-4"), "type": "com.coeffection.deal.eaten.v1"}
        await world.send(
            stories.account(), *stories.signed_deal("D-1"), *stories.signed_deal("D-2"), *waiting, useless
        )
        await world.settle()
        yield world


async def broken(world: World, books: Books | None = None, *, later: timedelta = timedelta()) -> set[str]:
    """Return the broken invariants, after checking that every violation is a sentence."""
    now = world.clock.now() + later
    found = await world.services.database.read(violations, now, books or Books())
    assert set(found) == {invariant.name for invariant in INVARIANTS}
    assert all(len(sentence) > 20 for sentences in found.values() for sentence in sentences)
    return {name for name, sentences in found.items() if sentences}


async def test_a_healthy_store_breaks_nothing(healthy: World) -> None:
    books = await read_books(healthy.services.database, healthy.gateway.client)
    assert ([len(found) for found in books.invoices.values()], books.unread) == ([2], {})
    assert await broken(healthy, books) == set()


async def test_undecided_events_are_no_violation(healthy: World) -> None:
    await healthy.send(stories.contract("signed", "D-3", "C-D-3"), *stories.signed_deal("D-5"))
    assert await broken(healthy) == set()
    await healthy.follow()
    assert await broken(healthy) == set()


async def test_queued_changes_are_no_violation(healthy: World) -> None:
    await healthy.admin().change_settings({"auto_invoice": "false"})
    await healthy.send(*stories.signed_deal("D-5"))
    await healthy.settle()
    with patch.object(view, "AT_ONCE", 0):
        await healthy.admin().change_settings({"auto_invoice": "true"})
        await catch_up(healthy.services.database, healthy.clock, SUBSCRIPTIONS, "test")
    assert (await healthy.deals())["D-5"]["gate"] == "auto_invoice_off"
    assert await broken(healthy) == set()
    assert "I7" in await broken(healthy, later=timedelta(hours=2))
    await healthy.settle()
    assert (await healthy.deals())["D-5"]["invoices"]
    assert await broken(healthy, later=timedelta(hours=2)) == set()


def of_deal(table: sa.Table, deal: str) -> sa.ColumnElement[bool]:
    return table.c.deal == deal


def invoice_command() -> sa.ColumnElement[bool]:
    return sa.and_(commands.c.kind == "create_invoice", commands.c.subject == "deal/D-1")


def second_live_invoice(connection: sa.Connection) -> None:
    row = dict(
        connection.execute(invoices.table.select().where(of_deal(invoices.table, "D-1"))).mappings().one()
    )
    connection.execute(invoices.table.insert().values(row | {"invoice_id": "999"}))


def event_twice(connection: sa.Connection) -> None:
    """SQLite can't drop a table's constraint, so the log is copied to a table without it."""
    connection.exec_driver_sql("ALTER TABLE events RENAME TO constrained")
    connection.exec_driver_sql("CREATE TABLE events AS SELECT * FROM constrained")
    chosen = tables.log.c.id == stories.deal("D-3")["id"]
    row = dict(connection.execute(tables.log.select().where(chosen)).mappings().one())
    connection.execute(tables.log.insert().values(row | {"position": 10_000}))


def event_out_of_reach(connection: sa.Connection) -> None:
    chosen = tables.log.c.id == stories.deal("D-3")["id"]
    connection.execute(tables.log.update().where(chosen).values(position=-1))


def event_rewritten(connection: sa.Connection) -> None:
    chosen = tables.log.c.id == stories.deal("D-3")["id"]
    data = connection.scalar(sa.select(tables.log.c.data).where(chosen))
    connection.execute(
        tables.log.update().where(chosen).values(data=str(data).replace("Acme renewal", "Acme Renewal"))
    )


def event_unreadable(connection: sa.Connection) -> None:
    chosen = tables.log.c.id == stories.deal("D-3")["id"]
    connection.execute(tables.log.update().where(chosen).values(data='{"deal_id": 7}'))


def outcome_without_command(connection: sa.Connection) -> None:
    connection.execute(commands.delete().where(invoice_command()))


def due_for_long(connection: sa.Connection) -> None:
    long_ago = sa.func.datetime("2020-01-01")
    connection.execute(commands.update().where(invoice_command()).values(status="ready", due_at=long_ago))


CORRUPTIONS: list[tuple[Corrupt, set[str]]] = [
    (second_live_invoice, {"I1", "I3"}),
    (lambda c: c.execute(invoices.table.delete().where(of_deal(invoices.table, "D-1"))), {"I1", "I3"}),
    (lambda c: c.execute(deals.table.update().values(won=False)), {"I3"}),
    (
        lambda c: c.execute(deals.table.update().where(of_deal(deals.table, "D-3")).values(gate=None)),
        {"I1", "I3"},
    ),
    (
        lambda c: c.execute(deals.table.update().where(of_deal(deals.table, "D-3")).values(gate="paused")),
        {"I1", "I3"},
    ),
    (
        lambda c: c.execute(deals.table.update().where(of_deal(deals.table, "D-1")).values(gate="paused")),
        {"I1", "I3"},
    ),
    (lambda c: c.execute(integration_log.table.delete()), {"I3"}),
    (lambda c: c.execute(process_state.delete().where(process_state.c.stream.contains("D-1"))), {"I1", "I3"}),
    (event_twice, {"I2"}),
    (event_rewritten, {"I3"}),
    (event_out_of_reach, {"I3", "I8"}),
    (outcome_without_command, {"I4"}),
    (lambda c: c.execute(commands.update().where(invoice_command()).values(status="uncertain")), {"I4"}),
    (lambda c: c.execute(commands.update().where(invoice_command()).values(generation=7)), {"I5"}),
    (lambda c: c.execute(commands.update().where(invoice_command()).values(cause_id="nothing")), {"I5"}),
    (lambda c: c.execute(tables.dead_letters.update().values(detail="")), {"I6"}),
    (lambda c: c.execute(tables.subscriptions.update().values(position=1)), {"I3", "I7"}),
    (due_for_long, {"I4", "I7"}),
]


@pytest.mark.parametrize(("corrupt", "expected"), CORRUPTIONS, ids=range(len(CORRUPTIONS)))
async def test_a_corruption_is_found(healthy: World, corrupt: Corrupt, expected: set[str]) -> None:
    await healthy.services.database.transaction(corrupt)
    later = timedelta(hours=2) if "I7" in expected else timedelta()
    assert await broken(healthy, later=later) == expected


async def test_an_event_that_cannot_be_read_is_named(healthy: World) -> None:
    await healthy.services.database.transaction(event_unreadable)
    found = await healthy.services.database.read(violations, healthy.clock.now(), Books())
    assert ["can't be read" in sentence for sentence in found["I6"]] == [True]
    assert all(found.values()), "what can't be checked is not said to be well"


@pytest.mark.parametrize("is_new", [True, False], ids=["sent", "looked up before it is sent"])
async def test_a_refused_look_up_is_a_finding(healthy: World, *, is_new: bool) -> None:
    refusal = Refusal("4002", operations=("query", "read"), entities=("Invoice",), detail="Bad address")
    healthy.sandbox.trouble.follow(Plan(script=("lost_answer",), writes_only=True, refusals=(refusal,)))
    at = healthy.clock.now().isoformat() if is_new else "2026-05-02T00:00:00Z"
    signed = stories.contract("signed", "D-5", "C-5", at=at)
    await healthy.send({**stories.deal("D-5", time=at), "time": at}, {**signed, "time": at})
    await healthy.settle(patience=timedelta(minutes=15))
    books = await read_books(healthy.services.database, healthy.gateway.client)
    found = await healthy.services.database.read(violations, healthy.clock.now(), books)
    assert "Bad address (code 4002)" in books.unread[healthy.realm]
    [sentence] = found["I7"]
    said = "was sent to company" if is_new else "has not answered since 2026-05-05 12:00 UTC"
    assert sentence.startswith("create_invoice of deal/D-5 in acme")
    assert said in sentence
    assert sentence.endswith("look-up refused: Bad address (code 4002)")
    assert found["I1"] == found["I4"], "nothing can be compared"
    await healthy.services.database.read(standing.measure)
    assert REGISTRY.get_sample_value("q2c_commands_uncertain", {"look_up": "unanswered"}) == 1


Edit = Callable[[Invoices], Any]
EDITS: list[tuple[str, Edit, set[str]]] = [
    ("gone", lambda found: found.pop(), {"I1"}),
    ("twice", lambda found: found.append({**found[0], "Id": "999"}), {"I1", "I4"}),
    ("another total", lambda found: found[0].update(TotalAmt="1.00"), {"I1"}),
    ("without its mark", lambda found: found[0].update(PrivateNote="Paid by cheque"), {"I1"}),
]


@pytest.mark.parametrize(("edit", "expected"), [case[1:] for case in EDITS], ids=[case[0] for case in EDITS])
async def test_books_that_differ_are_found(healthy: World, edit: Edit, expected: set[str]) -> None:
    books = await read_books(healthy.services.database, healthy.gateway.client)
    edit(books.invoices[healthy.realm])
    assert await broken(healthy, books) == expected


NO_ANSWERS: list[QuickBooksError] = [
    ReconnectRequired("a person has to connect again"),
    Unauthorized("QuickBooks refuses the access token"),
    Rejected(400, (FaultError("4002", "Invalid email address"),), None),
    OutcomeUnknown("QuickBooks failed: HTTP 500"),
    NotSent("QuickBooks could not be reached"),
    Throttled("QuickBooks rate-limited the company"),
]


@pytest_asyncio.fixture
async def two_companies(tmp_path: Path) -> AsyncIterator[World]:
    """Two workspaces with a company each, an invoice in each, and the second one is missing in its books."""
    async with open_world(tmp_path, kinds=("us", "us-ast")) as world:
        first, second = world.sandbox.companies
        for workspace, realm in (("acme", first), ("bolt", second)):
            await world.add_workspace(workspace)
            await world.connect(workspace, realm)
            chosen = {"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"}
            await world.admin(workspace).change_settings(chosen)
            await world.admin(workspace).map_account("A-1", "1")
            await world.admin(workspace).map_product("P-1", "1")
            await world.send(*stories.signed_deal(), workspace=workspace)
        await world.settle()
        world.sandbox.companies[second].objects["Invoice"].clear()
        yield world


@pytest.mark.parametrize("error", NO_ANSWERS, ids=lambda error: type(error).__name__)
async def test_a_company_that_cannot_be_read_is_a_finding_and_the_others_are_compared(
    two_companies: World, error: QuickBooksError, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_companies.sandbox.companies
    query = QuickBooksClient.query

    async def refused(
        self: QuickBooksClient, realm: str, statement: str, *, purpose: Purpose = "needed"
    ) -> dict[str, Any]:
        if realm == first:
            raise error
        return await query(self, realm, statement, purpose=purpose)

    monkeypatch.setattr(QuickBooksClient, "query", refused)
    books = await read_books(two_companies.services.database, two_companies.gateway.client)
    assert dict(books.unread) == {first: str(error)}
    found = await two_companies.services.database.read(violations, two_companies.clock.now(), books)
    unchecked = f"Not checked: QuickBooks company {first} could not be read: {error}"
    assert found["I4"] == [unchecked]
    assert unchecked in found["I1"]
    assert any(sentence.startswith(f"{second}: invoice") for sentence in found["I1"])


async def test_a_company_that_lets_us_in_no_more_is_not_passed_over(two_companies: World) -> None:
    first, second = two_companies.sandbox.companies
    two_companies.sandbox.oauth.disconnect(first)
    two_companies.clock.advance(7200)
    await two_companies.send(*stories.signed_deal("D-9"))
    await two_companies.settle()
    assert await two_companies.services.database.read(companies) == sorted((first, second))
    books = await read_books(two_companies.services.database, two_companies.gateway.client)
    assert (list(books.invoices), list(books.unread)) == ([second], [first])


async def test_an_outcome_that_stays_uncertain_is_a_finding_with_its_reason(healthy: World) -> None:
    sent_at = healthy.clock.now()
    values = {
        "status": "uncertain",
        "last_sent_at": sent_at,
        "problem": "look-up refused: Invalid (code 4002)",
    }
    change = commands.update().where(invoice_command()).values(**values)
    await healthy.services.database.transaction(lambda c: c.execute(change))

    async def stuck(minutes: int) -> list[str]:
        later = sent_at + timedelta(minutes=minutes)
        return (await healthy.services.database.read(violations, later, Books()))["I7"]

    assert await stuck(10) == []
    [sentence] = await stuck(11)
    assert sentence.startswith(
        f"create_invoice of deal/D-1 in acme was sent to company {healthy.realm} at 2026-05-05 "
    )
    assert sentence.endswith("still uncertain: look-up refused: Invalid (code 4002)")


def verify(database: Path) -> tuple[int, dict[str, Any]]:
    """Run the real command on a database."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("Q2C_")}
    finished = subprocess.run(
        [Q2C, "verify", "--offline", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=inherited | {"Q2C_DATABASE_URL": f"sqlite:///{database}", "Q2C_TOKEN_KEYS": TOKEN_KEY},
        timeout=60,
    )
    return finished.returncode, json.loads(finished.stdout)


async def test_the_command_has_the_exit_status_of_its_findings(healthy: World, tmp_path: Path) -> None:
    database = tmp_path / "world.sqlite3"
    status, said = verify(database)
    assert (status, said["good"]) == (0, True)
    await healthy.services.database.transaction(second_live_invoice)
    status, said = verify(database)
    assert (status, said["good"]) == (1, False)
    assert said["violations"]["I1"] == ["acme/D-1 part 0 has 2 live invoices"]
