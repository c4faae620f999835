"""What a family of rules declares: its folds, its rule, what it reads, and what wakes it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from worker.quote_to_cash.command import Consequence
from worker.quote_to_cash.view import View

T = TypeVar("T")

Fold = Callable[[View, Any, datetime], None]
Folds = Mapping[str, Fold]


def _nothing(_view: View, _subject: str) -> Iterator[Consequence]:
    return iter(())


class Family(Struct, frozen=True):
    """The rules about one kind of thing. Events are named by their type, subjects by their stream's key.

    Attributes:
        kind: Of which streams its subjects are, such as `deal`.
        folds: What an event changes in the state: view, payload, the event's time.
        consider: What is to be done about a subject by now. Each fact that it yields is in the view before it goes on.
        follows: What an event itself has for a consequence, whatever the state of its subject.
        names: Which streams an event names whose state its consequences read.
        considered_on: Which subjects an event of another stream has considered.
        changed_by: Which streams an event of another stream changes: they are considered, and so is what waits on them.
        reads: Which streams a subject's rule reads beside its own, in rounds: what one names, the next may look up.
    """

    kind: str
    folds: Folds = {}
    consider: Callable[[View, str], Iterator[Consequence]] = _nothing
    follows: Mapping[str, Callable[[View, Any], Iterator[Consequence]]] = {}
    names: Mapping[str, Callable[[Any], Iterable[str]]] = {}
    considered_on: Mapping[str, Callable[[Any], Iterable[str]]] = {}
    changed_by: Mapping[str, Callable[[View, Any], Iterable[str]]] = {}
    reads: tuple[Callable[[View, str], Iterable[str]], ...] = ()


def by_type(declared: Iterable[Mapping[str, T]]) -> dict[str, list[T]]:
    """Return what families declare about each type of event, in the order of the families."""
    found: dict[str, list[T]] = {}
    for of_family in declared:
        for event_type, each in of_family.items():
            found.setdefault(event_type, []).append(each)
    return found
