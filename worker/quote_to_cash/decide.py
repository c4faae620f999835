"""What to do about an event: the facts to record and the commands to issue. Pure over the view."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace

from events import catalog, json
from events.administration import InvoiceNamed
from events.announcements import (
    CustomerLinked,
    DealClosedWon,
    DealInvoiced,
    DealInvoiceHeld,
    InvoiceRequested,
    InvoiceState,
)
from events.crm import DealUpdated
from events.currencies import in_currency
from events.envelope import Event
from events.gates import IN_PROGRESS, asking
from events.quickbooks import InvoiceCreated
from events.values import Fact
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand
from worker.quote_to_cash.creating import consider_account, consider_product
from worker.quote_to_cash.decision import SOURCE, Decision, record
from worker.quote_to_cash.evolve import evolve
from worker.quote_to_cash.gates import Gate
from worker.quote_to_cash.invoicing import invoice_body
from worker.quote_to_cash.observed import referred
from worker.quote_to_cash.reading import consider_company, consider_object, read_referred
from worker.quote_to_cash.signed import quote_sent, signed_contract
from worker.quote_to_cash.state import DOCUSIGN, WORKSPACE, Deal, View, named_by, products_of
from worker.quote_to_cash.totals import price
from worker.quote_to_cash.walk import (
    awaits_signature,
    is_spoken_for,
    stands_at,
    won_gates,
    won_since,
)

# For how long a deal may have been won before we hear of it from somebody who does not say when.
LONG_AGO = timedelta(days=366)
INVOICE_LINK = "https://qbo.intuit.com/app/invoice?txnId={invoice_id}&companyId={realm}"


def is_own(event: Event) -> bool:
    """Say whether the process manager itself recorded an event."""
    return event.source == SOURCE


def streams(event: Event) -> list[str]:
    """Say whose state deciding about an event will ask for, as far as the event itself says."""
    named = [event.stream]
    if event.type == catalog.DEAL_UPDATED:
        named += named_by(event.payload)
    return named


def related(view: View, named: Sequence[str]) -> set[str]:
    """Say whose state deciding about these deals will ask for as well, as far as their own state says."""
    found = {stream for latest in _snapshots(view, named) for stream in named_by(latest)}
    return found - set(named)


def mapped_to(view: View, named: Sequence[str]) -> set[str]:
    """Say which customers and items deciding about these deals will ask for; what they name is at hand by now."""
    return {stream for latest in _snapshots(view, named) for stream in referred(view, latest)}


def _snapshots(view: View, named: Sequence[str]) -> Iterator[DealUpdated]:
    for stream in named:
        kind, _, deal_id = stream.partition("/")
        if kind == "deal" and (latest := view.deal(deal_id).latest) is not None:
            yield latest


def decide(view: View, event: Event) -> Decision:
    """Fold an event into the view, and decide what follows from it.

    An event of our own was folded when it was decided; it is read back and passed over.
    """
    decision = Decision()
    if is_own(event):
        return decision
    evolve(view, event)
    for fact_type, fact in _told(view, event):
        record(view, decision, event, fact_type, fact)
    if event.type == catalog.INVOICE_NAMED:
        _name_invoice(view, decision, event)
    for stream in _affected(view, event):
        kind, _, subject = stream.partition("/")
        _CONSIDERATIONS[kind](view, decision, event, subject)
    return decision


def _name_invoice(view: View, decision: Decision, event: Event) -> None:
    """Have the command that waits to know its outcome look at the invoice that a person named."""
    named: InvoiceNamed = event.payload
    effort = view.deal(named.deal_id).effort
    if effort is not None and effort.is_open:
        key = CommandKey(event.workspace, named.deal_id, "create_invoice", named.part, effort.generation)
        decision.named.append((key, named.invoice_id))


def _affected(view: View, event: Event) -> list[str]:
    """Whose next step this event may allow: its own stream, what it is about, what waits on either."""
    kind = event.stream.partition("/")[0]
    affected = [event.stream] if kind in _CONSIDERATIONS else []
    if event.type == catalog.DEAL_UPDATED:
        affected += products_of(event.payload)
    objects = _objects(view, event)
    waiting = [found for stream in (event.stream, *objects) for found in view.waiting(stream)]
    # Deals last: their words tell what was commanded for their account and products.
    everybody = dict.fromkeys([*affected, *objects, *waiting])
    return sorted(everybody, key=lambda stream: stream.startswith("deal/"))


def _objects(view: View, event: Event) -> list[str]:
    """Which customers and items an event has read again, or makes known, beside its own stream."""
    payload = event.payload
    match event.type:
        case catalog.CUSTOMER_CREATED:
            return [catalog.customer_stream(payload.realm, payload.customer_id)]
        case catalog.ITEM_CREATED:
            return [catalog.item_stream(payload.realm, payload.item_id)]
        case catalog.ACCOUNT_MAPPED if realm := payload.realm or _connected(view):
            return [catalog.customer_stream(realm, payload.customer_id)]
        case catalog.PRODUCT_MAPPED if realm := view.product(payload.product_id).item_realm:
            return [catalog.item_stream(realm, payload.item_id)]
        case catalog.INVOICE_ORDERED | catalog.COMMAND_REJECTED:
            return sorted(mapped_to(view, [event.stream]))
    return []


def _told(view: View, event: Event) -> Iterator[tuple[str, Fact]]:
    """What the CRM and reporting are told about an outcome."""
    payload = event.payload
    if event.type == catalog.INVOICE_CREATED:
        yield catalog.DEAL_INVOICED, _invoiced(payload)
        yield catalog.INVOICE_STATE, _invoice_state(view, payload)
    elif event.type in {catalog.CUSTOMER_CREATED, catalog.ACCOUNT_MAPPED}:
        realm = payload.realm or _connected(view)
        yield (
            catalog.CUSTOMER_LINKED,
            CustomerLinked(payload.account_id, payload.customer_id, realm, payload.currency),
        )


def _connected(view: View) -> str | None:
    connection = view.workspace().connection
    return connection.realm if connection else None


def _invoiced(created: InvoiceCreated) -> DealInvoiced:
    return DealInvoiced(
        deal_id=created.deal_id,
        part=created.part,
        realm=created.realm,
        invoice_id=created.invoice_id,
        currency=created.currency,
        net=created.net,
        tax=created.tax,
        total=created.total,
        link=INVOICE_LINK.format(invoice_id=created.invoice_id, realm=created.realm),
        doc_number=created.doc_number,
        due_date=created.due_date,
    )


def _invoice_state(view: View, created: InvoiceCreated) -> InvoiceState:
    latest = view.deal(created.deal_id).latest
    return InvoiceState(
        realm=created.realm,
        invoice_id=created.invoice_id,
        deal_id=created.deal_id,
        part=created.part,
        generation=created.generation,
        account_id=latest.account_id if latest else created.customer_id,
        customer_id=created.customer_id,
        currency=created.currency,
        net=created.net,
        tax=created.tax,
        total=created.total,
        balance=created.balance,
        status="outstanding" if created.balance else "paid",
        txn_date=created.txn_date,
        doc_number=created.doc_number,
        due_date=created.due_date,
    )


def _consider_deal(view: View, decision: Decision, event: Event, deal_id: str) -> None:
    _announce_won(view, decision, event, deal_id)
    deal = view.deal(deal_id)
    if deal.invoice is not None:
        return
    # What comes after winning is judged, and waited on, once somebody spoke of it: of most drafts nobody does.
    spoken_for = is_spoken_for(deal)
    if spoken_for and deal.latest is not None:
        read_referred(view, decision, event, deal.latest)
    gates = stands_at(view, deal_id) if spoken_for else won_gates(deal, view.workspace())
    unmet = [gate for gate in gates if not gate.met]
    if not unmet:
        _request_invoice(view, decision, event, deal_id, deal)
    elif unmet[0].code != IN_PROGRESS or deal.held is not None:
        _say_held(view, decision, event, deal_id, unmet, spoken_for=spoken_for)


def _say_held(
    view: View, decision: Decision, event: Event, deal_id: str, unmet: list[Gate], *, spoken_for: bool
) -> None:
    """Record the gates that a deal stands at.

    The CRM is told only of a deal that somebody won, declined or voided, and only when the codes change:
    each code asks for an action, and the same action with other details is no news to it. Our read models
    show the words, so every other change is recorded for them alone. An invoice that is being made, or whose
    customer is being read, asks for nothing: it follows, or a reason does.
    """
    deal = view.deal(deal_id)
    codes = tuple(gate.code for gate in unmet)
    signature = (DOCUSIGN,) if awaits_signature(deal, view.workspace().settings) else ()
    waits_on = (*judged_by(view, deal), *signature) if spoken_for else signature
    held = DealInvoiceHeld(deal_id, 0, tuple(gate.announced() for gate in unmet), waits_on)
    if spoken_for and asking(codes) not in (deal.told, ()):
        record(view, decision, event, catalog.DEAL_INVOICE_HELD, held)
    elif held != deal.held and (deal.latest or deal.contracts):
        record(view, decision, event, catalog.DEAL_GATES_CHANGED, held)


def judged_by(view: View, deal: Deal) -> tuple[str, ...]:
    """Say whose events, beside the deal's own, may open or shut a gate of its invoice."""
    if deal.latest is None or (deal.effort is not None and deal.effort.is_open):
        return (WORKSPACE,)
    return (WORKSPACE, *named_by(deal.latest), *referred(view, deal.latest))


