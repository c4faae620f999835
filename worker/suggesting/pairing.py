"""Customers with accounts, or items with products, in memory: each is found by names and identifiers of the other."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from msgspec.structs import replace

from events.contract.matching import Verdicts
from worker.matching.index import KnownCustomer, SoughtAccount
from worker.matching.products import KnownItem, SoughtProduct
from worker.matching.suggestions import NEAREST_MAX, Suggestion
from worker.suggesting.entries import Answer, Entry

# Accounts or products that are compared again with one changed customer or item, beside those that it was suggested for.
ALIKE_MAX = 60

O = TypeVar("O")  # noqa: E741 - what QuickBooks says of a customer or an item
K = TypeVar("K", KnownCustomer, KnownItem)
S = TypeVar("S", SoughtAccount, SoughtProduct)
E = TypeVar("E", bound=Entry)


class Pairing(ABC, Generic[O, K, S, E]):
    """The customers of one company with the accounts of its workspace, or the items with the products.

    `new_index` returns an empty index of customers or items.
    """

    new_index: ClassVar[Callable[[], Any]]

    def __init__(self, realm: str, *, is_first: bool) -> None:
        self.realm = realm
        self._is_first = is_first
        self._index = type(self).new_index()
        self._known: dict[str, K] = {}
        self._open = type(self).new_index()  # accounts or products
        self._suggested: dict[str, frozenset[str]] = {}
        self._suggested_for: dict[str, set[str]] = {}
        self._verdicts: dict[str, str] = {}
        self._linked: dict[str, tuple[str, ...]] = {}
        self._learned: dict[str, dict[str, str]] = {}

    @abstractmethod
    def known(self, observed: O) -> K | None:
        """Return a customer or an item as the matcher knows it; None if it is never suggested."""

    @abstractmethod
    def as_known(self, sought: S) -> K:
        """Return an account as a customer, or a product as an item."""

    @abstractmethod
    def as_sought(self, known: K) -> Iterable[S]:
        """Yield a customer as an account, or an item as a product, by each of its names."""

    @abstractmethod
    def answer(self, entry: E, found: Suggestion) -> Answer | None:
        """Return the next suggestion of an account or a product; None if the last one says the same."""

    def name_of(self, known_id: str) -> str | None:
        """Return the name of a customer or an item; None if QuickBooks has it no longer."""
        known: Any = self._known.get(known_id)
        return known.called if known is not None else None

    def nearest(self, sought: S, without: frozenset[str] = frozenset()) -> Suggestion:
        """Return the customer that an account could be, or the item that a product could be, and the nearest ones."""
        found: Suggestion = self._index.suggest(sought, without=without)
        return found

    def known_one(self, known_id: str) -> K:
        """Return a customer or an item by its ID."""
        return self._known[known_id]

    def put_observed(self, seen: Iterable[tuple[str, O | None]]) -> None:
        """Add or replace customers or items by their IDs; None if QuickBooks has one no longer."""
        for known_id, observed in seen:
            known = self.known(observed) if observed is not None else None
            if known is None:
                self._known.pop(known_id, None)
                self._index.remove(known_id)
            else:
                self._known[known_id] = known
                self._index.replace(self._with_learned(known_id))

    def put_entries(self, entries: Mapping[str, E]) -> None:
        """Add or replace accounts or products by their IDs."""
        for sought_id, entry in entries.items():
            self._put_learned(sought_id, entry)
            sought: Any = entry.sought
            self._verdicts.pop(sought_id, None)
            if not self._is_open(entry) or sought is None:
                self._open.remove(sought_id)
                self._note_suggested(sought_id, None)
                if sought is not None:
                    self._verdicts[sought_id] = "decided"
            else:
                if entry.suggested is not None and entry.suggested.realm == self.realm:
                    self._verdicts[sought_id] = entry.suggested.verdict
                self._open.replace(self.as_known(sought))
                self._note_suggested(sought_id, entry.suggested)

    def verdicts(self) -> Verdicts:
        """Count the verdicts on the accounts or products that have arrived."""
        return Verdicts(**Counter(self._verdicts.values()))

    def concerned(self, known_id: str) -> set[str]:
        """Return the open accounts or products whose best candidate may be another one after a change of one."""
        found = set(self._suggested_for.get(known_id, ()))
        for sought in self.as_sought(self._with_learned(known_id)) if known_id in self._known else ():
            found |= self._alike(sought)
        return found

    def suggestion(self, entry: E) -> Answer | None:
        """Return the next suggestion of an account or a product; None if there is none, or it says the same as the last."""
        sought: Any = entry.sought
        if sought is None or not self._is_open(entry):
            return None
        return self.answer(entry, self.nearest(sought, entry.rejected_in(self.realm)))

    def _is_open(self, entry: E) -> bool:
        return entry.is_open(self.realm, is_first=self._is_first)

    def _alike(self, sought: S) -> set[str]:
        found: set[str] = set()
        while len(found) < ALIKE_MAX:
            alike: Suggestion = self._open.suggest(sought, without=frozenset(found))
            found |= {each.id for each in alike.nearest}
            if alike.decision == "none" or len(alike.nearest) < NEAREST_MAX:
                break
        return found

    def _note_suggested(self, sought_id: str, suggested: Answer | None) -> None:
        for known_id in self._suggested.pop(sought_id, ()):
            self._suggested_for[known_id].discard(sought_id)
        if suggested is not None and suggested.realm == self.realm:
            self._suggested[sought_id] = frozenset(each.target for each in suggested.candidates)
            for known_id in self._suggested[sought_id]:
                self._suggested_for.setdefault(known_id, set()).add(sought_id)

    def _put_learned(self, sought_id: str, entry: E) -> None:
        """Learn an account's or a product's name as one of the customers or items that people linked it to."""
        linked: tuple[str, ...] = entry.learned_from(self.realm, is_first=self._is_first)
        before: tuple[str, ...] = self._linked.get(sought_id, ())
        name = entry.sought.name if entry.sought else None
        if not linked and not before:
            return
        for known_id in before:
            self._learned[known_id].pop(sought_id, None)
        for known_id in linked if name else ():
            self._learned.setdefault(known_id, {})[sought_id] = name or ""
        self._linked[sought_id] = linked if name else ()
        for known_id in self._known.keys() & {*before, *linked}:
            self._index.replace(self._with_learned(known_id))

    def _with_learned(self, known_id: str) -> K:
        names = sorted(set(self._learned.get(known_id, {}).values()))
        return replace(self._known[known_id], learned=tuple(names))
