"""Where each deal stands, and why."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events import catalog, json
from events.announcements import UnmetGate
from events.currencies import in_currency
from events.envelope import Recorded
from events.gates import CREATING, IN_PROGRESS
from events.tables import Position, UtcInstant, metadata
from projections.fold import Fold, Key, Money

Stage = Literal[
    "quote_draft", "contract_sent", "signed", "closed_won", "invoice_created", "paid", "closed_lost"
]

deals = sa.Table(
    "deals",
    metadata,
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
    sa.Column("reason", sa.Text),
    sa.Column("remedy", sa.Text),
    sa.Column("gates", sa.Text, nullable=False),
    sa.Column("invoice_id", sa.Text),
    sa.Column("doc_number", sa.Text),
    sa.Column("invoice_total", Money),
    sa.Column("balance", Money),
    sa.Column("link", sa.Text),
    sa.Column("updated_at", UtcInstant),
    sa.Column("position", Position, nullable=False),
    sa.Index("deals_stage", "workspace", "stage"),
)

_CONTRACT = {
    catalog.CONTRACT_SENT: "sent",
    catalog.CONTRACT_DELIVERED: "delivered",
    catalog.CONTRACT_SIGNED: "signed",
    catalog.CONTRACT_DECLINED: "declined",
    catalog.CONTRACT_VOIDED: "voided",
}
_IN_PROGRESS = UnmetGate(IN_PROGRESS, CREATING.reason, CREATING.remedy, CREATING.action)
_CONTRACT_RANK = {None: 0, "sent": 1, "delivered": 2, "voided": 3, "declined": 3, "signed": 4}


class DealRow(Struct, frozen=True):
    """A deal as people see it."""

    name: str | None = None
    account: str | None = None
    revision: int = -1
    crm_stage: str | None = None
    stage: Stage = "quote_draft"
    won: bool = False
    currency: str | None = None
    total: Decimal | None = None
    contract: str | None = None
    contract_status: str | None = None
    contract_at: datetime | None = None
    sent_at: datetime | None = None
    gate: str | None = None
    reason: str | None = None
    remedy: str | None = None
    gates: str = "[]"
    invoice_id: str | None = None
    doc_number: str | None = None
    invoice_total: Decimal | None = None
    balance: Decimal | None = None
    link: str | None = None
    updated_at: datetime | None = None
    position: int = 0


def _key(payload: Any) -> list[Key]:
    return [(payload.deal_id,)]


def _fold(row: DealRow, _key: Key, recorded: Recorded, payload: Any) -> DealRow:
    event = recorded.event
    if event.type == catalog.DEAL_UPDATED:
        row = _snapshot(row, payload)
        if row.crm_stage == "contract_sent":
            row = replace(row, sent_at=row.sent_at or event.time)
    elif event.type in _CONTRACT:
        row = _contract(row, _CONTRACT[event.type], payload)
        row = replace(row, sent_at=row.sent_at or payload.sent_at or payload.at)
    elif event.type == catalog.DEAL_CLOSED_WON:
        row = replace(row, won=True)
    elif event.type in {catalog.DEAL_INVOICE_HELD, catalog.DEAL_GATES_CHANGED}:
        row = _held(row, payload.gates)
    elif event.type == catalog.INVOICE_REQUESTED:
        row = _held(row, (_IN_PROGRESS,))
    elif event.type == catalog.DEAL_INVOICED:
        row = replace(_open(row), link=payload.link)
    elif event.type == catalog.INVOICE_STATE:
        row = replace(
            row,
            invoice_id=payload.invoice_id,
            doc_number=payload.doc_number,
            invoice_total=payload.total,
            balance=payload.balance,
        )
    return replace(row, stage=_stage(row), updated_at=event.time, position=recorded.position)


def _snapshot(row: DealRow, payload: Any) -> DealRow:
    if payload.revision <= row.revision:
        return row
    return replace(
        row,
        name=payload.name,
        account=payload.account_id,
        revision=payload.revision,
        crm_stage=payload.stage,
        won=row.won or payload.stage == "closed_won",
        currency=payload.currency,
        total=in_currency(payload.quote.total, payload.currency) if payload.quote else None,
    )


def _contract(row: DealRow, status: str, payload: Any) -> DealRow:
    newer = row.contract_at is None or payload.at >= row.contract_at
    same = row.contract == payload.contract_id
    if same and _CONTRACT_RANK[status] < _CONTRACT_RANK[row.contract_status]:
        return row
    if not same and (row.contract_status == "signed" or not newer) and status != "signed":
        return row
    return replace(row, contract=payload.contract_id, contract_status=status, contract_at=payload.at)


def _held(row: DealRow, gates: tuple[UnmetGate, ...]) -> DealRow:
    first = gates[0]
    return replace(row, gate=first.gate, reason=first.reason, remedy=first.remedy, gates=json.encode(gates))


def _open(row: DealRow) -> DealRow:
    return replace(row, gate=None, reason=None, remedy=None, gates="[]")


def _stage(row: DealRow) -> Stage:
    if row.invoice_id is not None:
        return "invoice_created" if row.balance else "paid"
    if row.crm_stage == "closed_lost":
        return "closed_lost"
    if row.won:
        return "closed_won"
    if row.contract_status == "signed":
        return "signed"
    if row.contract_status in {"sent", "delivered"} or row.crm_stage == "contract_sent":
        return "contract_sent"
    return "quote_draft"


DEALS = Fold(
    name="deals",
    table=deals,
    row=DealRow,
    keys=dict.fromkeys(
        (
            catalog.DEAL_UPDATED,
            *_CONTRACT,
            catalog.DEAL_CLOSED_WON,
            catalog.DEAL_INVOICE_HELD,
            catalog.DEAL_GATES_CHANGED,
            catalog.INVOICE_REQUESTED,
            catalog.DEAL_INVOICED,
            catalog.INVOICE_STATE,
        ),
        _key,
    ),
    fold=_fold,
)
