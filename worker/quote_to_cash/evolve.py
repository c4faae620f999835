"""Fold events into the state: what happened, never what to do about it."""

from events.contract.envelope import Event
from worker.quote_to_cash.families import FAMILIES
from worker.quote_to_cash.family import by_type
from worker.quote_to_cash.view import View

_FOLDS = by_type(family.folds for family in FAMILIES)


def evolve(view: View, event: Event) -> None:
    """Fold one event; types that mean nothing to decisions change nothing."""
    for fold in _FOLDS.get(event.type, ()):
        fold(view, event.payload, event.time)
