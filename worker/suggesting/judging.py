"""Judge all customers of a company, or all decisions about its accounts, on demand: duplicates, and differing decisions.

It reads every customer, which takes seconds for a large company, and runs beside the event loop.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog, json
from events.database.port import Database
from worker.commands.table import realms
from worker.matching import MATCHER_VERSION
from worker.matching.duplicates import Duplicate, duplicates
from worker.matching.index import Index, KnownCustomer
from worker.matching.suggestions import Suggested
from worker.runtime.aside import aside
from worker.suggesting.account_pairing import known_customer
from worker.suggesting.accounts import AccountEntry
from worker.suggesting.entries import LinkedTarget
from worker.suggesting.listening import companies
from worker.suggesting.tables import suggesting_sought
from worker.sync.tables import observed

T = TypeVar("T")
Decider = Literal["person", "automatic", "crm"]
_ACCOUNT = "account/"


class JudgedCompany(Struct, frozen=True):
    """A company with its customers and the accounts of its workspace, as JSON; the accounts also with their IDs."""

    realm: str
    is_first: bool
    customers: list[str]
    accounts: list[tuple[str, str]]

    @property
    def size(self) -> int:
        """The number of characters of the JSON."""
        return sum(map(len, self.customers)) + sum(len(data) for _, data in self.accounts)

    def known(self) -> Iterator[KnownCustomer]:
        """Yield its customers as the matcher knows them, without the names that it has learned."""
        for content in self.customers:
            known = known_customer(catalog.payload(catalog.CUSTOMER_OBSERVED, content))
            if known is not None:
                yield known


class ChangedDecision(Struct, frozen=True):
    """A decision about an account that the present matcher would make otherwise.

    Attributes:
        account: The account.
        account_name: Its name.
        decision: `mapped` if it has a customer, and another one is the best now; `rejected` if a rejected one is the best.
        by: Who decided.
        customer: The customer that was mapped or rejected.
        customer_name: Its name; None if QuickBooks has it no longer.
        customer_score: Its score now, in percent; None if it is none of the nearest.
        best: The best customer now.
        best_name: Its name.
        score: Its score, in percent.
        reasons: The codes of the evidence for it.
        matcher: The version of the matcher that compared the account last before the decision; None if none did.
    """

    account: str
    account_name: str
    decision: Literal["mapped", "rejected"]
    by: Decider
    customer: str
    customer_name: str | None
    customer_score: float | None
    best: str
    best_name: str
    score: float
    reasons: tuple[str, ...]
    matcher: int | None


async def duplicate_customers(database: Database, workspace: str) -> list[Duplicate]:
    """Return the customers of the connected company that are probably duplicates, the surest first."""
    return await _judged(database, workspace, lambda company: duplicates(company.known())) or []


async def changed_decisions(
    database: Database, workspace: str, *, older: bool = False
) -> list[ChangedDecision]:
    """Return the decisions about accounts that the present matcher would make otherwise, the surest first.

    With `older`, these are only those before which an older matcher compared the account.
    """
    found = await _judged(database, workspace, changed_decisions_of) or []
    return [each for each in found if each.matcher != MATCHER_VERSION] if older else found


async def _judged(database: Database, workspace: str, judge: Callable[[JudgedCompany], T]) -> T | None:
    company = await database.read(read_company, workspace)
    return None if company is None else await aside(company.size, lambda: judge(company))


def read_company(connection: sa.Connection, workspace: str) -> JudgedCompany | None:
    """Read a workspace's connected company; None without one."""
    realm = connection.scalar(
        sa.select(realms.c.realm).where(realms.c.workspace == workspace, realms.c.connected)
    )
    company = next((each for each in companies(connection, workspace) if each.realm == realm), None)
    if company is None:
        return None
    customers = sa.select(observed.c.content).where(
        observed.c.realm == realm, observed.c.entity == "Customer", observed.c.fate == "present"
    )
    sought = sa.select(suggesting_sought.c.stream, suggesting_sought.c.data).where(
        suggesting_sought.c.workspace == workspace,
        suggesting_sought.c.stream.startswith(_ACCOUNT, autoescape=True),
    )
    accounts = [(stream.removeprefix(_ACCOUNT), data) for stream, data in connection.execute(sought)]
    return JudgedCompany(company.realm, company.is_first, list(connection.scalars(customers)), accounts)


def changed_decisions_of(company: JudgedCompany) -> list[ChangedDecision]:
    """Return the decisions about a company's accounts that the present matcher would make otherwise.

    Names that were learned by the decisions are left out: they would only confirm them.
    """
    known = {each.id: each for each in company.known()}
    index = Index(known.values())
    entries = ((account_id, json.decode(data, AccountEntry)) for account_id, data in company.accounts)
    found = (
        each for account_id, entry in entries for each in _changed(account_id, entry, company, index, known)
    )
    return sorted(found, key=lambda each: (-each.score, each.account))


def _changed(
    account_id: str,
    entry: AccountEntry,
    company: JudgedCompany,
    index: Index,
    known: dict[str, KnownCustomer],
) -> Iterable[ChangedDecision]:
    linked = entry.targets(company.realm, is_first=company.is_first)
    rejected = entry.rejected_in(company.realm)
    if entry.account is None or not (linked or rejected):
        return
    answer = index.suggest(entry.account)
    best = answer.best
    if best is None or best.id in linked:
        return
    rank_of = {each.id: each for each in answer.nearest}

    def told(decision: Literal["mapped", "rejected"], by: Decider, customer: str) -> ChangedDecision:
        of = rank_of.get(customer)
        name = known[customer].display_name if customer in known else None
        return ChangedDecision(
            account_id,
            entry.account.name if entry.account else "",
            decision,
            by,
            customer,
            name,
            of.score if of else None,
            best.id,
            known[best.id].display_name,
            best.score,
            best.reasons,
            entry.suggested.matcher if entry.suggested else None,
        )

    if best.id in rejected:
        yield told("rejected", "person", best.id)
    elif linked and not any(_is_as_good(rank_of.get(each), best) for each in linked):
        link = next(each for each in entry.links if each.target in linked)
        yield told("mapped", _by(link), link.target)


def _is_as_good(customer: Suggested | None, best: Suggested) -> bool:
    return customer is not None and customer.rank >= best.rank


def _by(link: LinkedTarget) -> Decider:
    return "automatic" if link.by_itself else "crm" if link.by_crm else "person"
