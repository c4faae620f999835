"""The customers of a QuickBooks company, and the search for an account's. It changes one customer at a time."""

from collections.abc import Iterable

from msgspec import Struct

from worker.matching import identifiers
from worker.matching.register import Alike, Register, most_alike, with_former_name
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
        full_name: Its name with those of the customers above it, `Acme:Austin`, if it is a sub-customer.
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
    full_name: str | None = None
    currency: str | None = None
    learned: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """Its name as people know it."""
        return self.display_name


class SoughtAccount(Struct, frozen=True):
    """An account of the CRM, to be matched."""

    id: str
    name: str
    email: str | None = None
    domain: str | None = None
    phone: str | None = None
    tax_id: str | None = None
    currency: str | None = None


class _Candidate(Struct, frozen=True):
    """A customer that the account could be, before it is one of the nearest."""

    id: str
    score: float
    rank: float
    reasons: tuple[Reason, ...]
    alike: Alike | None


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
        self._register.add(customer.id, names_of(customer))
        for identifier in identifiers_of(customer):
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
        self._register.remove(customer_id, names_of(customer))
        for identifier in identifiers_of(customer):
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
        alike = self._register.alike(account.name)
        shared = self._sharing(account)
        candidates = [
            self._candidate(account, each, alike.get(each), shared.get(each, []))
            for each in {*alike, *shared} - without
        ]
        nearest = sorted(candidates, key=lambda each: (-each.rank, -each.score, each.id))[:NEAREST_MAX]
        return suggestion(account.id, [self._suggested(each) for each in nearest], required)

    def _sharing(self, account: SoughtAccount) -> dict[str, list[Reason]]:
        """Return the customers that have an identifier of an account, each with the reasons."""
        shared: dict[str, list[Reason]] = {}
        for reason, value in sorted(identifiers_of(account)):
            holders = self._shared.get((reason, value), set())
            for holder in holders if len(holders) <= SHARED_MAX else ():
                if reason not in shared.setdefault(holder, []):
                    shared[holder].append(reason)
        return shared

    def _candidate(
        self, account: SoughtAccount, customer_id: str, alike: Alike | None, shared: list[Reason]
    ) -> _Candidate:
        customer = self._customers[customer_id]
        alike = alike or most_alike(account.name, names_of(customer))
        reasons = [*shared, *(name_reasons(alike.likeness) if alike else ()), *_objections(account, customer)]
        if alike is not None and alike.is_trade:
            reasons.append("trade_name")
        score = alike.likeness.score if alike else 0.0
        return _Candidate(customer_id, score, rank(score, reasons), tuple(reasons), alike)

    def _suggested(self, found: _Candidate) -> Suggested:
        customer, alike = self._customers[found.id], found.alike
        name = alike.text if alike else customer.display_name
        own = (customer.display_name, customer.company_name, customer.full_name)
        is_learned = name in customer.learned and name not in own
        reasons: tuple[Reason, ...] = (*found.reasons, "learned_name") if is_learned else found.reasons
        features = alike.likeness.features if alike else None
        return Suggested(found.id, name, found.score, found.rank, reasons, features)


def _objections(account: SoughtAccount, customer: KnownCustomer) -> Iterable[Reason]:
    if differ(account.tax_id, customer.tax_id):
        yield "other_tax_id"
    if account.currency and customer.currency and account.currency != customer.currency:
        yield "other_currency"
    if customer.parent_id is not None:
        yield "sub_customer"
    if not customer.active:
        yield "inactive"


def differ(one: str | None, other: str | None) -> bool:
    """Return whether two tax IDs are known, and of different companies."""
    if not one or not other:
        return False
    ours, theirs = identifiers.tax_id(one), identifiers.tax_id(other)
    # With and without the country's letters, as in DE123456789, they are one.
    return bool(ours and theirs) and not ours.endswith(theirs) and not theirs.endswith(ours)


def names_of(customer: KnownCustomer) -> list[str]:
    """Return the names of a customer; an empty text if it has no company name."""
    called = with_former_name(customer.display_name, active=customer.active)
    return [*called, customer.company_name or "", customer.full_name or "", *customer.learned]


def identifiers_of(party: KnownCustomer | SoughtAccount) -> frozenset[tuple[Reason, str]]:
    """Return the identifiers of a customer or an account, each with the reason that it gives."""
    site = party.website if isinstance(party, KnownCustomer) else party.domain
    if not (party.email or site or party.tax_id or party.phone):  # most customers have a name alone
        return frozenset()
    found: list[tuple[Reason, str]] = [("same_email", email) for email in identifiers.emails(party.email)]
    found += [("same_domain", domain) for domain in identifiers.domains(party.email, site)]
    found += [("same_tax_id", text)] if (text := identifiers.tax_id(party.tax_id)) else []
    found += [("same_phone", text)] if (text := identifiers.phone(party.phone)) else []
    return frozenset(found)
