"""The invoices that deals have in QuickBooks."""

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events import catalog
from events.envelope import Recorded
from events.tables import Position, metadata
from projections.fold import Fold, Key, Money

invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, primary_key=True),
    sa.Column("deal", sa.Text, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("doc_number", sa.Text),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("net", Money, nullable=False),
    sa.Column("tax", Money, nullable=False),
    sa.Column("total", Money, nullable=False),
    sa.Column("balance", Money, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("txn_date", sa.Date, nullable=False),
    sa.Column("due_date", sa.Date),
    sa.Column("position", Position, nullable=False),
    sa.Index("invoices_deal", "workspace", "deal"),
)

ZERO = Decimal(0)


class InvoiceRow(Struct, frozen=True):
    """An invoice in QuickBooks' own figures."""

    deal: str = ""
    part: int = 0
    generation: int = 1
    doc_number: str | None = None
    customer: str = ""
    currency: str = ""
    net: Decimal = ZERO
    tax: Decimal = ZERO
    total: Decimal = ZERO
    balance: Decimal = ZERO
    status: str = "outstanding"
    txn_date: date = date.min
    due_date: date | None = None
    position: int = 0


def _key(payload: Any) -> list[Key]:
    return [(payload.realm, payload.invoice_id)]


def _fold(_row: InvoiceRow, _key: Key, recorded: Recorded, state: Any) -> InvoiceRow:
    return InvoiceRow(
        deal=state.deal_id,
        part=state.part,
        generation=state.generation,
        doc_number=state.doc_number,
        customer=state.customer_id,
        currency=state.currency,
        net=state.net,
        tax=state.tax,
        total=state.total,
        balance=state.balance,
        status=state.status,
        txn_date=state.txn_date,
        due_date=state.due_date,
        position=recorded.position,
    )


INVOICES = Fold(
    name="invoices", table=invoices, row=InvoiceRow, keys={catalog.INVOICE_STATE: _key}, fold=_fold
)
