"""Fold the CRM's and DocuSign's events about deals."""

from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from events.contract import catalog, json
from events.contract.administration import InvoiceRequested
from events.contract.announcements import DealClosedWon, DealStageChanged
from events.contract.contracts import ContractChanged
from events.contract.crm import DealUpdated, Quote
from worker.quote_to_cash.deal.state import Contract, ContractStatus, Deal
from worker.quote_to_cash.deal.versions import Version, is_known, with_snapshot
from worker.quote_to_cash.family import Folds
from worker.quote_to_cash.items.folds import remember
from worker.quote_to_cash.view import View

CONTRACT_STATUS: dict[str, ContractStatus] = {
    catalog.CONTRACT_SENT: "sent",
    catalog.CONTRACT_DELIVERED: "delivered",
    catalog.CONTRACT_SIGNED: "signed",
    catalog.CONTRACT_DECLINED: "declined",
    catalog.CONTRACT_VOIDED: "voided",
}
FINAL = frozenset({"signed", "declined", "voided"})


def quote_key(quote: Quote, currency: str) -> str:
    """Return a key of a quote, derived from its content and currency; its revision and ID do not count."""
    offered = {**msgspec.structs.asdict(replace(quote, revision=0, quote_id="-")), "currency": currency}
    return json.digest(offered)[:16]


def _deal_updated(view: View, snapshot: DealUpdated, at: datetime) -> None:
    remember(view, snapshot.quote)
    deal = view.get(Deal, snapshot.deal_id)
    if is_known(deal.versions, snapshot.revision):
        return
    key = quote_key(snapshot.quote, snapshot.currency) if snapshot.quote else None
    version = Version(snapshot.revision, at, snapshot.stage, key)
    deal = replace(deal, versions=with_snapshot(deal.versions, version))
    if snapshot.quote and key:
        deal = replace(deal, quotes={**deal.quotes, key: snapshot.quote})
    if snapshot.stage == "closed_won" and (
        deal.won_revision is None or snapshot.revision < deal.won_revision
    ):
        deal = replace(deal, won_revision=snapshot.revision, won_at=snapshot.closed_at or at)
    if _is_newer(snapshot, deal):
        deal = replace(deal, latest=snapshot)
    view.put(deal, snapshot.deal_id)


def _is_newer(snapshot: DealUpdated, deal: Deal) -> bool:
    return deal.latest is None or snapshot.revision > deal.latest.revision


def _contract_changed(status: ContractStatus, view: View, change: ContractChanged, _at: datetime) -> None:
    deal = view.get(Deal, change.deal_id)
    known = deal.contracts.get(change.contract_id)
    instants = [change.sent_at, change.at if status == "sent" else None, known.sent_at if known else None]
    sent_at = min((instant for instant in instants if instant is not None), default=None)
    if known is None or _supersedes(status, change, known):
        contract = Contract(change.contract_id, status, change.at, sent_at, change.reason)
    else:
        contract = replace(known, sent_at=sent_at)
    view.put(replace(deal, contracts={**deal.contracts, change.contract_id: contract}), change.deal_id)


def _supersedes(status: ContractStatus, change: ContractChanged, known: Contract) -> bool:
    # Messages arrive in any order, and a completed envelope stays completed despite late messages.
    if known.status == "signed":
        return False
    if status == "signed":
        return True
    if (status in FINAL) != (known.status in FINAL):
        return status in FINAL
    return (change.at, status) > (known.at, known.status)


def _invoice_requested(view: View, request: InvoiceRequested, _at: datetime) -> None:
    deal = view.get(Deal, request.deal_id)
    part = deal.part(request.part)
    view.put(deal.with_part(request.part, replace(part, requests=part.requests + 1)), request.deal_id)


def _closed_won(view: View, won: DealClosedWon, _at: datetime) -> None:
    view.put(replace(view.get(Deal, won.deal_id), announced_won=True, stage="closed_won"), won.deal_id)


def _stage_changed(view: View, changed: DealStageChanged, _at: datetime) -> None:
    view.put(replace(view.get(Deal, changed.deal_id), stage=changed.stage), changed.deal_id)


FOLDS: Folds = {
    catalog.DEAL_UPDATED: _deal_updated,
    **{event_type: partial(_contract_changed, status) for event_type, status in CONTRACT_STATUS.items()},
    catalog.INVOICE_REQUESTED: _invoice_requested,
    catalog.DEAL_CLOSED_WON: _closed_won,
    catalog.DEAL_STAGE_CHANGED: _stage_changed,
}
