"""The customers of a QuickBooks company, and the search for an account's. It changes one customer at a time."""

from collections.abc import Iterable
from heapq import nsmallest

from msgspec import Struct

from worker.matching import identifiers
from worker.matching.calibration import Likeness, compared
from worker.matching.names import Spelling, read
from worker.matching.register import Register
from worker.matching.suggestions import (
    NEAREST_MAX,
    REQUIRED,
    Reason,
    Requirement,
    Suggested,
    Suggestion,
    name_reasons,
    rank,
    suggestion,
)

SHARED_MAX = (
    10  # customers with the same domain or number: with more, it is a bookkeeper's or a shared office's
)


class KnownCustomer(Struct, frozen=True):
    """A customer in QuickBooks.

    Attributes:
        id: Its ID.
        display_name: Its display name, unique in the company.
        company_name: The company's name, if it is another.
        email: E-mail addresses, separated by commas.
        website: An address or a domain.
        phone: A phone number.
        tax_id: A tax ID.
        active: Whether it is active.
        parent_id: The customer that it belongs to, if it is a sub-customer.
        currency: Its currency.
        learned: Names of accounts that people have linked to it, in this workspace.
    """

    id: str
    display_name: str
    company_name: str | None = None
    email: str | None = None
    website: str | None = None
    phone: str | None = None
    tax_id: str | None = None
    active: bool = True
    parent_id: str | None = None
    currency: str | None = None
    learned: tuple[str, ...] = ()


class SoughtAccount(Struct, frozen=True):
    """An account of the CRM, to be matched."""

    id: str
    name: str
    email: str | None = None
    domain: str | None = None
    phone: str | None = None
    tax_id: str | None = None
    currency: str | None = None


class _Best(Struct, frozen=True):
    """The most alike pair of names of an account and a customer."""

    likeness: Likeness
    theirs: Spelling
    ours: Spelling


class _Candidate(Struct, frozen=True):
    """A customer that the account could be, before its name is looked up."""

    id: str
    score: float
    rank: float
    reasons: tuple[Reason, ...]
    best: _Best | None


class Index:
    """The customers, by their names and identifiers. The order of changes never changes an answer."""

    def __init__(self, customers: Iterable[KnownCustomer] = ()) -> None:
        self._customers: dict[str, KnownCustomer] = {}
        self._register = Register()
        self._shared: dict[tuple[Reason, str], set[str]] = {}
        for customer in customers:
            self.add(customer)

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self._customers)

    def add(self, customer: KnownCustomer) -> None:
        """Add a customer.

        Raises:
            ValueError: A customer with this ID is known.
        """
        if customer.id in self._customers:
            raise ValueError(f"Customer {customer.id} is in the index already; replace it")
        self._customers[customer.id] = customer
        self._register.add(customer.id, _names(customer))
        for identifier in _identifiers_of(customer):
            self._shared.setdefault(identifier, set()).add(customer.id)

    def replace(self, customer: KnownCustomer) -> None:
        """Add a customer, or replace the one with its ID."""
        self.remove(customer.id)
        self.add(customer)

    def remove(self, customer_id: str) -> None:
        """Remove a customer; do nothing if it is unknown."""
        customer = self._customers.pop(customer_id, None)
        if customer is None:
            return
        self._register.remove(customer_id, _names(customer))
        for identifier in _identifiers_of(customer):
            holders = self._shared[identifier]
            holders.remove(customer_id)
            if not holders:
                del self._shared[identifier]

    def suggest(
        self,
        account: SoughtAccount,
        required: Requirement = REQUIRED,
        *,
        without: frozenset[str] = frozenset(),
    ) -> Suggestion:
        """Return the customer that an account could be.

        Args:
            account: The account.
            required: The least score and margin of a link and of a review.
            without: The customers that a person has rejected for this account.
        """
        best: dict[str, _Best] = {}
        for holder, theirs, ours, likeness in self._register.alike(_worded(account.name)):
            known = best.get(holder)
            if known is None or _order(likeness, theirs) > _order(known.likeness, known.theirs):
                best[holder] = _Best(likeness, theirs, ours)
        shared: dict[str, list[Reason]] = {}
        for reason, value in _identifiers_of(account):
            holders = self._shared.get((reason, value), set())
            for holder in holders if len(holders) <= SHARED_MAX else ():
                shared.setdefault(holder, []).append(reason)
        ranked = [
            self._candidate(account, each, best.get(each), shared.get(each, ()))
            for each in {*best, *shared} - without
        ]
        nearest = nsmallest(NEAREST_MAX, ranked, key=_place)
        return suggestion(account.id, [self._named(each) for each in nearest], required)

    def _candidate(
        self, account: SoughtAccount, customer_id: str, best: _Best | None, shared: Iterable[Reason]
    ) -> _Candidate:
        customer = self._customers[customer_id]
        best = best or _compared(account, customer)
        reasons: list[Reason] = sorted(set(shared))
        if best is not None:
            reasons += name_reasons(best.likeness)
            if best.theirs.is_trade or best.ours.is_trade:
                reasons.append("trade_name")
        reasons += _objections(account, customer)
        score = best.likeness.score if best else 0.0
        return _Candidate(customer_id, score, rank(score, reasons), tuple(reasons), best)

    def _named(self, candidate: _Candidate) -> Suggested:
        """Return a candidate with the customer's name that was found most alike."""
        customer, best, reasons = self._customers[candidate.id], candidate.best, candidate.reasons
        names = (customer.display_name, customer.company_name or "", *customer.learned)
        name = next(
            (each for each in names if best is not None and best.theirs in read(each)), customer.display_name
        )
        if name in customer.learned:
            reasons = (*reasons, "learned_name")
        features = best.likeness.features if best else None
        return Suggested(candidate.id, name, candidate.score, candidate.rank, reasons, features)


