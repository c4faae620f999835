"""The declaration of a family of rules: its folds, its rule, the state that it reads, and the events that trigger it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from worker.quote_to_cash.command import Consequence
from worker.quote_to_cash.view import View

T = TypeVar("T")

Fold = Callable[[View, Any, datetime], None]
Folds = Mapping[str, Fold]
Rule = Callable[[View, str], Iterator[Consequence]]


def _nothing(_view: View, _subject: str) -> Iterator[Consequence]:
    return iter(())


class Family(Struct, frozen=True):
    """The rules about one kind of subject. Mappings are by the type of event; a subject is named by its stream's key.

    Attributes:
        kind: The kind of its subjects' streams, such as `deal`.
        folds: Functions that fold an event into the state, from the view, the payload and the event's time.
        consider: The rule: yields the consequences that a subject's state allows now. A fact that it yields is folded
            into the view before it continues.
        consider_after: Rules that replace `consider` for the subjects that an event of this type triggers.
        follows: Functions that yield the consequences of an event itself, whatever the state of its subject.
        names: Functions that return the streams that an event names and its consequences read.
        considered_on: Functions that return the subjects to consider after an event of another stream.
        changed_by: Functions that return the streams that an event of another stream changes; they and the streams that
            wait on them are considered.
        reads: Functions that return the streams that a subject's rule reads beside its own, in rounds: a later round
            may depend on the state of the streams of an earlier one.
    """

    kind: str
    folds: Folds = {}
    consider: Rule = _nothing
    consider_after: Mapping[str, Rule] = {}
    follows: Mapping[str, Callable[[View, Any], Iterator[Consequence]]] = {}
    names: Mapping[str, Callable[[Any], Iterable[str]]] = {}
    considered_on: Mapping[str, Callable[[Any], Iterable[str]]] = {}
    changed_by: Mapping[str, Callable[[View, Any], Iterable[str]]] = {}
    reads: tuple[Callable[[View, str], Iterable[str]], ...] = ()


def by_type(declared: Iterable[Mapping[str, T]]) -> dict[str, list[T]]:
    """Return the families' declarations about each type of event, in the order of the families."""
    found: dict[str, list[T]] = {}
    for of_family in declared:
        for event_type, each in of_family.items():
            found.setdefault(event_type, []).append(each)
    return found