def _announce_won(view: View, decision: Decision, event: Event, deal_id: str) -> None:
    deal = view.deal(deal_id)
    contract = signed_contract(deal)
    if contract is None or deal.announced_won or deal.latest is None or deal.latest.stage == "closed_lost":
        return
    fact = DealClosedWon(deal_id, contract.contract_id, contract.at)
    record(view, decision, event, catalog.DEAL_CLOSED_WON, fact)


def _request_invoice(view: View, decision: Decision, event: Event, deal_id: str, deal: Deal) -> None:
    """Every gate has been passed, so everything that an invoice refers to is there."""
    workspace = view.workspace()
    quote = quote_sent(deal)
    latest, connection, company = deal.latest, workspace.connection, workspace.company
    if latest is None or connection is None or company is None or quote is None:
        raise DecisionImpossible(f"Deal {deal_id} passed every gate without what they guard")
    priced = price(quote, latest.currency)
    customer = view.account(latest.account_id).link_in(connection.realm, latest.currency)
    if priced is None or customer is None:
        raise DecisionImpossible(f"Deal {deal_id} passed every gate without a price or a customer")
    generation = deal.effort.generation + 1 if deal.effort else 1
    key = CommandKey(event.workspace, deal_id, "create_invoice", 0, generation)
    request = request_id(connection.realm, key)
    items: dict[str, Any] = {
        line.product_id: view.product(line.product_id).item_in(connection.realm) for line in quote.lines
    }
    composed = invoice_body(
        latest,
        quote,
        priced,
        customer_id=customer.customer_id,
        items=items,
        company=company,
        settings=workspace.settings,
        part=0,
        generation=generation,
        request=request,
    )
    fact = InvoiceRequested(
        deal_id=deal_id,
        part=0,
        generation=generation,
        realm=connection.realm,
        request_id=request,
        account_id=latest.account_id,
        customer_id=customer.customer_id,
        currency=latest.currency,
        net=in_currency(priced.net, latest.currency),
        orders=deal.orders,
        notes=composed.notes,
    )
    record(view, decision, event, catalog.INVOICE_REQUESTED, fact)
    wished = NewCommand(
        key,
        connection.realm,
        request,
        json.encode_numbers(composed.body),
        since=_wished_since(deal, event.time),
    )
    decision.commands.append(wished)


def _wished_since(deal: Deal, now: datetime) -> datetime:
    """Return since when an earlier life of this installation, of which a restored store knows nothing, may have sent it.

    That is when the deal was won, in the words of DocuSign or the CRM. When we heard of it says nothing: whoever
    sends again what is lost is heard later. So where neither says when, it may have been long ago.
    """
    told = won_since(replace(deal, won_at=deal.latest.closed_at if deal.latest else None))
    return told or now - LONG_AGO


class DecisionImpossible(Exception):
    """The rules contradict one another: a defect of ours, never of the data."""


_CONSIDERATIONS: dict[str, Callable[[View, Decision, Event, str], None]] = {
    "workspace": consider_company,
    "account": consider_account,
    "product": consider_product,
    "customer": partial(consider_object, "customer"),
    "item": partial(consider_object, "item"),
    "deal": _consider_deal,
}
