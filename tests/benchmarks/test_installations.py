from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from benchmarks import budget, growth, signed, stores, story, waiting
from benchmarks.stores import CLOCK
from events.contract import catalog
from events.database.sqlite import InlineDatabase
from events.log import log, subscriptions
from events.log.tables import log as events
from projections.deals import deals
from tests.fakes import FakeClock
from worker.commands.table import commands
from worker.docusign.connect import read_message
from worker.services import SUBSCRIPTIONS


def count(connection: sa.Connection, table: sa.FromClause) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def test_a_copied_installation_has_its_stated_size_and_still_works(tmp_path: Path) -> None:
    database = InlineDatabase(tmp_path / "grown.sqlite3")
    flow = story.flow()
    await stores.prepare(database)
    await stores.receive(database, [next(flow).structured for _ in range(300)])
    await stores.follow(database)
    head, told = await database.read(log.head), await database.read(count, deals)
    await database.transaction(growth._copy, 2)
    assert await database.read(log.head) == await database.read(count, events) == 3 * head
    assert await database.read(count, deals) == 3 * told
    seen = await database.read(subscriptions.checkpoints)
    assert {seen[subscription.name] for subscription in SUBSCRIPTIONS} == {3 * head}
    await stores.receive(database, [next(flow).structured for _ in range(300)])
    await stores.follow(database)
    assert await database.read(log.head) > 3 * head + 300
    await database.close()


async def test_deals_wait_for_nothing_but_their_signature(tmp_path: Path) -> None:
    database = InlineDatabase(tmp_path / "signed.sqlite3")
    before, envelopes = signed._waiting(20)
    assert catalog.CONTRACT_SIGNED not in {message.attributes["type"] for message in before}
    await stores.prepare(database)
    await stores.receive(database, [message.structured for message in before])
    await stores.follow(database)
    invoices = sa.select(commands.c.subject).where(commands.c.kind == "create_invoice")
    assert not await database.read(lambda connection: connection.scalars(invoices).all())
    for envelope in envelopes:
        event = read_message(signed.completed(envelope), workspace=story.WORKSPACE)
        await database.transaction(log.append_own, [event], CLOCK.now())
    await stores.follow(database)
    asked = await database.read(lambda connection: connection.scalars(invoices).all())
    assert sorted(asked) == sorted(f"deal/{envelope.deal_id}" for envelope in envelopes)
    await database.close()


async def test_a_changed_cut_over_reaches_every_waiting_deal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "TOLD", 5)
    monkeypatch.setattr(waiting, "COPIES", 2)
    async with waiting._open(inline, tmp_path) as contenders:
        assert (await contenders.ours())["whole"] > 0
        monkeypatch.setattr(waiting, "_choose", choose_memo)
        with pytest.raises(waiting.NotWaiting, match="0 show the new one"):
            await contenders.ours()


def choose_memo(
    connection: sa.Connection, number: int, _: dict[str, str], choose: Any = waiting._choose
) -> None:
    """Change a setting on which no deal waits."""
    choose(connection, number, {"memo": f"Number {number}"})


@asynccontextmanager
async def inline(directory: Path) -> AsyncIterator[InlineDatabase]:
    database = InlineDatabase(directory / "waiting.sqlite3")
    yield database
    await database.close()


async def test_quickbooks_refuses_more_than_ten_requests_a_second() -> None:
    clock = FakeClock()
    quickbooks = budget.Limited(clock, Random(1), (0.0, 0.0))
    async with httpx.AsyncClient(transport=quickbooks) as http:
        statuses = [(await http.post("https://quickbooks.test/")).status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]
        await clock.sleep(1)
        assert (await http.post("https://quickbooks.test/")).status_code == 200
    assert (quickbooks.written, quickbooks.refused) == (11, 1)
