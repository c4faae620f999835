"""Announce that a deal is won, once one of its contracts is signed, and record every change of its stage."""

from collections.abc import Iterator

from events.contract import catalog
from events.contract.announcements import DealClosedWon, DealStageChanged
from worker.quote_to_cash.command import Consequence
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.deal.folds import FOLDS
from worker.quote_to_cash.deal.signed import signed_contract
from worker.quote_to_cash.deal.stage import stage_of
from worker.quote_to_cash.deal.state import Deal, named_by
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.view import View


def consider(view: View, deal_id: str) -> Iterator[Consequence]:
    """Announce a won deal to the CRM once, unless the CRM has closed it as lost; record its stage if it has changed."""
    deal = view.get(Deal, deal_id)
    contract = signed_contract(deal)
    is_lost = deal.latest is None or deal.latest.stage == "closed_lost"
    if contract is not None and not deal.announced_won and not is_lost:
        yield DealClosedWon(deal_id, contract.contract_id, contract.at)
    deal = view.get(Deal, deal_id)
    stage = stage_of(deal, view.get(WorkspaceState).settings)
    if stage != deal.stage:
        yield DealStageChanged(deal_id, stage)


FAMILY = Family("deal", FOLDS, consider, names={catalog.DEAL_UPDATED: named_by})
