"""An account or a product as the matcher sees it: its data, what people decided, and the last suggestion. All is pure."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from events.contract.matching import MappingSuggested, ProductSuggested
from events.contract.quickbooks import CommandRejected
from events.contract.unmatched import (
    AccountUnmatched,
    ComparisonRequested,
    ProductComparisonRequested,
    ProductUnmatched,
)
from events.contract.values import Amount
from worker.matching.index import SoughtAccount
from worker.matching.likeness import Features
from worker.matching.products import SoughtProduct

Answer = MappingSuggested | ProductSuggested
CREATIONS = frozenset({"create_customer", "create_item"})


class LinkedTarget(Struct, frozen=True):
    """A customer that an account was linked to, or an item that a product was linked to.

    `realm` is None if no company was ever connected. `also` is true if the customer is another account's.
    `by_itself` is true if the worker made the link by its suggestion, and `by_crm` if the CRM brought the customer: the
    link ends if a person rejects the customer or item. `currency` is None if it is for deals in every currency.
    """

    target: str
    realm: str | None
    also: bool = False
    by_itself: bool = False
    by_crm: bool = False
    currency: str | None = None

    @property
    def is_persons(self) -> bool:
        """Whether a person made the link."""
        return not (self.by_itself or self.by_crm)


class Entry(Struct, frozen=True):
    """An account or a product.

    Attributes:
        links: The customers or items that people linked it to.
        is_requested: Whether a new customer or item was requested or commanded, and QuickBooks has not refused it.
        is_ignored: Whether a person has said that it gets none.
        rejected: The companies and IDs of the customers or items that people have rejected for it.
        suggested: The last suggestion.
        former: The links that it had, and may have no longer, since it was compared.
        compared: The last request to compare it once more.
        answered: The number of the last request that was answered.
        requests: How many customers or items people have requested for it.
        withdrawn: How many of these requests a mapping or ignoring has replaced.
    """

    links: tuple[LinkedTarget, ...] = ()
    is_requested: bool = False
    is_ignored: bool = False
    rejected: tuple[tuple[str, str], ...] = ()
    suggested: Answer | None = None
    former: tuple[LinkedTarget, ...] = ()
    compared: ComparisonRequested | ProductComparisonRequested | None = None
    answered: int = 0
    requests: int = 0
    withdrawn: int = 0

    @property
    @abstractmethod
    def sought(self) -> SoughtAccount | SoughtProduct | None:
        """Its data from the CRM; None if they have not arrived."""

    @property
    def number(self) -> int:
        """How many suggestions it has had."""
        return self.suggested.number if self.suggested else 0

    @property
    def asked(self) -> int:
        """The number of the last request to compare it once more."""
        return self.compared.number if self.compared else 0

    def targets(self, realm: str, *, is_first: bool) -> tuple[str, ...]:
        """Return the customers or items of a company that it is linked to: those of people, or else the others.

        A link from before any connection is one of the company that was connected first. A link that no person made counts
        only while no person has ignored the account or product, and awaits no requested customer or item.
        """
        realms = {realm, None} if is_first else {realm}
        links = [link for link in self.links if link.realm in realms]
        persons = tuple(dict.fromkeys(link.target for link in links if link.is_persons))
        if persons or self.is_requested or self.is_ignored:
            return persons
        return tuple(link.target for link in links if (link.realm, link.target) not in self.rejected)

    def is_open(self, realm: str, *, is_first: bool) -> bool:
        """Return whether it is to be matched: it has arrived, and no person has decided about it."""
        is_decided = self.is_requested or self.is_ignored or bool(self.targets(realm, is_first=is_first))
        return self.sought is not None and not is_decided

    def rejected_in(self, realm: str) -> frozenset[str]:
        """Return the customers or items of a company that people have rejected for it."""
        return frozenset(target for of_realm, target in self.rejected if of_realm == realm)

    def learned_from(self, realm: str, *, is_first: bool) -> tuple[str, ...]:
        """Return the customers or items that learn its name: those that are its own."""
        own = {link.target for link in self.links if not link.also and not link.by_itself}
        return tuple(each for each in self.targets(realm, is_first=is_first) if each in own)

    def concerns(self, realm: str, *, is_first: bool) -> set[str]:
        """Return the customers or items whose learned names may have changed since it was compared."""
        realms = {realm, None} if is_first else {realm}
        former = {link.target for link in self.former if link.realm in realms}
        return former | set(self.learned_from(realm, is_first=is_first))


E = TypeVar("E", bound=Entry)
EntryFolds = Mapping[str, Callable[[Any, Any], Entry]]


def linked(entry: E, link: LinkedTarget, kept: tuple[LinkedTarget, ...]) -> E:
    """Return an entry that a person linked, with the earlier links that it keeps."""
    return replace(entry, links=(*kept, link), is_requested=False, is_ignored=False)


def with_former(before: E, after: E) -> E:
    """Return an entry after an event, with the links that may no longer teach its name."""
    if _decided(before) == _decided(after):
        return after
    taught = (link for link in before.links if not link.also and not link.by_itself)
    return replace(after, former=tuple(dict.fromkeys((*after.former, *taught))))


def _decided(entry: Entry) -> tuple[object, ...]:
    return entry.links, entry.rejected, entry.is_ignored, entry.is_requested


def linked_by_itself(entry: E, target: str, realm: str) -> E:
    """Return an entry that the worker linked by itself."""
    link = LinkedTarget(target, realm, by_itself=True)
    return replace(entry, links=tuple(dict.fromkeys((*entry.links, link))))


def moved(entry: E, merged: str, target: str, realm: str) -> E:
    """Return an entry whose customer or item was merged into another one: it is linked to that as it was to the first."""
    links = (
        replace(link, target=target) if (link.realm or realm, link.target) == (realm, merged) else link
        for link in entry.links
    )
    return replace(entry, links=tuple(dict.fromkeys(links)))


def requested(entry: E, _: Any) -> E:
    """Return an entry for which a person has requested a new customer or item."""
    return replace(entry, is_requested=True, is_ignored=False, requests=entry.requests + 1)


def withdrawing(entry: E) -> E:
    """Return an entry that a person has mapped or ignored: that replaces all requests until then."""
    return replace(entry, withdrawn=entry.requests)


def was_decided_since(entry: Entry, *, is_mapped: bool) -> bool:
    """Return whether a person has mapped or ignored it since a customer or item was last requested: that decision stays."""
    return entry.requests <= entry.withdrawn and (is_mapped or entry.is_ignored)


def refused(entry: E, fact: CommandRejected) -> E:
    """Return an entry whose new customer or item QuickBooks has refused; other refused commands change nothing."""
    return replace(entry, is_requested=False) if fact.kind in CREATIONS else entry


def comparison_requested(entry: E, request: ComparisonRequested | ProductComparisonRequested) -> E:
    """Return an entry that is to be compared once more."""
    return replace(entry, compared=request)


def answered(entry: E, answer: AccountUnmatched | ProductUnmatched) -> E:
    """Keep an answer that the log has and the table lacks; it was stored as it was appended."""
    return replace(entry, answered=max(entry.answered, answer.number))


def rejected(entry: E, target: str, realm: str) -> E:
    """Return an entry for which a person has rejected a customer or an item."""
    return replace(entry, rejected=tuple(dict.fromkeys((*entry.rejected, (realm, target)))))


def ignored(entry: E, _: Any) -> E:
    """Return an entry of which a person has said that it gets no customer or item."""
    return withdrawing(replace(entry, is_ignored=True, is_requested=False))


def unignored(entry: E, _: Any) -> E:
    """Return an entry that is no longer ignored."""
    return replace(entry, is_ignored=False)


def suggested(entry: E, answer: Answer) -> E:
    """Keep a suggestion that the log has and the table lacks; it stored its own as it appended them."""
    return replace(entry, suggested=answer) if answer.number > entry.number else entry


def is_said(before: Answer | None, answer: Answer, *told: str) -> bool:
    """Return whether the last suggestion says the same: the verdict, and the best candidate's ID, name, score and reasons.

    `told` are the names of further fields that have to be the same.
    """

    def said(answer: Answer) -> tuple[object, ...]:
        best = answer.best
        of_best = (best.target, best.target_name, best.score, best.reasons) if best else ()
        return (answer.realm, answer.verdict, *(getattr(answer, name) for name in told), *of_best)

    return before is not None and said(before) == said(answer)


def written(features: Features | None) -> dict[str, Amount] | None:
    """Return the features of two names as an event has them."""
    found = asdict(features) if features else None
    return {name: Amount(round(Decimal(value), 4)) for name, value in found.items()} if found else None
