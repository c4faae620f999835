"""Run a case through the whole worker, and record the requests and announcements."""

from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from events.contract import catalog
from tests import stories
from tests.golden.cases import Case, quote_of
from tests.world import NOW, World, open_world
from worker.commands.table import commands
from worker.quote_to_cash.explain import Explanation
from worker.web.doors.feeds import read_page

BODIES = Path(__file__).parent / "bodies"
KINDS = ("create_customer", "create_item", "create_invoice")
# The fields of QuickBooks' answers that are announced or that decide the tax.
ANSWERED = (
    "DocNumber",
    "TxnDate",
    "DueDate",
    "CurrencyRef",
    "BillAddr",
    "ShipAddr",
    "TxnTaxDetail",
    "TotalAmt",
)


async def play(case: Case, directory: Path) -> str:
    """Run a case; return the text of its file."""
    async with open_world(directory, kinds=(case.company,)) as world:
        await _won(case, world)
        explained = await world.explain(_deal_id(case))
        sent = await world.services.database.read(_sent)
        told = {topic: await _told(world, topic) for topic in catalog.TOPICS_OUT}
        answered = [
            {name: invoice[name] for name in ANSWERED if invoice.get(name) is not None}
            for invoice in world.books()
        ]
    return written(case, sent, answered, told, explained)


def written(case: Case, sent: Any, answered: Any, told: Any, explained: Explanation) -> str:
    """Write the file of a case: indented, with every number as it was sent."""
    shown = {
        "why": case.why,
        "sent": sent,
        "answered": answered,
        "told": told,
        "notes": explained.notes,
    }
    return msgspec.json.format(_encoder.encode(shown), indent=2).decode() + "\n"


async def _won(case: Case, world: World) -> None:
    world.clock.jump(msgspec.convert(case.at, type(NOW)) - NOW)
    if case.traits:
        world.sandbox.change_traits(world.realm, case.traits)
    await world.add_workspace()
    await world.connect()
    chosen = {"auto_invoice": "true", "income_account": "Services", "cut_over": "2026-01-01T00:00:00Z"}
    await world.admin().change_settings(chosen | case.settings)
    if case.mapped is None:
        await world.admin().request_customer("A-1")
    else:
        await world.admin().map_account("A-1", case.mapped)
    quote = quote_of(case)
    for product_id in dict.fromkeys(line["product_id"] for line in quote["lines"]):
        await world.admin().request_item(product_id)
    if case.refused_once:
        world.sandbox.change_traits(world.realm, {"books_closed_until": "2026-12-31"})
    deal = {"deal_id": _deal_id(case), "quote": quote, **case.deal}
    # A draft names the products, so that their items exist when the deal is won.
    await world.send(
        stories.account(**case.account), stories.deal(**{**deal, "deal_id": "D-0", "stage": "quote_draft"})
    )
    await world.settle()
    await world.send(*stories.signed_deal(**deal))
    await world.settle()
    if case.refused_once:
        assert (await world.explain(_deal_id(case))).first_unmet == "period_closed"
        world.sandbox.change_traits(world.realm, {"books_closed_until": None})
        await world.admin().request_invoice(_deal_id(case))
        await world.settle()
    assert (await world.explain(_deal_id(case))).first_unmet == case.expected.gate


def _deal_id(case: Case) -> str:
    return str(case.deal.get("deal_id", "D-1"))


def _sent(connection: sa.Connection) -> dict[str, list[msgspec.Raw]]:
    """Return the requests to QuickBooks, byte for byte, in the order of their keys."""
    rows = connection.execute(
        sa.select(commands.c.kind, commands.c.sent_body)
        .where(commands.c.sent_body.is_not(None))
        .order_by(commands.c.subject, commands.c.generation)
    ).all()
    return {kind: [msgspec.Raw(row.sent_body.encode()) for row in rows if row.kind == kind] for kind in KINDS}


async def _told(world: World, topic: str) -> list[dict[str, Any]]:
    page = await world.services.database.read(read_page, "acme", topic, 0, 100)
    return [{"type": event.type, "data": event.data} for event in page.events]


def _plain(value: object) -> object:
    raise NotImplementedError(type(value))


_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_plain)
