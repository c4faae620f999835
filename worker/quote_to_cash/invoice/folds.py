"""Fold what was decided of a deal's invoice, and what became of it."""

from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import InvoiceOrdered
from events.contract.announcements import DealGatesChanged, DealInvoiced, DealInvoiceHeld, InvoiceRequested
from events.contract.gates import asking
from events.contract.quickbooks import CommandRejected, CommandUncertain, InvoiceCreated
from worker.quote_to_cash.attempt import Attempt, ended, succeeded
from worker.quote_to_cash.deal.state import Deal
from worker.quote_to_cash.family import Folds
from worker.quote_to_cash.readings.folds import want
from worker.quote_to_cash.referred import referred
from worker.quote_to_cash.view import WORKSPACE, View

_MISSING = frozenset({"610", "2500"})  # QuickBooks' codes for a reference to what is inactive or not there


def _held(view: View, held: DealInvoiceHeld, _at: datetime) -> None:
    deal = _waiting(view, held)
    view.put(replace(deal, notified=asking(gate.gate for gate in held.gates)), held.deal_id)


def _gates_changed(view: View, changed: DealGatesChanged, _at: datetime) -> None:
    deal = _waiting(view, changed)
    if not asking(gate.gate for gate in changed.gates):
        deal = replace(deal, notified=())  # what stops it next is news, be it the same
    view.put(deal, changed.deal_id)


def _waiting(view: View, held: DealInvoiceHeld) -> Deal:
    view.set_waits(f"deal/{held.deal_id}", held.waits_on)
    return replace(view.get(Deal, held.deal_id), unmet=held.gates, waits_on=held.waits_on)


def _requested(view: View, request: InvoiceRequested, _at: datetime) -> None:
    attempt = Attempt(request.generation, "commanded", request.realm, request.request_id, request.orders)
    deal = replace(view.get(Deal, request.deal_id), attempt=attempt)
    view.put(_waits_on_nothing(deal), request.deal_id)
    # Until it is invoiced, its command can be held up by a lost connection or by a pause.
    view.set_waits(f"deal/{request.deal_id}", (WORKSPACE,))


def _created(view: View, created: InvoiceCreated, _at: datetime) -> None:
    deal = view.get(Deal, created.deal_id)
    attempt = succeeded(deal.attempt, created, deal.orders, created.generation)
    view.put(replace(deal, invoice=created, attempt=attempt), created.deal_id)


def _invoiced(view: View, invoiced: DealInvoiced, _at: datetime) -> None:
    view.put(_waits_on_nothing(view.get(Deal, invoiced.deal_id)), invoiced.deal_id)
    view.set_waits(f"deal/{invoiced.deal_id}", ())


def _waits_on_nothing(deal: Deal) -> Deal:
    return replace(deal, unmet=(), waits_on=(), notified=())


def _ended(view: View, outcome: CommandRejected | CommandUncertain, _at: datetime) -> None:
    if outcome.kind != "create_invoice":
        return
    deal_id = catalog.key_of(outcome.subject)
    deal = view.get(Deal, deal_id)
    if (attempt := ended(deal.attempt, outcome, deal.orders)) is not None:
        view.put(replace(deal, attempt=attempt), deal_id)
    if isinstance(outcome, CommandRejected) and outcome.code in _MISSING:
        _read_again(view, deal)


def _ordered(view: View, order: InvoiceOrdered, _at: datetime) -> None:
    _read_again(view, view.get(Deal, order.deal_id))


def _read_again(view: View, deal: Deal) -> None:
    """Have what a deal refers to read: it may have been put right in QuickBooks, or be what was wrong."""
    if deal.latest is not None:
        want(view, referred(view, deal.latest))


FOLDS: Folds = {
    catalog.INVOICE_ORDERED: _ordered,
    catalog.DEAL_INVOICE_HELD: _held,
    catalog.DEAL_GATES_CHANGED: _gates_changed,
    catalog.INVOICE_REQUESTED: _requested,
    catalog.INVOICE_CREATED: _created,
    catalog.DEAL_INVOICED: _invoiced,
    catalog.COMMAND_REJECTED: _ended,
    catalog.COMMAND_UNCERTAIN: _ended,
}
