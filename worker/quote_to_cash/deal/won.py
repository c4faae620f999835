"""Compute whether a deal is won, and since when, from DocuSign's and the CRM's events."""

from datetime import datetime

from worker.quote_to_cash.deal.signed import signed_contract
from worker.quote_to_cash.deal.state import Contract, Deal
from worker.workspaces.settings import Settings


def is_won(deal: Deal, settings: Settings) -> bool:
    """Return whether a deal is won: by a completed contract, or by the CRM unless a signature is required."""
    if signed_contract(deal) is not None:
        return True
    return deal.won_revision is not None and not settings.invoice_requires_signature


def lacking(deal: Deal, settings: Settings) -> str | None:
    """Return the code of the gate at which a deal's contract stands; None if the deal is won, or has no contract."""
    if is_won(deal, settings):
        return None
    newest = newest_contract(deal)
    if newest is None:
        return "contract_not_signed" if deal.won_revision is not None else None
    codes = {"declined": "contract_declined", "voided": "contract_voided"}
    return codes.get(newest.status, "contract_not_signed")


def won_since(deal: Deal) -> datetime | None:
    """Return when a deal was first won, by any of its contracts or by the CRM; None if it is not won."""
    signed = [contract.at for contract in deal.contracts.values() if contract.status == "signed"]
    return min([*signed, *([deal.won_at] if deal.won_at else [])], default=None)


def awaits_signature(deal: Deal, settings: Settings) -> bool:
    """Return whether DocuSign's next message may win the deal: by DocuSign or the CRM, a contract is out for signature."""
    if is_won(deal, settings) or (deal.latest is not None and deal.latest.stage == "closed_lost"):
        return False
    newest = newest_contract(deal)
    if newest is not None:
        return newest.status in {"sent", "delivered"}
    return deal.won_revision is not None or (deal.latest is not None and deal.latest.stage == "contract_sent")


def newest_contract(deal: Deal) -> Contract | None:
    """Return the contract that was sent last."""
    return max(deal.contracts.values(), key=lambda c: (c.sent_at or c.at, c.contract_id), default=None)


def has_outcome(deal: Deal) -> bool:
    """Return whether a missing invoice needs a reason: a contract was signed, declined or voided, or the CRM closed it."""
    final = any(contract.status not in {"sent", "delivered"} for contract in deal.contracts.values())
    return final or deal.won_revision is not None
