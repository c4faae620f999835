"""Fold events into the state: what happened, never what to do about it."""

from events.contract.envelope import Event
from worker.quote_to_cash.families import FAMILIES
from worker.quote_to_cash.view import View

_FOLDS = {
    event_type: [family.folds[event_type] for family in FAMILIES if event_type in family.folds]
    for event_type in {name for family in FAMILIES for name in family.folds}
}


def evolve(view: View, event: Event) -> None:
    """Fold one event; types that mean nothing to decisions change nothing."""
    for fold in _FOLDS.get(event.type, ()):
        fold(view, event.payload, event.time)
