"""Fold events into the state; decisions are elsewhere."""

from events.contract.envelope import Event
from worker.quote_to_cash.families import FAMILIES
from worker.quote_to_cash.family import by_type
from worker.quote_to_cash.view import View

_FOLDS = by_type(family.folds for family in FAMILIES)


def evolve(view: View, event: Event) -> None:
    """Fold one event; an event of a type that no decision depends on changes nothing."""
    for fold in _FOLDS.get(event.type, ()):
        fold(view, event.payload, event.time)