def _place(candidate: _Candidate) -> tuple[float, float, str]:
    return -candidate.rank, -candidate.score, candidate.id


def _order(likeness: Likeness, theirs: Spelling) -> tuple[float, bool, str, str]:
    return likeness.score, not theirs.is_trade, theirs.text, theirs.native


def _compared(account: SoughtAccount, customer: KnownCustomer) -> _Best | None:
    """Compare the names of a customer that was found by an identifier."""
    pairs = [
        _Best(compared(ours, theirs), theirs, ours)
        for ours in _worded(account.name)
        for theirs in _names(customer)
    ]
    return max(pairs, key=lambda each: _order(each.likeness, each.theirs), default=None)


def _objections(account: SoughtAccount, customer: KnownCustomer) -> Iterable[Reason]:
    if account.tax_id and customer.tax_id and _differ(account.tax_id, customer.tax_id):
        yield "other_tax_id"
    if account.currency and customer.currency and account.currency != customer.currency:
        yield "other_currency"
    if customer.parent_id is not None:
        yield "sub_customer"
    if not customer.active:
        yield "inactive"


def _differ(one: str, other: str) -> bool:
    ours, theirs = identifiers.tax_id(one), identifiers.tax_id(other)
    return bool(ours and theirs and ours != theirs)


def _names(customer: KnownCustomer) -> tuple[Spelling, ...]:
    names = (customer.display_name, customer.company_name or "", *customer.learned)
    return tuple(dict.fromkeys(spelling for name in names for spelling in _worded(name)))


def _worded(name: str) -> tuple[Spelling, ...]:
    return tuple(spelling for spelling in read(name) if spelling.words)


def _identifiers_of(party: KnownCustomer | SoughtAccount) -> frozenset[tuple[Reason, str]]:
    site = party.website if isinstance(party, KnownCustomer) else party.domain
    found: list[tuple[Reason, str]] = [("same_email", email) for email in identifiers.emails(party.email)]
    found += [("same_domain", domain) for domain in identifiers.domains(party.email, site)]
    found += [("same_tax_id", text)] if (text := identifiers.tax_id(party.tax_id)) else []
    found += [("same_phone", text)] if (text := identifiers.phone(party.phone)) else []
    return frozenset(found)
