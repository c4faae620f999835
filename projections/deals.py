"""The read model of deals: the stage of each deal, its unmet gates and its invoices."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog, json
from events.contract.announcements import DealStage, InvoiceStatus, UnmetGate, invoice_link, unspoken
from events.contract.currencies import in_currency
from events.contract.gates import CREATING, IN_PROGRESS
from events.contract.values import Amount
from events.log.tables import Position, UtcInstant
from projections import rows
from projections.fold import Fold, Key, Money
from projections.projection import Projection
from projections.seen import Happened

VERSION = 1
table = rows.table(
    "deals",
    VERSION,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("deal", sa.Text, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("account", sa.Text),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("crm_stage", sa.Text),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("won", sa.Boolean, nullable=False),
    sa.Column("currency", sa.Text),
    sa.Column("total", Money),
    sa.Column("contract", sa.Text),
    sa.Column("contract_status", sa.Text),
    sa.Column("contract_at", UtcInstant),
    sa.Column("sent_at", UtcInstant),
    sa.Column("gate", sa.Text),
    sa.Column("gates", sa.Text, nullable=False),
    sa.Column("invoices", sa.Text, nullable=False),
    sa.Column("invoiced", Money),
    sa.Column("balance", Money),
    sa.Column("updated_at", UtcInstant),
    sa.Column("position", Position, nullable=False),
    indexes={"stage": ("stage", "workspace")},
)
deals = rows.live(table)

_CONTRACT = {
    catalog.CONTRACT_SENT: "sent",
    catalog.CONTRACT_DELIVERED: "delivered",
    catalog.CONTRACT_SIGNED: "signed",
    catalog.CONTRACT_DECLINED: "declined",
    catalog.CONTRACT_VOIDED: "voided",
}
_IN_PROGRESS = UnmetGate(IN_PROGRESS, CREATING.action)
_GATES_AFTER = {catalog.INVOICE_COMMANDED: (_IN_PROGRESS,), catalog.DEAL_INVOICED: ()}
_CONTRACT_RANK = {None: 0, "sent": 1, "delivered": 2, "voided": 3, "declined": 3, "signed": 4}


class DealInvoice(Struct, frozen=True):
    """An invoice of a deal.

    Attributes:
        realm: The QuickBooks company.
        invoice_id: The invoice's ID in QuickBooks.
        part: The part of the deal that it bills; 0 for the whole deal.
        generation: The number of the attempt that created it; 1 unless QuickBooks refused earlier ones.
        status: Its payment status.
        total: Its total with tax: a decimal.
        balance: Its unpaid amount: a decimal.
        link: Its address in QuickBooks.
        doc_number: Its number.
        due_date: Its due date.
    """

    realm: str
    invoice_id: str
    part: int
    generation: int
    status: InvoiceStatus
    total: Amount
    balance: Amount
    link: str
    doc_number: str | None = None
    due_date: date | None = None


class DealRow(Struct, gc=False):
    """A deal as people see it: its unmet gates, and its invoices with the sums of their totals and balances."""

    name: str | None = None
    account: str | None = None
    revision: int = -1
    crm_stage: str | None = None
    stage: DealStage = "quote_draft"
    won: bool = False
    currency: str | None = None
    total: Decimal | None = None
    contract: str | None = None
    contract_status: str | None = None
    contract_at: datetime | None = None
    sent_at: datetime | None = None
    gate: str | None = None
    gates: str = "[]"
    invoices: str = "[]"
    invoiced: Decimal | None = None
    balance: Decimal | None = None
    updated_at: datetime | None = None
    position: int = 0


def _key(event: Happened) -> list[Key]:
    return [(event.workspace, event.payload.deal_id)]


def _key_of_invoice(event: Happened) -> list[Key]:
    deal_id = event.payload.deal_id
    return [] if deal_id is None else [(event.workspace, deal_id)]


def _fold(row: DealRow, _key: Key, events: Sequence[Happened]) -> None:  # noqa: C901 - a branch a type
    """Apply the events of a deal to its row; only the last snapshot and the last gates count."""
    snapshot, gates = None, None
    for event in events:
        kind, payload = event.type, event.payload
        if kind == catalog.DEAL_UPDATED:
            if payload.revision > row.revision:
                snapshot = payload
                row.revision, row.crm_stage = payload.revision, payload.stage
                row.won = row.won or payload.stage == "closed_won"
            if row.crm_stage == "contract_sent":
                row.sent_at = row.sent_at or event.time
        elif kind in _CONTRACT:
            _contract(row, _CONTRACT[kind], payload)
            row.sent_at = row.sent_at or payload.sent_at or payload.at
        elif kind in {catalog.DEAL_INVOICE_HELD, catalog.DEAL_GATES_CHANGED}:
            gates = payload.gates
        elif kind == catalog.DEAL_CLOSED_WON:
            row.won, row.stage = True, "closed_won"
        elif kind == catalog.DEAL_STAGE_CHANGED:
            row.stage = payload.stage
        elif kind in _GATES_AFTER:
            gates = _GATES_AFTER[kind]
        elif kind == catalog.INVOICE_STATE:
            _invoiced(row, payload)
    if snapshot is not None:
        _quoted(row, snapshot)
    if gates is not None:
        _stands_at(row, gates)
    row.updated_at, row.position = events[-1].time, events[-1].position


def _quoted(row: DealRow, snapshot: Any) -> None:
    row.name, row.account, row.currency = snapshot.name, snapshot.account_id, snapshot.currency
    row.total = in_currency(snapshot.quote.total, snapshot.currency) if snapshot.quote else None


def _invoiced(row: DealRow, state: Any) -> None:
    """Store the state of an invoice in the row, and recompute the sums over the deal's invoices."""
    invoice = DealInvoice(
        realm=state.realm,
        invoice_id=state.invoice_id,
        part=state.part or 0,
        generation=state.generation or 1,
        status=state.status,
        total=Amount(state.total),
        balance=Amount(state.balance),
        doc_number=state.doc_number,
        due_date=state.due_date,
        link=invoice_link(state.realm, state.invoice_id),
    )
    others = [
        other
        for other in json.decode(row.invoices, tuple[DealInvoice, ...])
        if (other.realm, other.invoice_id) != (state.realm, state.invoice_id)
    ]
    invoices = sorted((*others, invoice), key=lambda each: (each.part, each.generation))
    row.invoices = json.encode(invoices)
    row.invoiced = sum((each.total for each in invoices), Decimal(0))
    row.balance = sum((each.balance for each in invoices), Decimal(0))
    row.stage = "invoice_created" if row.balance else "paid"


