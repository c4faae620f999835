"""Fold events into the state: what happened, never what to do about it."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from events import catalog, json
from events.administration import (
    ConnectionAuthorized,
    ConnectionExpired,
    InvoiceOrdered,
    SettingsChanged,
)
from events.announcements import (
    CompanyReadCommanded,
    DealClosedWon,
    DealInvoiced,
    DealInvoiceHeld,
    InvoiceRequested,
)
from events.contracts import ContractChanged
from events.crm import DealUpdated, Quote
from events.docusign import DocusignReceptionChanged
from events.envelope import Event
from events.gates import asking
from events.quickbooks import (
    CommandRejected,
    CommandUncertain,
    CompanyObserved,
    CompanyRefused,
    CompanyServed,
    InvoiceCreated,
)
from worker.quote_to_cash import mapped, observed
from worker.quote_to_cash.state import (
    WORKSPACE,
    Contract,
    ContractStatus,
    Deal,
    Effort,
    View,
)
from worker.quote_to_cash.versions import Version, is_known, with_snapshot

CONTRACT_STATUS: dict[str, ContractStatus] = {
    catalog.CONTRACT_SENT: "sent",
    catalog.CONTRACT_DELIVERED: "delivered",
    catalog.CONTRACT_SIGNED: "signed",
    catalog.CONTRACT_DECLINED: "declined",
    catalog.CONTRACT_VOIDED: "voided",
}
_MISSING = frozenset({"610", "2500"})  # QuickBooks' codes for a reference to what is inactive or not there
FINAL = frozenset({"signed", "declined", "voided"})


def evolve(view: View, event: Event) -> None:
    """Fold one event; types that mean nothing to decisions change nothing."""
    fold = _FOLDS.get(event.type)
    if fold is not None:
        fold(view, event, event.payload)


def quote_key(quote: Quote, currency: str) -> str:
    """Name a quote by what it offers, in which currency; its own revision and id do not count."""
    offered = {**msgspec.structs.asdict(replace(quote, revision=0, quote_id="-")), "currency": currency}
    return json.content_hash("quote", None, json.parse(json.encode(offered).encode()))[:16]


def _deal_updated(view: View, event: Event, snapshot: DealUpdated) -> None:
    deal = view.deal(snapshot.deal_id)
    if is_known(deal.versions, snapshot.revision):
        return
    key = quote_key(snapshot.quote, snapshot.currency) if snapshot.quote else None
    version = Version(snapshot.revision, event.time, snapshot.stage, key)
    deal = replace(deal, versions=with_snapshot(deal.versions, version))
    if snapshot.quote and key:
        deal = replace(deal, quotes={**deal.quotes, key: snapshot.quote})
    if snapshot.stage == "closed_won" and (
        deal.won_revision is None or snapshot.revision < deal.won_revision
    ):
        deal = replace(deal, won_revision=snapshot.revision, won_at=snapshot.closed_at or event.time)
    if _is_newer(snapshot, deal):
        deal = replace(deal, latest=snapshot)
        _remember_products(view, snapshot)
    view.put_deal(snapshot.deal_id, deal)


def _is_newer(snapshot: DealUpdated, deal: Deal) -> bool:
    return deal.latest is None or snapshot.revision > deal.latest.revision


def _remember_products(view: View, snapshot: DealUpdated) -> None:
    for line in snapshot.quote.lines if snapshot.quote else ():
        product = view.product(line.product_id)
        view.put_product(
            line.product_id, replace(product, name=line.name, sku=line.sku, taxable=line.taxable)
        )


def _contract_changed(view: View, event: Event, change: ContractChanged) -> None:
    deal = view.deal(change.deal_id)
    status = CONTRACT_STATUS[event.type]
    known = deal.contracts.get(change.contract_id)
    instants = [change.sent_at, change.at if status == "sent" else None, known.sent_at if known else None]
    sent_at = min((instant for instant in instants if instant is not None), default=None)
    if known is None or _supersedes(status, change, known):
        contract = Contract(change.contract_id, status, change.at, sent_at, change.reason)
    else:
        contract = replace(known, sent_at=sent_at)
    view.put_deal(change.deal_id, replace(deal, contracts={**deal.contracts, change.contract_id: contract}))


def _supersedes(status: ContractStatus, change: ContractChanged, known: Contract) -> bool:
    # Messages come in any order, and a completed envelope stays completed whatever comes late.
    if known.status == "signed":
        return False
    if status == "signed":
        return True
    if (status in FINAL) != (known.status in FINAL):
        return status in FINAL
    return (change.at, status) > (known.at, known.status)


def _invoice_ordered(view: View, _event: Event, order: InvoiceOrdered) -> None:
    deal = view.deal(order.deal_id)
    view.put_deal(order.deal_id, replace(deal, orders=deal.orders + 1))
    _read_again(view, deal)


def _read_again(view: View, deal: Deal) -> None:
    """Have what a deal refers to read: it may have been put right in QuickBooks, or be what was wrong."""
    if deal.latest is not None:
        observed.want(view, observed.referred(view, deal.latest))


def _closed_won(view: View, _event: Event, won: DealClosedWon) -> None:
    view.put_deal(won.deal_id, replace(view.deal(won.deal_id), announced_won=True))


def _held(view: View, event: Event, held: DealInvoiceHeld) -> None:
    deal = replace(view.deal(held.deal_id), held=held)
    codes = tuple(gate.gate for gate in held.gates)
    if event.type == catalog.DEAL_INVOICE_HELD:
        deal = replace(deal, told=asking(codes))
    elif not asking(codes):
        deal = replace(deal, told=())  # what stops it next is news, be it the same
    view.put_deal(held.deal_id, deal)
    view.set_waits(f"deal/{held.deal_id}", held.waits_on)


def _requested(view: View, _event: Event, request: InvoiceRequested) -> None:
    effort = Effort(request.generation, "commanded", request.realm, request.request_id, request.orders)
    view.put_deal(request.deal_id, replace(view.deal(request.deal_id), effort=effort, held=None, told=()))
    # Until it is invoiced, its command can be held up by a lost connection or by a pause.
    view.set_waits(f"deal/{request.deal_id}", (WORKSPACE,))


def _invoice_created(view: View, _event: Event, created: InvoiceCreated) -> None:
    deal = view.deal(created.deal_id)
    effort = mapped.closed(deal.effort, created, deal.orders, created.generation)
    view.put_deal(created.deal_id, replace(deal, invoice=created, effort=effort))


def _invoiced(view: View, _event: Event, invoiced: DealInvoiced) -> None:
    view.put_deal(invoiced.deal_id, replace(view.deal(invoiced.deal_id), held=None, told=()))
    view.set_waits(f"deal/{invoiced.deal_id}", ())


def _settings_changed(view: View, event: Event, change: SettingsChanged) -> None:
    state = view.workspace()
    switched_on = change.changes.get("auto_invoice") == "true" and not state.settings.auto_invoice
    state = replace(state, chosen={**state.chosen, **change.changes})
    if switched_on and state.first_switched_on is None:
        state = replace(state, first_switched_on=event.time)
    if {"terms", "income_account", "time_zone"} & change.changes.keys() and state.connection is not None:
        state = replace(state, reads_wanted=state.reads_wanted + 1)
    view.put_workspace(state)


def _connected(view: View, _event: Event, connection: ConnectionAuthorized) -> None:
    mapped.bind(view, connection.realm)
    state = view.workspace()
    same_realm = state.company is not None and state.company.realm == connection.realm
    view.put_workspace(
        replace(
            state,
            connection=connection,
            authorizations=state.authorizations + 1,
            expired=False,
            refused=None,
            company=state.company if same_realm else None,
            reads_wanted=state.reads_wanted + 1,
        )
    )


def _connection_expired(view: View, _event: Event, expired: ConnectionExpired) -> None:
    state = view.workspace()
    if state.connection is not None and state.connection.realm == expired.realm:
        view.put_workspace(replace(state, expired=True))


def _reception_changed(view: View, _event: Event, changed: DocusignReceptionChanged) -> None:
    view.put_workspace(replace(view.workspace(), docusign=None if changed.state == "good" else changed))


def _company_observed(view: View, _event: Event, company: CompanyObserved) -> None:
    state = view.workspace()
    if state.connection is not None and state.connection.realm == company.realm:
        view.put_workspace(replace(state, company=company, read_problem=None))


def _company_refused(view: View, _event: Event, refused: CompanyRefused) -> None:
    state = view.workspace()
    if state.connection is not None and state.connection.realm == refused.realm:
        view.put_workspace(replace(state, refused=refused))


def _company_served(view: View, _event: Event, served: CompanyServed) -> None:
    state = view.workspace()
    if state.refused is not None and state.refused.realm == served.realm:
        view.put_workspace(replace(state, refused=None))


def _read_commanded(view: View, _event: Event, command: CompanyReadCommanded) -> None:
    view.put_workspace(replace(view.workspace(), reads_commanded=command.generation))


def _with_effort(
    view: View, outcome: CommandRejected | CommandUncertain, change: Callable[[Effort, int], Effort]
) -> None:
    def is_of(effort: Effort) -> bool:
        return effort.request_id == outcome.request_id and effort.status != "done"

    kind, subject = outcome.kind, outcome.subject
    if kind == "create_invoice":
        deal: Deal = view.deal(subject)
        if deal.effort is not None and is_of(deal.effort):
            view.put_deal(subject, replace(deal, effort=change(deal.effort, deal.orders)))
    elif kind == "create_customer":
        account = view.account(subject)
        if account.effort is not None and is_of(account.effort):
            mapped.put_account(
                view, subject, replace(account, effort=change(account.effort, account.requests))
            )
    elif kind == "create_item":
        product = view.product(subject)
        if product.effort is not None and is_of(product.effort):
            mapped.put_product(
                view, subject, replace(product, effort=change(product.effort, product.requests))
            )


def _rejected(view: View, _event: Event, rejected: CommandRejected) -> None:
    _with_effort(
        view,
        rejected,
        lambda effort, asked: replace(
            effort,
            status="rejected",
            asked=asked,
            gate=rejected.gate,
            message=rejected.message,
            holder=rejected.holder,
        ),
    )
    if rejected.kind == "create_invoice" and rejected.code in _MISSING:
        _read_again(view, view.deal(rejected.subject))


def _uncertain(view: View, _event: Event, uncertain: CommandUncertain) -> None:
    _with_effort(
        view,
        uncertain,
        lambda effort, _: replace(
            effort,
            status="uncertain",
            message=uncertain.message,
            look_up_refused=uncertain.look_up_refused,
        ),
    )


_FOLDS: dict[str, Callable[[View, Event, Any], None]] = {
    **mapped.FOLDS,
    **observed.FOLDS,
    catalog.DEAL_UPDATED: _deal_updated,
    **dict.fromkeys(CONTRACT_STATUS, _contract_changed),
    catalog.INVOICE_ORDERED: _invoice_ordered,
    catalog.DEAL_CLOSED_WON: _closed_won,
    catalog.DEAL_INVOICE_HELD: _held,
    catalog.DEAL_GATES_CHANGED: _held,
    catalog.INVOICE_REQUESTED: _requested,
    catalog.INVOICE_CREATED: _invoice_created,
    catalog.DEAL_INVOICED: _invoiced,
    catalog.SETTINGS_CHANGED: _settings_changed,
    catalog.CONNECTION_AUTHORIZED: _connected,
    catalog.CONNECTION_EXPIRED: _connection_expired,
    catalog.DOCUSIGN_RECEPTION_CHANGED: _reception_changed,
    catalog.COMPANY_OBSERVED: _company_observed,
    catalog.COMPANY_REFUSED: _company_refused,
    catalog.COMPANY_SERVED: _company_served,
    catalog.COMPANY_READ_COMMANDED: _read_commanded,
    catalog.COMMAND_REJECTED: _rejected,
    catalog.COMMAND_UNCERTAIN: _uncertain,
}
