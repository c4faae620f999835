"""Compute the stage of a deal, from Quote Draft to Paid; every change is recorded."""

from collections.abc import Iterable

from events.contract.announcements import DealStage
from events.contract.quickbooks import InvoiceCreated
from worker.quote_to_cash.deal.signed import signed_contract
from worker.quote_to_cash.deal.state import Deal
from worker.quote_to_cash.deal.won import is_won
from worker.workspaces.settings import Settings


def stage_of(deal: Deal, settings: Settings) -> DealStage:
    """Return the stage of a deal."""
    if deal.invoices:
        return stage_of_invoices(deal.invoices)
    latest = deal.latest
    if latest is not None and latest.stage == "closed_lost":
        return "closed_lost"
    if deal.announced_won or (deal.won_revision is not None and is_won(deal, settings)):
        return "closed_won"
    if signed_contract(deal) is not None:
        return "signed"
    out = any(contract.status in {"sent", "delivered"} for contract in deal.contracts.values())
    if out or (latest is not None and latest.stage == "contract_sent"):
        return "contract_sent"
    return "quote_draft"


def stage_of_invoices(invoices: Iterable[InvoiceCreated]) -> DealStage:
    """Return the stage of a deal that has these invoices."""
    return "invoice_created" if any(invoice.balance for invoice in invoices) else "paid"
