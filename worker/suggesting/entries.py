"""An account as the matcher sees it: its data from the CRM, what people decided, and the last suggestion. All is pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from events.contract import catalog
from events.contract.administration import AccountMapped, CustomerRequested
from events.contract.crm import AccountUpdated
from events.contract.matching import MAPPING_SUGGESTED, CandidateCustomer, MappingSuggested
from events.contract.quickbooks import CommandRejected, CustomerCreated
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    MAPPING_BROUGHT,
    MAPPING_LINKED,
    MAPPING_REJECTED,
    AccountIgnored,
    AccountUnignored,
    MappingBrought,
    MappingLinked,
    MappingRejected,
)
from events.contract.values import Amount, Percent
from worker.matching.index import SoughtAccount
from worker.matching.suggestions import Suggested, Suggestion

CREATION = "create_customer"


class LinkedCustomer(Struct, frozen=True):
    """A customer that an account was linked to.

    `realm` is None if no company was ever connected. `also` is true if the customer is another account's.
    `by_itself` is true if the worker made the link by its suggestion, and `by_crm` if the CRM brought the customer: the
    link ends if a person rejects the customer.
    """

    customer_id: str
    realm: str | None
    also: bool = False
    by_itself: bool = False
    by_crm: bool = False


class Entry(Struct, frozen=True):
    """An account.

    Attributes:
        revision: The revision of its last snapshot; -1 if there is none.
        account: Its data from the CRM.
        links: The customers that people linked it to.
        is_requested: Whether a person has requested a new customer, and QuickBooks has not refused it.
        is_ignored: Whether a person has said that it gets no customer.
        rejected: The companies and IDs of the customers that people have rejected for it.
        suggested: The last suggestion.
    """

    revision: int = -1
    account: SoughtAccount | None = None
    links: tuple[LinkedCustomer, ...] = ()
    is_requested: bool = False
    is_ignored: bool = False
    rejected: tuple[tuple[str, str], ...] = ()
    suggested: MappingSuggested | None = None

    @property
    def number(self) -> int:
        """How many suggestions it has had."""
        return self.suggested.number if self.suggested else 0

    def customers(self, realm: str, *, is_first: bool) -> tuple[str, ...]:
        """Return the customers of a company that it is linked to.

        A link from before any connection is one of the company that was connected first.
        """
        realms = {realm, None} if is_first else {realm}
        return tuple(
            link.customer_id
            for link in self.links
            if link.realm in realms
            and not ((link.by_itself or link.by_crm) and (link.realm, link.customer_id) in self.rejected)
        )

    def is_open(self, realm: str, *, is_first: bool) -> bool:
        """Return whether the account is to be matched: it has arrived, and no person has decided about it."""
        is_decided = self.is_requested or self.is_ignored or bool(self.customers(realm, is_first=is_first))
        return self.account is not None and not is_decided

    def rejected_in(self, realm: str) -> frozenset[str]:
        """Return the customers of a company that people have rejected for it."""
        return frozenset(customer_id for of_realm, customer_id in self.rejected if of_realm == realm)

    def learned_from(self, realm: str, *, is_first: bool) -> tuple[str, ...]:
        """Return the customers that learn its name: those that are its own."""
        own = {link.customer_id for link in self.links if not link.also and not link.by_itself}
        return tuple(each for each in self.customers(realm, is_first=is_first) if each in own)


def folded(entry: Entry, event_type: str, payload: Any) -> Entry:
    """Return an account after an event of its stream."""
    return FOLDS[event_type](entry, payload)


def _updated(entry: Entry, snapshot: AccountUpdated) -> Entry:
    if snapshot.revision <= entry.revision:
        return entry
    sought = SoughtAccount(
        snapshot.account_id,
        snapshot.name,
        email=snapshot.email,
        domain=snapshot.domain,
        phone=snapshot.phone,
        tax_id=snapshot.tax_id,
        currency=snapshot.currency,
    )
    return replace(entry, revision=snapshot.revision, account=sought)


def _linked(entry: Entry, linked: AccountMapped | CustomerCreated) -> Entry:
    also = isinstance(linked, AccountMapped) and linked.also
    others = (
        each for each in entry.links if (each.customer_id, each.realm) != (linked.customer_id, linked.realm)
    )
    links = (*others, LinkedCustomer(linked.customer_id, linked.realm, also))
    return replace(entry, links=links, is_requested=False, is_ignored=False)


def _linked_by_itself(entry: Entry, linked: MappingLinked) -> Entry:
    link = LinkedCustomer(linked.customer_id, linked.realm, by_itself=True)
    return replace(entry, links=tuple(dict.fromkeys((*entry.links, link))))


def _brought(entry: Entry, brought: MappingBrought) -> Entry:
    """Link it to the customer that the CRM brought, instead of those that no person chose."""
    kept = (
        each for each in entry.links if not (each.realm == brought.realm and (each.by_itself or each.by_crm))
    )
    return replace(entry, links=(*kept, LinkedCustomer(brought.customer_id, brought.realm, by_crm=True)))


def _requested(entry: Entry, _: CustomerRequested) -> Entry:
    return replace(entry, is_requested=True, is_ignored=False)


def _rejected(entry: Entry, rejected: MappingRejected) -> Entry:
    pair = (rejected.realm, rejected.customer_id)
    return replace(entry, rejected=tuple(dict.fromkeys((*entry.rejected, pair))))


def _ignored(entry: Entry, _: AccountIgnored) -> Entry:
    return replace(entry, is_ignored=True)


def _unignored(entry: Entry, _: AccountUnignored) -> Entry:
    return replace(entry, is_ignored=False)


def _refused(entry: Entry, refused: CommandRejected) -> Entry:
    return replace(entry, is_requested=False) if refused.kind == CREATION else entry


def _suggested(entry: Entry, suggested: MappingSuggested) -> Entry:
    """Keep a suggestion that the log has and the table lacks; it stored its own as it appended them."""
    return replace(entry, suggested=suggested) if suggested.number > entry.number else entry


FOLDS: Mapping[str, Callable[[Entry, Any], Entry]] = {
    catalog.ACCOUNT_UPDATED: _updated,
    catalog.ACCOUNT_MAPPED: _linked,
    catalog.CUSTOMER_CREATED: _linked,
    catalog.CUSTOMER_REQUESTED: _requested,
    catalog.COMMAND_REJECTED: _refused,
    MAPPING_SUGGESTED: _suggested,
    MAPPING_REJECTED: _rejected,
    MAPPING_LINKED: _linked_by_itself,
    MAPPING_BROUGHT: _brought,
    ACCOUNT_IGNORED: _ignored,
    ACCOUNT_UNIGNORED: _unignored,
}


def suggestion_of(
    entry: Entry, realm: str, found: Suggestion, names: Callable[[str], str]
) -> MappingSuggested | None:
    """Return the next suggestion of an account; None if the last one says the same.

    It says the same if the verdict is the same, and so are the best customer's ID, name, score and reasons. `names`
    returns a customer's display name.
    """
    next_one = MappingSuggested(
        account_id=found.sought,
        realm=realm,
        number=entry.number + 1,
        verdict=found.decision,
        matcher=found.matcher,
        candidates=tuple(_candidate(each, names(each.id)) for each in found.nearest),
        runner_up=found.runner_up.id if found.runner_up else None,
        margin=Amount(str(found.margin)),
    )
    before = entry.suggested
    is_known = before is not None and _said(before) == _said(next_one)
    return None if is_known else next_one


def _said(suggested: MappingSuggested) -> tuple[object, ...]:
    best = suggested.best
    said = (best.customer_id, best.display_name, best.score, best.reasons) if best else ()
    return (suggested.realm, suggested.verdict, *said)


def _candidate(found: Suggested, display_name: str) -> CandidateCustomer:
    features = asdict(found.features) if found.features else None
    return CandidateCustomer(
        customer_id=found.id,
        display_name=display_name,
        score=Percent(str(found.score)),
        rank=Amount(str(found.rank)),
        reasons=found.reasons,
        name=None if found.name == display_name else found.name,
        features={name: _share(value) for name, value in features.items()} if features else None,
    )


def _share(value: float) -> Amount:
    return Amount(round(Decimal(value), 4))
