"""The pairing of accounts with customers, as suggesting compares them."""

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from events.contract.matching import CandidateCustomer, MappingSuggested
from events.contract.quickbooks import CustomerObserved
from events.contract.values import Amount, Percent
from worker.matching.duplicates import duplicate_of
from worker.matching.index import Index, KnownCustomer, SoughtAccount, names_of
from worker.matching.suggestions import REQUIRED, Suggested, Suggestion
from worker.suggesting.accounts import AccountEntry
from worker.suggesting.entries import is_said, written
from worker.suggesting.pairing import Pairing

DOUBLES_MAX = 10  # customers like another one that are looked at


def known_customer(observed: CustomerObserved) -> KnownCustomer | None:
    """Return a customer as the matcher knows it; None if it has no name."""
    if observed.display_name is None:
        return None
    return KnownCustomer(
        observed.customer_id,
        observed.display_name,
        company_name=observed.company_name,
        email=observed.email,
        website=observed.website,
        phone=observed.phone,
        tax_id=observed.tax_id,
        active=observed.active,
        parent_id=observed.parent_id,
        full_name=observed.full_name,
        currency=observed.currency,
    )


class AccountPairing(Pairing[CustomerObserved, KnownCustomer, SoughtAccount, AccountEntry]):
    """The customers of a company, and the accounts of its workspace."""

    new_index = Index

    def __init__(self, realm: str, *, is_first: bool) -> None:
        super().__init__(realm, is_first=is_first)
        self.with_decided = False  # whether accounts that are not open are indexed, too
        self._decided = Index()
        self._targets: dict[str, tuple[str, ...]] = {}
        self._owners: dict[str, set[str]] = {}
        self._rejecting: dict[str, set[str]] = {}

    def put_entries(self, entries: Mapping[str, AccountEntry]) -> None:
        """Add or replace accounts, and note to which customers they belong."""
        super().put_entries(entries)
        for account_id, entry in entries.items():
            if entry.account is None or self._is_open(entry) or not self.with_decided:
                self._decided.remove(account_id)
            else:
                self._decided.replace(replace(self.as_known(entry.account), company_name=entry.commanded))
            for customer_id in self._targets.pop(account_id, ()):
                self._owners[customer_id].discard(account_id)
            self._targets[account_id] = entry.targets(self.realm, is_first=self._is_first)
            for customer_id in self._targets[account_id]:
                self._owners.setdefault(customer_id, set()).add(account_id)
            for customer_id in entry.rejected_in(self.realm):
                self._rejecting.setdefault(customer_id, set()).add(account_id)

    def is_alone(self, customer_id: str) -> bool:
        """Return whether an active customer belongs to no account, and none is like it, except those that it was rejected for.

        It is not alone either if a customer of an account is like it, or if it is the double of an older one.
        """
        customer = self._known.get(customer_id)
        if customer is None or not _is_whole(customer) or self._owners.get(customer_id):
            return False
        rejecting = frozenset(self._rejecting.get(customer_id, ()))
        return not any(
            self._open.suggest(sought, without=rejecting).best
            or self._decided.suggest(sought, without=rejecting).best
            or self._has_double(sought)
            for sought in self.as_sought(customer)
        )

    def _has_double(self, sought: SoughtAccount) -> bool:
        """Return whether a customer of an account is like this one, or an older one has nearly its name."""
        found = {sought.id}
        while len(found) <= DOUBLES_MAX:
            best: Suggested | None = self._index.suggest(sought, without=frozenset(found)).best
            if best is None:
                return False
            is_same = best.score >= REQUIRED.score and _is_whole(self._known[best.id])
            if self._owners.get(best.id) or (is_same and _age(best.id) < _age(sought.id)):
                return True
            found.add(best.id)
        return False

    def known(self, observed: CustomerObserved) -> KnownCustomer | None:
        """Return a customer as the matcher knows it; None if it has no name."""
        return known_customer(observed)

    def as_known(self, sought: SoughtAccount) -> KnownCustomer:
        """Return an account as a customer, to be found by customers' names."""
        return KnownCustomer(
            sought.id,
            sought.name,
            email=sought.email,
            website=sought.domain,
            phone=sought.phone,
            tax_id=sought.tax_id,
        )

    def as_sought(self, known: KnownCustomer) -> Iterable[SoughtAccount]:
        """Yield a customer as an account, by each of its names."""
        for name in {*names_of(known)} - {""}:
            yield SoughtAccount(
                known.id,
                name,
                email=known.email,
                domain=known.website,
                phone=known.phone,
                tax_id=known.tax_id,
            )

    def answer(self, entry: AccountEntry, found: Suggestion) -> MappingSuggested | None:
        """Return the next suggestion of an account; None if the last one says the same."""
        return suggestion_of(entry, self.realm, found, self.known_one)


def _is_whole(customer: KnownCustomer) -> bool:
    """Return whether a customer is active, and no sub-customer or job."""
    return customer.active and customer.parent_id is None


def _age(customer_id: str) -> tuple[int, str]:
    """Return a key by which older customers come first: QuickBooks counts their IDs."""
    return len(customer_id), customer_id


def suggestion_of(
    entry: AccountEntry, realm: str, found: Suggestion, known: Callable[[str], KnownCustomer]
) -> MappingSuggested | None:
    """Return the next suggestion of an account; None if the last one says the same.

    `known` returns a customer by its ID.
    """
    best, runner_up = found.best, found.runner_up
    twice = best and runner_up and duplicate_of(known(best.id), known(runner_up.id))
    next_one = MappingSuggested(
        account_id=found.sought,
        realm=realm,
        number=entry.number + 1,
        verdict=found.decision,
        matcher=found.matcher,
        candidates=tuple(_candidate(each, known(each.id).display_name) for each in found.nearest),
        runner_up=found.runner_up.id if found.runner_up else None,
        margin=Amount(str(found.margin)),
        duplicate=twice is not None,
    )
    return None if is_said(entry.suggested, next_one, "duplicate") else next_one


def _candidate(found: Suggested, display_name: str) -> CandidateCustomer:
    return CandidateCustomer(
        customer_id=found.id,
        display_name=display_name,
        score=Percent(str(found.score)),
        rank=Amount(str(found.rank)),
        reasons=found.reasons,
        name=None if found.name == display_name else found.name,
        features=written(found.features),
    )
