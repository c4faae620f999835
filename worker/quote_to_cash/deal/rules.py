"""When a deal is moved to Closed Won: once one of its contracts is signed."""

from collections.abc import Iterator

from events.contract import catalog
from events.contract.announcements import DealClosedWon
from worker.quote_to_cash.command import Consequence
from worker.quote_to_cash.deal.folds import FOLDS
from worker.quote_to_cash.deal.signed import signed_contract
from worker.quote_to_cash.deal.state import Deal, named_by
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.view import View


def consider(view: View, deal_id: str) -> Iterator[Consequence]:
    """Tell the CRM once that a deal is won, unless the CRM says that it is lost."""
    deal = view.get(Deal, deal_id)
    contract = signed_contract(deal)
    if contract is None or deal.announced_won or deal.latest is None or deal.latest.stage == "closed_lost":
        return
    yield DealClosedWon(deal_id, contract.contract_id, contract.at)


FAMILY = Family("deal", FOLDS, consider, names={catalog.DEAL_UPDATED: named_by})
