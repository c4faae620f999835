"""Command readings of the QuickBooks company: after connecting, and when a setting depends on its lists."""

from collections.abc import Iterator

from events.contract.announcements import CompanyReadCommanded
from worker.quote_to_cash.command import Command, Consequence, identified
from worker.quote_to_cash.company.folds import FOLDS
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.view import WORKSPACE, View


def consider(view: View, _subject: str) -> Iterator[Consequence]:
    """Command a reading of the company, if one was requested and the company is connected."""
    state = view.get(WorkspaceState)
    if state.realm is None or not state.is_connected or state.reads_wanted <= state.reads_commanded:
        return
    generation = state.reads_wanted
    key, request = identified(view, "read_company", state.realm, WORKSPACE, generation=generation)
    yield CompanyReadCommanded(state.realm, generation)
    yield Command(key, state.realm, request)


FAMILY = Family(WORKSPACE, FOLDS, consider)
