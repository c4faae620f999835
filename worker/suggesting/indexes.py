"""What is compared in a few companies, in memory."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from events.contract import catalog
from events.contract.matching import MappingsCompared
from events.contract.values import Fact
from worker.matching import MATCHER_VERSION
from worker.suggesting.account_pairing import AccountPairing
from worker.suggesting.entries import Answer, Entry
from worker.suggesting.kinds import ACCOUNTS, BY_ENTITY, KINDS, kind_of
from worker.suggesting.listening import MatchedCompany
from worker.suggesting.pairing import Pairing

WORKSPACES_MAX = 8  # in memory; a further one replaces the one that was not used for longest


class CompanyIndex:
    """The customers and items of one company, the accounts and products of its workspace, as of a turn of its portions."""

    def __init__(self, company: MatchedCompany) -> None:
        self.company = company
        self._accounts = AccountPairing(company.realm, is_first=company.is_first)
        self._accounts.with_decided = company.offering is not None
        self._pairings: dict[str, Pairing[Any, Any, Any, Any]] = {
            name: kind.pairing(company.realm, is_first=company.is_first) for name, kind in KINDS.items()
        } | {ACCOUNTS.name: self._accounts}

    def put_observed(self, entity: str, seen: Iterable[tuple[str, Fact | None]]) -> None:
        """Add or replace customers or items by their IDs; None if QuickBooks has one no longer."""
        self._pairings[BY_ENTITY[entity].name].put_observed(seen)

    def put_entries(self, entries: Mapping[str, Entry]) -> None:
        """Add or replace accounts and products by their streams."""
        for name, pairing in self._pairings.items():
            pairing.put_entries(
                {
                    catalog.key_of(stream): entry
                    for stream, entry in entries.items()
                    if stream.startswith(f"{name}/")
                }
            )

    def concerned(self, entity: str, known_id: str) -> set[str]:
        """Return the streams of the open accounts or products whose best candidate may be another one after a change."""
        name = BY_ENTITY[entity].name
        return {f"{name}/{sought_id}" for sought_id in self._pairings[name].concerned(known_id)}

    def compared(self) -> MappingsCompared:
        """Return the verdicts on all accounts and products."""
        counts = {f"{name}s": pairing.verdicts() for name, pairing in self._pairings.items()}
        return MappingsCompared(self.company.realm, MATCHER_VERSION, **counts)

    def is_alone(self, customer_id: str) -> bool:
        """Return whether a customer belongs to no account, and none is like it."""
        return self._accounts.is_alone(customer_id)

    def suggestion(self, stream: str, entry: Entry) -> Answer | None:
        """Return the next suggestion of an account or a product; None if there is none, or it says the same as the last."""
        return self._pairings[kind_of(stream).name].suggestion(entry)


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
