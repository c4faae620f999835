"""Fold the decisions about a deal's invoice, and the outcomes of its commands."""

from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import InvoiceRequested
from events.contract.announcements import (
    DealGatesChanged,
    DealInvoiced,
    DealInvoiceHeld,
    InvoiceCommanded,
    unspoken,
)
from events.contract.gates import asking
from events.contract.quickbooks import CommandRejected, CommandUncertain, InvoiceCreated
from worker.quote_to_cash.attempt import Attempt, with_end, with_success
from worker.quote_to_cash.deal.stage import stage_of_invoices
from worker.quote_to_cash.deal.state import Deal, Part
from worker.quote_to_cash.family import Folds
from worker.quote_to_cash.keys import HOLDING_UP
from worker.quote_to_cash.readings.folds import want
from worker.quote_to_cash.referred import referred
from worker.quote_to_cash.view import View

_MISSING = frozenset({"610", "2500"})  # QuickBooks' codes for a reference to an inactive or missing object


def _held(view: View, held: DealInvoiceHeld, _at: datetime) -> None:
    part = _waiting(view, held)
    _put(view, held.deal_id, held.part, replace(part, notified=asking(gate.gate for gate in held.gates)))


def _gates_changed(view: View, changed: DealGatesChanged, _at: datetime) -> None:
    part = _waiting(view, changed)
    if not asking(gate.gate for gate in changed.gates):
        part = replace(part, notified=())  # the next unmet gate is announced, even if it is the same
    _put(view, changed.deal_id, changed.part, part)


def _waiting(view: View, held: DealInvoiceHeld | DealGatesChanged) -> Part:
    part = view.get(Deal, held.deal_id).part(held.part)
    return replace(part, unmet=tuple(map(unspoken, held.gates)), waits_on=held.waits_on)


def _requested(view: View, request: InvoiceCommanded, _at: datetime) -> None:
    part = view.get(Deal, request.deal_id).part(request.part)
    attempt = Attempt(request.generation, "commanded", request.realm, request.request_id, request.requests)
    # Until the deal is invoiced, a lost connection or a pause can delay its command.
    waiting = replace(_unheld(part), attempts=(*part.attempts, attempt), waits_on=HOLDING_UP)
    _put(view, request.deal_id, request.part, waiting)


def _created(view: View, created: InvoiceCreated, _at: datetime) -> None:
    deal = view.get(Deal, created.deal_id)
    part = deal.part(created.part)
    made = replace(
        part,
        attempts=with_success(part.attempts, created, part.requests, created.generation),
        invoices={**part.invoices, created.generation: created},
    )
    deal = deal.with_part(created.part, made)
    view.put(replace(deal, stage=stage_of_invoices(deal.invoices)), created.deal_id)


def _invoiced(view: View, invoiced: DealInvoiced, _at: datetime) -> None:
    part = view.get(Deal, invoiced.deal_id).part(invoiced.part)
    _put(view, invoiced.deal_id, invoiced.part, _unheld(part))


def _unheld(part: Part) -> Part:
    return replace(part, unmet=(), waits_on=(), notified=())


def _put(view: View, deal_id: str, number: int, part: Part) -> None:
    """Replace a part of a deal, and the keys that the deal waits on."""
    deal = view.get(Deal, deal_id).with_part(number, part)
    view.put(deal, deal_id)
    view.set_waits(f"deal/{deal_id}", deal.waits_on)


def _ended(view: View, outcome: CommandRejected | CommandUncertain, _at: datetime) -> None:
    if outcome.kind != "create_invoice":
        return
    deal_id = catalog.key_of(outcome.subject)
    deal = view.get(Deal, deal_id)
    part = deal.part(outcome.part)
    ended = replace(part, attempts=with_end(part.attempts, outcome, part.requests))
    view.put(deal.with_part(outcome.part, ended), deal_id)
    if isinstance(outcome, CommandRejected) and outcome.code in _MISSING:
        _read_again(view, deal)


def _requested_by_hand(view: View, request: InvoiceRequested, _at: datetime) -> None:
    _read_again(view, view.get(Deal, request.deal_id))


def _read_again(view: View, deal: Deal) -> None:
    """Request readings of a deal's customer and items: a person may have corrected them, or they may be the problem."""
    if deal.latest is not None:
        want(view, referred(view, deal.latest))


FOLDS: Folds = {
    catalog.INVOICE_REQUESTED: _requested_by_hand,
    catalog.DEAL_INVOICE_HELD: _held,
    catalog.DEAL_GATES_CHANGED: _gates_changed,
    catalog.INVOICE_COMMANDED: _requested,
    catalog.INVOICE_CREATED: _created,
    catalog.DEAL_INVOICED: _invoiced,
    catalog.COMMAND_REJECTED: _ended,
    catalog.COMMAND_UNCERTAIN: _ended,
}
