"""Decode events for read models: only the fields that they need."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from events.contract import catalog
from events.contract.announcements import HeldGate, InvoiceStatus, UnmetGate
from events.contract.envelope import Recorded


class Happened(Struct, frozen=True, gc=False):
    """An event of the log. Its payload has at least the fields that read models need."""

    position: int
    workspace: str
    type: str
    stream: str
    time: datetime
    payload: Any


class _Needed(Struct, frozen=True, gc=False):
    """The fields of an event type that read models need, with the event's own names."""


class _Line(_Needed, frozen=True, gc=False):
    product_id: str
    name: str


class _Quote(_Needed, frozen=True, gc=False):
    lines: tuple[_Line, ...]
    total: Decimal


class _DealUpdated(_Needed, frozen=True, gc=False):
    deal_id: str
    revision: int
    account_id: str
    name: str
    stage: str
    currency: str
    quote: _Quote | None = None


class _DealInvoiceHeld(_Needed, frozen=True, gc=False):
    deal_id: str
    gates: tuple[HeldGate, ...]


class _DealGatesChanged(_Needed, frozen=True, gc=False):
    deal_id: str
    gates: tuple[UnmetGate, ...]


class _InvoiceCommanded(_Needed, frozen=True, gc=False):
    deal_id: str
    currency: str
    net: Decimal
    notes: tuple[str, ...] = ()


class _InvoiceCreated(_Needed, frozen=True, gc=False):
    currency: str
    net: Decimal
    total: Decimal
    doc_number: str | None = None
    adopted: bool = False
    expected: Decimal | None = None


class _DealInvoiced(_Needed, frozen=True, gc=False):
    deal_id: str


class _InvoiceState(_Needed, frozen=True, gc=False):
    realm: str
    invoice_id: str
    customer_id: str
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    balance: Decimal
    status: InvoiceStatus
    txn_date: date
    deal_id: str | None = None
    part: int | None = None
    generation: int | None = None
    due_date: date | None = None
    doc_number: str | None = None


# The most frequent types of events. Each event was checked in full before it was appended, and a second full check would
# make a rebuild a third longer.
_NEEDED: dict[str, type[_Needed]] = {
    catalog.DEAL_UPDATED: _DealUpdated,
    catalog.DEAL_INVOICE_HELD: _DealInvoiceHeld,
    catalog.DEAL_GATES_CHANGED: _DealGatesChanged,
    catalog.INVOICE_COMMANDED: _InvoiceCommanded,
    catalog.INVOICE_CREATED: _InvoiceCreated,
    catalog.DEAL_INVOICED: _DealInvoiced,
    catalog.INVOICE_STATE: _InvoiceState,
}
_decode: dict[str, Callable[[str], Any]] = {
    name: msgspec.json.Decoder(needed).decode for name, needed in _NEEDED.items()
}


def payload(name: str, data: str) -> Any:
    """Decode the fields of an event's data that read models need.

    Raises:
        UnreadableEvent: This code does not know the type, or the data no longer fits the type's contract.
    """
    try:
        return _decode[name](data)
    except (KeyError, msgspec.DecodeError):
        return catalog.payload(name, data)  # decodes all fields, or raises with the one that is wrong


def seen(recorded: Recorded) -> Happened:
    """Return a fully decoded event in the form that read models take."""
    event = recorded.event
    return Happened(recorded.position, event.workspace, event.type, event.stream, event.time, event.payload)
