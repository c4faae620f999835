"""Command a deal's invoice once every gate is met; record the unmet gates before that, and announce it after that."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from events.contract import catalog, json
from events.contract.administration import InvoiceNamed, InvoiceRequested
from events.contract.announcements import (
    DealGatesChanged,
    DealInvoiced,
    DealInvoiceHeld,
    InvoiceCommanded,
    InvoiceState,
    invoice_link,
)
from events.contract.currencies import in_currency
from events.contract.gates import CUSTOMER_BEING_CREATED, ITEM_BEING_CREATED, asking
from events.contract.quickbooks import CommandRejected, InvoiceCreated, figures_of
from worker.commands.identity import CommandKey
from worker.quote_to_cash.attempt import next_generation
from worker.quote_to_cash.command import Command, Consequence, NamedInvoice, identified
from worker.quote_to_cash.customers.unmapped import compare_once_more
from worker.quote_to_cash.deal.signed import quote_sent
from worker.quote_to_cash.deal.state import WHOLE, Deal, named_by
from worker.quote_to_cash.deal.won import awaits_signature, has_outcome, won_since
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.gates import Checked
from worker.quote_to_cash.inquiry import DecisionImpossible, Inquiry
from worker.quote_to_cash.invoice.body import invoice_body
from worker.quote_to_cash.invoice.folds import FOLDS
from worker.quote_to_cash.items.rules import compare_unmapped
from worker.quote_to_cash.readings.rules import read_unknown
from worker.quote_to_cash.referred import referred
from worker.quote_to_cash.view import DOCUSIGN, View
from worker.quote_to_cash.walk import passes_by_itself, unmet_and_keys, unmet_before_winning

# How long a deal may already have been won when an event without the time of winning arrives.
LONG_AGO = timedelta(days=366)
BEING_CREATED = frozenset({CUSTOMER_BEING_CREATED, ITEM_BEING_CREATED})
PARTS = (WHOLE,)  # a billing schedule is not invoiced yet: its gate holds the whole deal


def consider(view: View, deal_id: str) -> Iterator[Consequence]:
    """Command the invoice of each part of a deal whose gates are all met; record the unmet gates of the others."""
    for number in PARTS:
        yield from _consider(Inquiry(view, deal_id, number))


def consider_in_batch(view: View, deal_id: str) -> Iterator[Consequence]:
    """Do the same when a batch runs, for a deal that waited for it."""
    for number in PARTS:
        yield from _consider(Inquiry(view, deal_id, number, in_batch=True))


def _consider(inquiry: Inquiry) -> Iterator[Consequence]:
    deal, part = inquiry.deal, inquiry.part
    if part.invoice is not None:
        return
    # The gates after winning are checked, and waited on, only for a deal with an outcome; most drafts never get one.
    keys: tuple[str, ...] = ()
    if not has_outcome(deal):
        unmet = unmet_before_winning(inquiry)
    else:
        if deal.latest is not None:  # these commands do not change anything that the inquiry has read
            yield from read_unknown(inquiry.view, inquiry.referred)
        unmet, keys = unmet_and_keys(inquiry)
        codes = [gate.code for gate in unmet]
        if codes[:1] == [CUSTOMER_BEING_CREATED] and BEING_CREATED.issuperset(codes):
            # The items follow once the account has a customer: until then, a person may have to review it.
            yield from compare_once_more(inquiry.view, inquiry.latest.account_id)
        elif codes == [ITEM_BEING_CREATED] and inquiry.items.to_create:
            yield from compare_unmapped(inquiry.view, inquiry.items.to_create)
    if not unmet:
        yield from _request(inquiry)
    elif not passes_by_itself(unmet) or part.unmet:
        yield from _say_unmet(inquiry, unmet, keys)


def _say_unmet(inquiry: Inquiry, unmet: list[Checked], keys: tuple[str, ...]) -> Iterator[Consequence]:
    """Record the gates that a deal waits on.

    They are announced to the CRM only if the deal was won, declined or voided, and only if the codes have changed: each
    code asks for an action, and the same action with other details is not announced again. Every other change is recorded
    for our read models alone, which show the sentences. An invoice that is being created, or whose customer is being
    read, is not announced: it needs no action, and the invoice or another gate follows.
    """
    deal, part = inquiry.deal, inquiry.part
    signature = (DOCUSIGN,) if awaits_signature(deal, inquiry.settings) else ()
    waits_on = tuple(dict.fromkeys((*keys, *signature)))
    gates = tuple(gate.recorded() for gate in unmet)
    if has_outcome(deal) and asking(gate.code for gate in unmet) not in (part.notified, ()):
        yield DealInvoiceHeld(
            inquiry.deal_id, inquiry.number, tuple(gate.announced() for gate in unmet), waits_on
        )
    elif (gates, waits_on) != (part.unmet, part.waits_on) and (deal.latest or deal.contracts):
        yield DealGatesChanged(inquiry.deal_id, inquiry.number, gates, waits_on)


def _request(inquiry: Inquiry) -> Iterator[Consequence]:
    """Command the invoice: every gate is met, so everything that it refers to exists."""
    deal_id, number = inquiry.deal_id, inquiry.number
    deal, latest, realm, customer = inquiry.deal, inquiry.latest, inquiry.realm, inquiry.link
    # The newest quote has the content of the sent one: a gate checks that.
    quote, priced = quote_sent(deal), inquiry.priced
    if realm is None or customer is None or quote is None or priced is None:
        raise DecisionImpossible(f"Deal {deal_id} passed every gate without what they guard")
    generation = next_generation(inquiry.part.attempt)
    subject = f"deal/{deal_id}"
    key, request = identified(
        inquiry.view, "create_invoice", realm, subject, part=number, generation=generation
    )
    composed = invoice_body(
        latest,
        quote,
        priced,
        customer_id=customer.customer_id,
        items=inquiry.items.item_ids,
        defaulted=inquiry.items.defaulted,
        company=inquiry.company,
        settings=inquiry.settings,
        part=number,
        generation=generation,
        request=request,
    )
    yield InvoiceCommanded(
        deal_id=deal_id,
        part=number,
        generation=generation,
        realm=realm,
        request_id=request,
        account_id=latest.account_id,
        customer_id=customer.customer_id,
        currency=latest.currency,
        net=in_currency(priced.net, latest.currency),
        requests=inquiry.part.requests,
        notes=composed.notes,
    )
    body = json.encode_numbers(composed.body)
    yield Command(key, realm, request, body, since=_wished_since(deal), age=LONG_AGO)


def _wished_since(deal: Deal) -> datetime | None:
    """Return the earliest time at which the invoice may have been sent before the store was restored from a backup.

    That is when the deal was won, by the time that DocuSign or the CRM states. The time at which an event arrived does not
    count, since lost events are sent again later. None if neither states the time: then it may have been long ago.
    """
    return won_since(replace(deal, won_at=deal.latest.closed_at if deal.latest else None))


def _created(view: View, created: InvoiceCreated) -> Iterator[Consequence]:
    """Announce the invoice to the CRM and reporting, with QuickBooks' own figures."""
    yield DealInvoiced(
        deal_id=created.deal_id,
        part=created.part,
        realm=created.realm,
        invoice_id=created.invoice_id,
        link=invoice_link(created.realm, created.invoice_id),
        **figures_of(created),
    )
    latest = view.get(Deal, created.deal_id).latest
    yield InvoiceState(
        realm=created.realm,
        invoice_id=created.invoice_id,
        deal_id=created.deal_id,
        part=created.part,
        generation=created.generation,
        account_id=latest.account_id if latest else None,
        customer_id=created.customer_id,
        balance=created.balance,
        status="outstanding" if created.balance else "paid",
        txn_date=created.txn_date,
        **figures_of(created),
    )


