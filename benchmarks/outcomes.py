"""Outcomes of all due commands without QuickBooks, stored as the dispatcher does."""

from datetime import date, datetime
from itertools import count

import sqlalchemy as sa

from benchmarks.story import BEGINNING
from events.contract import catalog
from events.contract.envelope import Event, own_event
from events.contract.quickbooks import InvoiceCreated
from events.contract.values import Amount
from events.database.port import Database
from events.log import log
from worker.commands.outcomes import SOURCE
from worker.commands.table import commands

_DUE = sa.select(commands).where(commands.c.status == "ready", commands.c.kind == "create_invoice")
_DONE = commands.update().where(commands.c.status == "ready").values(status="done")
_numbers = count(1)


async def settle(database: Database, now: datetime) -> None:
    """Record every commanded invoice as created."""
    await database.transaction(_settle, now)


def _settle(connection: sa.Connection, now: datetime) -> None:
    events = [_created(row) for row in connection.execute(_DUE)]
    connection.execute(_DONE)
    log.append_own(connection, events, now)


def _created(row: sa.Row[tuple[object, ...]]) -> Event:
    number = next(_numbers)
    fact = InvoiceCreated(
        deal_id=catalog.key_of(row.subject),
        part=row.part,
        generation=row.generation,
        realm=row.realm,
        request_id=row.request_id,
        invoice_id=str(number),
        customer_id="1",
        currency="USD",
        net=Amount("1000.00"),
        tax=Amount("80.00"),
        total=Amount("1080.00"),
        balance=Amount("1080.00"),
        txn_date=date(2026, 5, 5),
        due_date=date(2026, 6, 4),
        doc_number=str(1000 + number),
    )
    return own_event(
        catalog.INVOICE_CREATED,
        fact,
        workspace=row.workspace,
        source=SOURCE,
        time=BEGINNING,
        id=f"{row.request_id}:invoice.created.v1",
    )
