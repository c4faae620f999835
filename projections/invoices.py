"""The read model of invoices in QuickBooks, with or without a deal."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.log.tables import Position
from projections import rows
from projections.fold import Fold, Key, Money
from projections.projection import Projection
from projections.seen import Happened

VERSION = 1
table = rows.table(
    "invoices",
    VERSION,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, primary_key=True),
    sa.Column("deal", sa.Text),
    sa.Column("part", sa.Integer),
    sa.Column("generation", sa.Integer),
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
    indexes={"deal": ("deal", "workspace")},
)
invoices = rows.live(table)

ZERO = Decimal(0)


class InvoiceRow(Struct, gc=False):
    """An invoice with the amounts that QuickBooks has."""

    deal: str | None = None
    part: int | None = None
    generation: int | None = None
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


def _key(event: Happened) -> list[Key]:
    return [(event.workspace, event.payload.realm, event.payload.invoice_id)]


def _fold(row: InvoiceRow, _key: Key, events: Sequence[Happened]) -> None:
    state = events[-1].payload
    row.deal, row.part, row.generation = state.deal_id, state.part, state.generation
    row.doc_number, row.customer = state.doc_number, state.customer_id
    row.currency, row.net, row.tax = state.currency, state.net, state.tax
    row.total, row.balance, row.status = state.total, state.balance, state.status
    row.txn_date, row.due_date, row.position = state.txn_date, state.due_date, events[-1].position


_FOLD = Fold(table=table, row=InvoiceRow, keys={catalog.INVOICE_STATE: _key}, fold=_fold)
INVOICES = Projection("invoices", VERSION, (_FOLD,))