def _contract(row: DealRow, status: str, payload: Any) -> None:
    newer = row.contract_at is None or payload.at >= row.contract_at
    same = row.contract == payload.contract_id
    if same and _CONTRACT_RANK[status] < _CONTRACT_RANK[row.contract_status]:
        return
    if not same and (row.contract_status == "signed" or not newer) and status != "signed":
        return
    row.contract, row.contract_status, row.contract_at = payload.contract_id, status, payload.at


def _stands_at(row: DealRow, gates: tuple[UnmetGate, ...]) -> None:
    """Store the unmet gates in the row, and the first of them in a column of its own."""
    row.gate = gates[0].gate if gates else None
    row.gates = json.encode([unspoken(gate) for gate in gates])


_FOLD = Fold(
    table=table,
    row=DealRow,
    keys=dict.fromkeys(
        (
            catalog.DEAL_UPDATED,
            *_CONTRACT,
            catalog.DEAL_CLOSED_WON,
            catalog.DEAL_STAGE_CHANGED,
            catalog.DEAL_INVOICE_HELD,
            catalog.DEAL_GATES_CHANGED,
            catalog.INVOICE_COMMANDED,
            catalog.DEAL_INVOICED,
        ),
        _key,
    )
    | {catalog.INVOICE_STATE: _key_of_invoice},
    fold=_fold,
)
DEALS = Projection("deals", VERSION, (_FOLD,))