def _named(view: View, named: InvoiceNamed) -> Iterator[Consequence]:
    """Pass the invoice that a person named to the open command, whose look-up then reads it."""
    attempt = view.get(Deal, named.deal_id).part(named.part).attempt
    if attempt is not None and attempt.is_open:
        subject, generation = f"deal/{named.deal_id}", attempt.generation
        key = CommandKey(view.workspace_name, subject, "create_invoice", named.part, generation)
        yield NamedInvoice(key, named.invoice_id)


def _names(view: View, deal_id: str) -> list[str]:
    latest = view.get(Deal, deal_id).latest
    return named_by(latest) if latest is not None else []


def _refers_to(view: View, deal_id: str) -> list[str]:
    latest = view.get(Deal, deal_id).latest
    return referred(view, latest) if latest is not None else []


def _read_again(view: View, event: InvoiceRequested | CommandRejected) -> list[str]:
    if isinstance(event, InvoiceRequested):
        return sorted(_refers_to(view, event.deal_id))
    of_invoice = event.kind == "create_invoice"
    return sorted(_refers_to(view, catalog.key_of(event.subject))) if of_invoice else []


FAMILY = Family(
    "deal",
    FOLDS,
    consider,
    {catalog.SYNC_DUE: consider_in_batch},
    follows={catalog.INVOICE_CREATED: _created, catalog.INVOICE_NAMED: _named},
    changed_by={catalog.INVOICE_REQUESTED: _read_again, catalog.COMMAND_REJECTED: _read_again},
    reads=(_names, _refers_to),
)
