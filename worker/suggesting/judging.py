"""Judge all customers of a company, or all decisions about accounts and products, on demand: duplicates, differing decisions.

It reads every customer or item, which takes seconds for a large company, and runs beside the event loop.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog, json
from events.database.port import Database
from worker.commands.table import realms
from worker.matching import MATCHER_VERSION
from worker.matching.duplicates import Duplicate, duplicates
from worker.matching.suggestions import Suggested
from worker.runtime.aside import aside
from worker.suggesting.account_pairing import known_customer
from worker.suggesting.entries import Entry, LinkedTarget
from worker.suggesting.kinds import ACCOUNTS, ComparedKind
from worker.suggesting.listening import companies
from worker.suggesting.pairing import Pairing
from worker.suggesting.tables import suggesting_sought
from worker.sync.tables import observed

T = TypeVar("T")
Decider = Literal["person", "automatic", "crm"]


class JudgedCompany(Struct, frozen=True):
    """A company with its customers and the accounts of its workspace, or its items and the products: each with its ID, as JSON."""

    kind: ComparedKind
    realm: str
    is_first: bool
    objects: list[tuple[str, str]]
    sought: list[tuple[str, str]]

    @property
    def size(self) -> int:
        """The number of characters of the JSON."""
        return sum(len(data) for _, data in (*self.objects, *self.sought))

    def observed(self) -> Iterator[tuple[str, Any]]:
        """Yield its customers or items by their IDs."""
        for object_id, content in self.objects:
            yield object_id, catalog.payload(self.kind.observed, content)


class ChangedDecision(Struct, frozen=True):
    """A decision about an account or a product that the present matcher would make otherwise.

    Attributes:
        subject: The account or product.
        subject_name: Its name.
        decision: `mapped` if it has a customer or item, and another one is the best now; `rejected` if a rejected one is the
            best.
        by: Who decided.
        target: The customer or item that was mapped or rejected.
        target_name: Its name; None if QuickBooks has it no longer.
        target_score: Its score now, in percent; None if it is none of the nearest.
        best: The best customer or item now.
        best_name: Its name.
        score: Its score, in percent.
        reasons: The codes of the evidence for it.
        matcher: The version of the matcher that compared it last before the decision; None if none did.
    """

    subject: str
    subject_name: str
    decision: Literal["mapped", "rejected"]
    by: Decider
    target: str
    target_name: str | None
    target_score: float | None
    best: str
    best_name: str
    score: float
    reasons: tuple[str, ...]
    matcher: int | None

    def told(self, noun: str, target: str) -> dict[str, Any]:
        """Return its fields as people read them: those of a `noun`, such as account, and its `target`, such as customer."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {
            name.replace("subject", noun).replace("target", target): each for name, each in fields.items()
        }


async def duplicate_customers(database: Database, workspace: str) -> list[Duplicate]:
    """Return the customers of the connected company that are probably duplicates, the surest first."""
    return await _judged(database, workspace, ACCOUNTS, _duplicates_of) or []


async def changed_decisions(
    database: Database, workspace: str, kind: ComparedKind = ACCOUNTS, *, older: bool = False
) -> list[ChangedDecision]:
    """Return the decisions about accounts or products that the present matcher would make otherwise, the surest first.

    With `older`, these are only those before which an older matcher compared them.
    """
    found = await _judged(database, workspace, kind, changed_decisions_of) or []
    return [each for each in found if each.matcher != MATCHER_VERSION] if older else found


async def _judged(
    database: Database, workspace: str, kind: ComparedKind, judge: Callable[[JudgedCompany], T]
) -> T | None:
    company = await database.read(read_company, workspace, kind)
    return None if company is None else await aside(company.size, lambda: judge(company))


def read_company(connection: sa.Connection, workspace: str, kind: ComparedKind) -> JudgedCompany | None:
    """Read a workspace's connected company; None without one."""
    realm = connection.scalar(
        sa.select(realms.c.realm).where(realms.c.workspace == workspace, realms.c.connected)
    )
    company = next((each for each in companies(connection, workspace) if each.realm == realm), None)
    if company is None:
        return None
    objects = sa.select(observed.c.entity_id, observed.c.content).where(
        observed.c.realm == realm, observed.c.entity == kind.entity, observed.c.fate == "present"
    )
    sought = sa.select(suggesting_sought.c.stream, suggesting_sought.c.data).where(
        suggesting_sought.c.workspace == workspace,
        suggesting_sought.c.stream.startswith(f"{kind.name}/", autoescape=True),
    )
    return JudgedCompany(
        kind,
        company.realm,
        company.is_first,
        [(object_id, content) for object_id, content in connection.execute(objects)],
        [(catalog.key_of(stream), data) for stream, data in connection.execute(sought)],
    )


def _duplicates_of(company: JudgedCompany) -> list[Duplicate]:
    known = (known_customer(customer) for _, customer in company.observed())
    return duplicates(each for each in known if each is not None)


def changed_decisions_of(company: JudgedCompany) -> list[ChangedDecision]:
    """Return the decisions about a company's accounts or products that the present matcher would make otherwise.

    Names that were learned by the decisions are left out: they would only confirm them.
    """
    pairing = company.kind.pairing(company.realm, is_first=company.is_first)
    pairing.put_observed(company.observed())
    entries = ((sought_id, json.decode(data, company.kind.entry)) for sought_id, data in company.sought)
    found = (each for sought_id, entry in entries for each in _changed(sought_id, entry, company, pairing))
    return sorted(found, key=lambda each: (-each.score, each.subject))


def _changed(
    sought_id: str,
    entry: Entry,
    company: JudgedCompany,
    pairing: Pairing[Any, Any, Any, Any],
) -> Iterable[ChangedDecision]:
    linked = entry.targets(company.realm, is_first=company.is_first)
    rejected = entry.rejected_in(company.realm)
    sought = entry.sought
    if sought is None or not (linked or rejected):
        return
    answer = pairing.nearest(sought)
    best = answer.best
    if best is None or best.id in linked:
        return
    rank_of = {each.id: each for each in answer.nearest}

    def told(decision: Literal["mapped", "rejected"], by: Decider, target: str) -> ChangedDecision:
        of = rank_of.get(target)
        return ChangedDecision(
            sought_id,
            sought.name,
            decision,
            by,
            target,
            pairing.name_of(target),
            of.score if of else None,
            best.id,
            pairing.name_of(best.id) or best.id,
            best.score,
            best.reasons,
            entry.suggested.matcher if entry.suggested else None,
        )

    if best.id in rejected:
        yield told("rejected", "person", best.id)
    elif linked and not any(_is_as_good(rank_of.get(each), best) for each in linked):
        link = next(each for each in entry.links if each.target in linked)
        yield told("mapped", _by(link), link.target)


def _is_as_good(found: Suggested | None, best: Suggested) -> bool:
    return found is not None and found.rank >= best.rank


def _by(link: LinkedTarget) -> Decider:
    return "automatic" if link.by_itself else "crm" if link.by_crm else "person"
