"""The customers and the open accounts of a few companies, in memory, each found by names and identifiers of the other."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from events.contract.matching import MappingSuggested
from events.contract.quickbooks import CustomerObserved
from worker.matching.index import Index, KnownCustomer, SoughtAccount
from worker.matching.suggestions import NEAREST_MAX
from worker.suggesting.entries import Entry, suggestion_of
from worker.suggesting.listening import MatchedCompany

WORKSPACES_MAX = 8  # in memory; a further one replaces the one that was not used for longest
ALIKE_MAX = (
    60  # accounts that are compared again with one changed customer, beside those that it was suggested for
)


class CompanyIndex:
    """The customers of one company, and the accounts of its workspace, as of a turn of its portions."""

    def __init__(self, company: MatchedCompany) -> None:
        self.company = company
        self._customers = Index()
        self._known: dict[str, KnownCustomer] = {}
        self._open = Index()  # accounts, which are found by the names of customers
        self._suggested: dict[str, frozenset[str]] = {}
        self._suggested_for: dict[str, set[str]] = {}
        self._linked: dict[str, tuple[str, ...]] = {}
        self._learned: dict[str, dict[str, str]] = {}

    def put_customers(self, seen: Iterable[tuple[str, CustomerObserved | None]]) -> None:
        """Add or replace customers by their IDs; None if QuickBooks has one no longer."""
        for customer_id, observed in seen:
            if observed is None or observed.display_name is None:
                self._known.pop(customer_id, None)
                self._customers.remove(customer_id)
            else:
                self._known[customer_id] = known_customer(observed)
                self._customers.replace(self._with_learned(customer_id))

    def put_accounts(self, entries: Mapping[str, Entry]) -> None:
        """Add or replace accounts."""
        for account_id, entry in entries.items():
            self._put_learned(account_id, entry)
            if not self._is_open(entry) or entry.account is None:
                self._open.remove(account_id)
                self._note_suggested(account_id, None)
            else:
                self._open.replace(_as_customer(entry.account))
                self._note_suggested(account_id, entry.suggested)

    def concerned(self, customer_id: str) -> set[str]:
        """Return the open accounts whose best candidate may be another one after a change of a customer."""
        found = set(self._suggested_for.get(customer_id, ()))
        customer = self._known.get(customer_id)
        for name in {customer.display_name, customer.company_name or ""} - {""} if customer else ():
            found |= self._alike(_as_account(customer, name)) if customer else set()
        return found

    def suggestion(self, entry: Entry) -> MappingSuggested | None:
        """Return the next suggestion of an account; None if there is none, or it says the same as the last one."""
        if entry.account is None or not self._is_open(entry):
            return None
        rejected = entry.rejected_in(self.company.realm)
        found = self._customers.suggest(entry.account, without=rejected)
        return suggestion_of(entry, self.company.realm, found, lambda each: self._known[each].display_name)

    def _is_open(self, entry: Entry) -> bool:
        return entry.is_open(self.company.realm, is_first=self.company.is_first)

    def _alike(self, sought: SoughtAccount) -> set[str]:
        found: set[str] = set()
        while len(found) < ALIKE_MAX:
            alike = self._open.suggest(sought, without=frozenset(found))
            found |= {each.id for each in alike.nearest}
            if alike.decision == "none" or len(alike.nearest) < NEAREST_MAX:
                break
        return found

    def _note_suggested(self, account_id: str, suggested: MappingSuggested | None) -> None:
        for customer_id in self._suggested.pop(account_id, ()):
            self._suggested_for[customer_id].discard(account_id)
        if suggested is not None and suggested.realm == self.company.realm:
            self._suggested[account_id] = frozenset(each.customer_id for each in suggested.candidates)
            for customer_id in self._suggested[account_id]:
                self._suggested_for.setdefault(customer_id, set()).add(account_id)

    def _put_learned(self, account_id: str, entry: Entry) -> None:
        """Learn an account's name as one of the customers that people linked it to."""
        linked = entry.learned_from(self.company.realm, is_first=self.company.is_first)
        before = self._linked.get(account_id, ())
        name = entry.account.name if entry.account else None
        if not linked and not before:
            return
        for customer_id in before:
            self._learned[customer_id].pop(account_id, None)
        for customer_id in linked if name else ():
            self._learned.setdefault(customer_id, {})[account_id] = name or ""
        self._linked[account_id] = linked if name else ()
        for customer_id in {*before, *linked} & self._known.keys():
            self._customers.replace(self._with_learned(customer_id))

    def _with_learned(self, customer_id: str) -> KnownCustomer:
        names = sorted(set(self._learned.get(customer_id, {}).values()))
        return replace(self._known[customer_id], learned=tuple(names))


class Indexes:
    """The indexes of the workspaces that were used last."""

    def __init__(self, most: int = WORKSPACES_MAX) -> None:
        self._most = most
        self._by_workspace: OrderedDict[str, CompanyIndex] = OrderedDict()

    def __len__(self) -> int:
        """Return how many workspaces are in memory."""
        return len(self._by_workspace)

    def of(self, company: MatchedCompany) -> CompanyIndex | None:
        """Return the index of a company; None if it is not in memory, or another process has compared since."""
        found = self._by_workspace.get(company.workspace)
        if found is None or (found.company.realm, found.company.turn) != (company.realm, company.turn):
            return None
        self._by_workspace.move_to_end(company.workspace)
        return found

    def put(self, index: CompanyIndex) -> None:
        """Keep an index, and drop the one that was not used for longest if there are too many."""
        self._by_workspace[index.company.workspace] = index
        self._by_workspace.move_to_end(index.company.workspace)
        while len(self._by_workspace) > self._most:
            self._by_workspace.popitem(last=False)

    def note(self, company: MatchedCompany) -> None:
        """Note that the turn of a company was committed that its index has done already.

        A turn that was rolled back is done again. It changes nothing in the index then, since it only replaces.
        """
        self._by_workspace[company.workspace].company = company


def known_customer(observed: CustomerObserved) -> KnownCustomer:
    """Return a customer as the matcher knows it."""
    return KnownCustomer(
        observed.customer_id,
        observed.display_name or "",
        company_name=observed.company_name,
        email=observed.email,
        website=observed.website,
        phone=observed.phone,
        tax_id=observed.tax_id,
        active=observed.active,
        parent_id=observed.parent_id,
        currency=observed.currency,
    )


def _as_customer(account: SoughtAccount) -> KnownCustomer:
    return KnownCustomer(
        account.id,
        account.name,
        email=account.email,
        website=account.domain,
        phone=account.phone,
        tax_id=account.tax_id,
    )


def _as_account(customer: KnownCustomer, name: str) -> SoughtAccount:
    return SoughtAccount(
        customer.id,
        name,
        email=customer.email,
        domain=customer.website,
        phone=customer.phone,
        tax_id=customer.tax_id,
    )
