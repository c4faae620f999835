from collections import Counter
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from benchmarks import stores, story
from events.contract import catalog
from events.contract.envelope import from_binary, from_structured
from events.database.sqlite import InlineDatabase
from events.log.tables import log
from tests.world import NOW
from worker.commands.table import commands


def test_the_same_seed_tells_the_same_and_no_event_twice() -> None:
    first, second = (list(islice(story.flow(), 3_000)) for _ in range(2))
    assert first == second
    assert len({(each.attributes["source"], each.attributes["id"]) for each in first}) == len(first)


def test_both_forms_are_the_same_event() -> None:
    for message in islice(story.flow(), 300):
        structured = from_structured(message.structured, now=NOW)
        assert structured == from_binary(message.attributes, message.data, now=NOW)


async def test_signed_deals_end_in_commands(tmp_path: Path) -> None:
    database = InlineDatabase(tmp_path / "story.sqlite3")
    await stores.prepare(database)
    taken = list(islice(story.flow(), 1_500))
    await stores.receive(database, [message.structured for message in taken])
    await stores.follow(database)

    def count(connection: sa.Connection) -> tuple[int, Counter[str]]:
        kinds = Counter(connection.scalars(sa.select(log.c.type)))
        invoices = sa.select(sa.func.count()).where(commands.c.kind == "create_invoice")
        return connection.scalar(invoices) or 0, kinds

    made, kinds = await database.read(count)
    await database.close()
    signed = sum(message.attributes["type"] == catalog.CONTRACT_SIGNED for message in taken)
    assert made == kinds[catalog.INVOICE_COMMANDED] == kinds[catalog.DEAL_CLOSED_WON] == signed > 0
