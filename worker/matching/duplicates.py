"""Customers of one company that are probably duplicates: their names are the same, or they share an identifier.

Only active customers with nothing above them are compared: sub-customers share much on purpose, and an inactive one is out of
the way. Customers in different currencies are none, since QuickBooks needs a customer for each.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from worker.matching.index import SHARED_MAX, KnownCustomer, differ, identifiers_of, names_of
from worker.matching.register import Alike, keys_of, most_alike, worded
from worker.matching.suggestions import LINKING, Reason, name_reasons, rank

# A domain alone is shared by sister companies.
_TELLING = frozenset({"same_tax_id", "same_email", "same_phone"})
COMPARED_MAX = 20  # earlier customers with something in common that one is compared with
NAMESAKES_MAX = 100  # customers of one name that are compared: with more, it is "Cash sale" or the like


class Duplicate(Struct, frozen=True):
    """Two customers that are probably one.

    Attributes:
        id: The customer with the greater ID, which was probably created later.
        name: Its display name.
        other: The other customer.
        other_name: Its display name.
        score: The probability that the names are one company's, in percent.
        reasons: The codes of the evidence.
    """

    id: str
    name: str
    other: str
    other_name: str
    score: float
    reasons: tuple[Reason, ...]

    @property
    def order(self) -> tuple[float, str, str]:
        """The surest come first."""
        return -rank(self.score, self.reasons), self.other_name, self.name


def duplicates(customers: Iterable[KnownCustomer]) -> list[Duplicate]:
    """Return the customers that are duplicates of another one, each with one of them; the surest come first.

    Of many customers that are the same, each is told with the first one that it is the same as. The time rises with the
    number of customers, and not with that of pairs.
    """
    known = {each.id: each for each in customers if _counts(each)}
    found: dict[tuple[str, str], Duplicate] = {}
    for holders in _together(known.values()):
        earlier: list[KnownCustomer] = []
        for customer in sorted((known[each] for each in holders), key=_age)[:NAMESAKES_MAX]:
            pairs = (duplicate_of(customer, other) for other in earlier[:COMPARED_MAX])
            pair = next((each for each in pairs if each is not None), None)
            if pair is not None:
                found[pair.id, pair.other] = pair
            else:
                earlier.append(customer)
    return sorted(found.values(), key=lambda each: each.order)


def duplicate_of(customer: KnownCustomer, other: KnownCustomer) -> Duplicate | None:
    """Return two customers as duplicates, the later one first; None if they are none."""
    if not (_counts(customer) and _counts(other)) or customer.currency != other.currency:
        return None
    if differ(customer.tax_id, other.tax_id):
        return None
    alike = _alike(customer, other)
    shared = [reason for reason, _ in sorted(identifiers_of(customer) & identifiers_of(other))]
    is_same_name = alike is not None and not alike.is_trade and alike.likeness.sameness in LINKING
    if not is_same_name and _TELLING.isdisjoint(shared):
        return None
    reasons = (*dict.fromkeys(shared), *(name_reasons(alike.likeness) if alike else ()))
    earlier, later = sorted((customer, other), key=_age)
    score = alike.likeness.score if alike else 0.0
    return Duplicate(later.id, later.display_name, earlier.id, earlier.display_name, score, reasons)


def _counts(customer: KnownCustomer) -> bool:
    return customer.active and customer.parent_id is None


def _age(customer: KnownCustomer) -> tuple[int, str]:
    """QuickBooks numbers customers in the order of their creation."""
    return (int(customer.id) if customer.id.isdecimal() else 0), customer.id


def _together(customers: Iterable[KnownCustomer]) -> Iterator[list[str]]:
    """Yield the IDs of customers that have a key of a name, or an identifier, in common."""
    by_name: dict[str, dict[str, None]] = {}
    by_identifier: dict[tuple[Reason, str], dict[str, None]] = {}
    for customer in customers:
        for text in dict.fromkeys(names_of(customer)):
            for name in worded(text):
                for key in keys_of(name):
                    by_name.setdefault(key, {})[customer.id] = None
        for identifier in identifiers_of(customer):
            if identifier[0] in _TELLING:
                by_identifier.setdefault(identifier, {})[customer.id] = None
    yield from (list(holders) for holders in by_name.values() if len(holders) > 1)
    yield from (list(holders) for holders in by_identifier.values() if 1 < len(holders) <= SHARED_MAX)


def _alike(one: KnownCustomer, other: KnownCustomer) -> Alike | None:
    found = (most_alike(name, names_of(other)) for name in names_of(one))
    return max((each for each in found if each is not None), key=lambda each: each.order, default=None)
