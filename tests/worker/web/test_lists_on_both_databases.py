"""Lists return the same on SQLite and PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from events.contract import catalog
from events.contract.announcements import InvoiceState
from events.contract.envelope import Event, from_structured, own_event
from events.contract.values import Amount
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import InlineDatabase
from events.log import dead_letters, intake, log
from events.log.dead_letters import LetterFilter
from projections import queries
from projections.queries import DealsWanted, InvoicesWanted, LogWanted, MappingsWanted
from tests import stories, world
from tests.fakes import FakeClock
from tests.world import NOW
from worker.roles import runner
from worker.services import SUBSCRIPTIONS

LISTS: dict[str, tuple[Callable[..., list[dict[str, Any]]], Any, tuple[str, ...]]] = {
    "deals": (queries.list_deals, DealsWanted, queries.DEALS_KEY),
    "invoices": (queries.list_invoices, InvoicesWanted, queries.INVOICES_KEY),
    "mappings": (queries.list_mappings, MappingsWanted, queries.MAPPINGS_KEY),
    "log": (queries.list_log, LogWanted, queries.LOG_KEY),
    "dead letters": (dead_letters.page, LetterFilter, ("number",)),
}
# All filters of a list at once, so that each condition is executed.
EVERYTHING: dict[str, Any] = {
    "deals": DealsWanted("closed_won", "auto_invoice_off", "A-1", "ß 1", NOW.replace(year=2020), 1),
    "invoices": InvoicesWanted("D-1", "paid", "1", "1", date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 1)),
    "mappings": MappingsWanted("account", "unmapped", "A-"),
    "log": LogWanted(
        1, "D-1", "deal/D-1", "deal", None, "info", NOW.replace(year=2020), NOW.replace(year=2030)
    ),
    "dead letters": LetterFilter("schema_invalid", None, "test", NOW),
}


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Waiting deals, their accounts and products, and unusable messages."""
    opened: Database
    if request.param == "sqlite":
        opened = InlineDatabase(tmp_path / "lists.sqlite3")
    else:
        opened = PostgresDatabase(request.getfixturevalue("postgres_url"))
    await opened.transaction(world.lay_tables)
    happened = [stories.account(), {"specversion": "1.0"}, {"specversion": "1.0", "id": "2"}]
    for number in range(5):
        happened += stories.signed_deal(f"D-{number}", name=f"Größe {number}")
    records = [
        intake.record(
            msgspec.json.encode(event),
            "test",
            "acme",
            lambda raw: from_structured(raw, now=NOW, workspace="acme"),
        )
        for event in happened
    ]
    await opened.transaction(intake.receive, records, NOW)
    states = [invoice_state(number, "D-1" if number % 2 else None) for number in range(5)]
    await opened.transaction(log.append_own, states, NOW)
    await runner.catch_up(opened, FakeClock(NOW), SUBSCRIPTIONS, "test")
    yield opened
    await opened.close()


def invoice_state(number: int, deal_id: str | None) -> Event:
    part, generation = (None, None) if deal_id is None else (0, number)
    fact = InvoiceState(
        realm="R-1",
        invoice_id=str(number),
        customer_id="1",
        deal_id=deal_id,
        part=part,
        generation=generation,
        currency="USD",
        status="outstanding",
        txn_date=date(2026, 5, 5),
        net=Amount("9.00"),
        tax=Amount("1.00"),
        total=Amount("10.00"),
        balance=Amount("10.00"),
    )
    return own_event(catalog.INVOICE_STATE, fact, workspace="acme", source="test", time=NOW, id=str(number))


async def test_an_invoice_of_no_deal_is_an_invoice_and_no_deal(database: Database) -> None:
    invoices = await database.read(queries.list_invoices, "acme", 1000)
    assert [(row["deal"], row["part"], row["invoice_id"]) for row in invoices] == [
        (None, None, "0"),
        (None, None, "2"),
        (None, None, "4"),
        ("D-1", 0, "1"),
        ("D-1", 0, "3"),
    ]
    deals = {row["deal"]: row for row in await database.read(queries.list_deals, "acme", 1000)}
    assert sorted(deals) == [f"D-{number}" for number in range(5)]
    assert [invoice["invoice_id"] for invoice in deals["D-1"]["invoices"]] == ["1", "3"]
    assert (deals["D-1"]["invoiced"], deals["D-1"]["balance"]) == (Decimal(20), Decimal(20))


@pytest.mark.parametrize("name", LISTS)
async def test_pages_are_the_whole_list(database: Database, name: str) -> None:
    read, wanted, key = LISTS[name]
    for asked in (wanted(), *([LogWanted(order="newest")] if name == "log" else [])):
        whole = await database.read(read, "acme", 1000, asked, None)
        assert len(whole) >= 2
        found: list[dict[str, Any]] = []
        while page := await database.read(read, "acme", 2, asked, _key(found, key)):
            found += page
        assert found == whole
        assert await database.read(read, "nobody", 1000, asked, None) == []
    whole = await database.read(read, "acme", 1000, wanted(), None)
    assert await database.read(read, "acme", 1000, EVERYTHING[name], _key(whole, key)) == []
    after = {"deals": ["D-2"], "mappings": ["account", ""], "log": [0], "dead letters": [2]}.get(name)
    left = await database.read(read, "acme", 1000, EVERYTHING[name], after)
    assert len(left) == {"deals": 0, "invoices": 0, "mappings": 1, "log": 3, "dead letters": 1}[name]


async def test_texts_are_found_in_any_case_and_literally(database: Database) -> None:
    for text, count in (("größe", 5), ("d-3", 1), ("D-", 5), ("%", 0), ("_", 0), ("\\", 0), ("/", 0)):
        found = await database.read(queries.list_deals, "acme", 1000, DealsWanted(text=text))
        assert len(found) == count, text


def _key(rows: list[dict[str, Any]], key: tuple[str, ...]) -> queries.Key | None:
    return queries.key_of(rows[-1], key) if rows else None
