"""Compare accounts with customers and products with items, a portion in a transaction; append the suggestions that are new.

A portion either compares changed customers or items, and notes the accounts or products that they concern, or it compares
accounts and products that are due.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog
from events.contract.envelope import Event, own_event
from events.contract.matching import MAPPINGS_COMPARED, Verdicts
from events.contract.values import Fact
from events.database import bulk
from events.log import log, subscriptions
from worker.matching import MATCHER_VERSION
from worker.suggesting import unowned
from worker.suggesting.answering import answered
from worker.suggesting.entries import Answer, Entry
from worker.suggesting.indexes import CompanyIndex, Indexes
from worker.suggesting.kinds import BY_ENTITY, kind_of
from worker.suggesting.listening import (
    BEGINNING,
    NAME,
    MatchedCompany,
    change,
    companies,
    entries_of,
    entry_of,
    put_entries,
)
from worker.suggesting.tables import (
    suggesting_changed,
    suggesting_companies,
    suggesting_sought,
    suggesting_unowned,
)
from worker.sync.tables import observed

COMPARISONS = "urn:coeffection:matching:comparisons"


class CompanyRows(Struct, frozen=True):
    """A company with its accounts and products, each as stream and JSON, and its customers and items, with their entities."""

    company: MatchedCompany
    sought: Sequence[tuple[str, str]]
    objects: Sequence[tuple[str, str, str]]

    @property
    def size(self) -> int:
        """The number of characters of the JSON."""
        return sum(len(row[-1]) for rows in (self.sought, self.objects) for row in rows)


class Portion(Struct, frozen=True):
    """A portion: how many objects of the CRM or of QuickBooks were compared, and the company as it is afterwards."""

    count: int
    company: MatchedCompany


_KEY = (observed.c.realm, observed.c.entity, observed.c.entity_id)
_CHANGED = (suggesting_changed.c.realm, suggesting_changed.c.entity, suggesting_changed.c.entity_id)
_DUE = suggesting_sought.c.due
_WAITING = (
    sa.select(suggesting_companies.c.workspace)
    .where(suggesting_companies.c.connected, suggesting_companies.c.complete)
    .where(
        sa.or_(
            suggesting_companies.c.swept.is_not(None),
            suggesting_companies.c.matcher != MATCHER_VERSION,
            sa.exists().where(_DUE, suggesting_sought.c.workspace == suggesting_companies.c.workspace),
            sa.exists().where(suggesting_changed.c.realm == suggesting_companies.c.realm),
            sa.exists().where(suggesting_unowned.c.realm == suggesting_companies.c.realm),
        )
    )
    .order_by(suggesting_companies.c.workspace)
)


def workspaces(connection: sa.Connection) -> list[str]:
    """Return the workspaces with something to compare."""
    return list(connection.scalars(_WAITING))


def matched(connection: sa.Connection, workspace: str) -> MatchedCompany | None:
    """Return a workspace's connected company; None if there is none, or its lists were not all read yet."""
    return next((each for each in companies(connection, workspace) if each.connected and each.complete), None)


def read(connection: sa.Connection, workspace: str) -> CompanyRows | None:
    """Read what is compared in a workspace's company, in one snapshot; None if nothing is to be compared."""
    company = matched(connection, workspace)
    if company is None:
        return None
    sought = sa.select(suggesting_sought.c.stream, suggesting_sought.c.data).where(
        suggesting_sought.c.workspace == workspace
    )
    objects = sa.select(observed.c.entity, observed.c.entity_id, observed.c.content).where(
        observed.c.realm == company.realm, observed.c.entity.in_(BY_ENTITY), observed.c.fate == "present"
    )
    return CompanyRows(
        company,
        [(stream, data) for stream, data in connection.execute(sought)],
        [(entity, entity_id, content) for entity, entity_id, content in connection.execute(objects)],
    )


def index_of(rows: CompanyRows) -> CompanyIndex:
    """Return the index of a company. It takes a second for 20,000 customers."""
    index = CompanyIndex(rows.company)
    index.put_entries({stream: entry_of(stream, data) for stream, data in rows.sought})
    for entity in BY_ENTITY:
        index.put_observed(
            entity,
            (
                (entity_id, _observed(entity, content))
                for of_entity, entity_id, content in rows.objects
                if of_entity == entity
            ),
        )
    return index


def go_on(
    connection: sa.Connection, workspace: str, indexes: Indexes, limit: int, holder: str, now: datetime
) -> Portion | None:
    """Compare the next portion of a workspace, at most `limit` objects of the CRM or of QuickBooks.

    Returns:
        The portion; None if another process leads, or the workspace's index has to be read first.
    """
    if subscriptions.lease(connection, NAME, holder, now) is None:
        return None
    company = matched(connection, workspace)
    index = indexes.of(company) if company is not None else None
    if company is None or index is None:
        return None
    if changed := _changed(connection, company, limit):
        _compare_objects(connection, company, index, changed)
        portion = Portion(len(changed), company)
    else:
        after, sought = _due(connection, company, limit)
        _compare_sought(connection, company, index, sought, now)
        if after.swept == company.swept:  # a sweep compares all accounts and products anyway
            _note_taught(connection, index, sought)
        portion = Portion(len(sought), after)
        if after.swept is None and (company.swept, company.matcher) != (None, MATCHER_VERSION):
            log.append_own(connection, _compared(index, now), now)
        if not sought and after == company:
            compared = unowned.compare(connection, company, index, limit, now)
            if not compared:
                return None
            portion = Portion(compared, company)
    after = replace(portion.company, turn=company.turn + 1)
    values = {"turn": after.turn, "matcher": after.matcher, "swept": after.swept}
    change(connection, workspace, company.realm, **values)
    return replace(portion, company=after)


def _changed(connection: sa.Connection, company: MatchedCompany, limit: int) -> Sequence[tuple[str, str]]:
    """Return the entities and IDs of the next changed customers and items."""
    statement = (
        sa.select(suggesting_changed.c.entity, suggesting_changed.c.entity_id)
        .where(suggesting_changed.c.realm == company.realm)
        .order_by(suggesting_changed.c.entity, suggesting_changed.c.entity_id)
        .limit(limit)
    )
    return [(entity, entity_id) for entity, entity_id in connection.execute(statement)]


def _compare_objects(
    connection: sa.Connection,
    company: MatchedCompany,
    index: CompanyIndex,
    changed: Sequence[tuple[str, str]],
) -> None:
    """Read changed customers and items again, and note the accounts and products that they concern."""
    realm, workspace = index.company.realm, index.company.workspace
    columns = (observed.c.entity, observed.c.entity_id, observed.c.content, observed.c.fate)
    keys = [(realm, entity, entity_id) for entity, entity_id in changed]
    found = bulk.fetch(connection, columns, _KEY, keys)
    present = {
        (entity, entity_id): _observed(entity, content)
        for entity, entity_id, content, fate in found
        if fate == "present"
    }
    for entity, entity_id in changed:
        index.put_observed(entity, [(entity_id, present.get((entity, entity_id)))])
    concerned = sorted({stream for each in changed for stream in index.concerned(*each)})
    put_entries(connection, workspace, entries_of(connection, workspace, concerned), due=True)
    unowned.queue(
        connection, company, [entity_id for entity, entity_id in changed if entity == unowned.CUSTOMER]
    )
    bulk.delete(connection, suggesting_changed, _CHANGED, keys)


def _due(
    connection: sa.Connection, company: MatchedCompany, limit: int
) -> tuple[MatchedCompany, dict[str, Entry]]:
    """Return the next accounts and products to compare, and the company as it is after that."""
    if company.matcher != MATCHER_VERSION:
        company = replace(company, matcher=MATCHER_VERSION, swept=BEGINNING)
    here = suggesting_sought.c.workspace == company.workspace
    if found := _page(connection, limit, here, _DUE):
        return company, found
    if company.swept is None:
        return company, {}
    found = _page(connection, limit, here, suggesting_sought.c.stream > company.swept)
    swept = max(found) if len(found) == limit else None
    return replace(company, swept=swept), found


def _page(connection: sa.Connection, limit: int, *where: sa.ColumnElement[bool]) -> dict[str, Entry]:
    statement = (
        sa.select(suggesting_sought.c.stream, suggesting_sought.c.data)
        .where(*where)
        .order_by(suggesting_sought.c.stream)
        .limit(limit)
    )
    return {stream: entry_of(stream, data) for stream, data in connection.execute(statement)}


def _compare_sought(
    connection: sa.Connection,
    company: MatchedCompany,
    index: CompanyIndex,
    sought: dict[str, Entry],
    now: datetime,
) -> None:
    """Append the suggestions that are new, and store the accounts and products with them."""
    index.put_entries(sought)  # first, since the names of linked ones are learned
    found = {stream: index.suggestion(stream, entry) for stream, entry in sought.items()}
    workspace = index.company.workspace
    events = [
        _event(workspace, stream, answer, now)
        for stream, answer in sorted(found.items())
        if answer is not None
    ]
    compared = {
        stream: replace(entry, suggested=found[stream] or entry.suggested, former=())
        for stream, entry in sought.items()
    }
    unowned.queue(connection, company, unowned.let_go(sought, found))
    answers = answered(connection, index, compared, now)
    log.append_own(connection, [*events, *answers.events], now)
    put_entries(connection, workspace, answers.done, due=False)
    put_entries(connection, workspace, answers.later, due=True)
    index.put_entries(compared)


def _note_taught(connection: sa.Connection, index: CompanyIndex, sought: dict[str, Entry]) -> None:
    """Note the customers and items that learn the names of linked accounts and products, or do so no longer."""
    company = index.company
    rows = [
        {
            "workspace": company.workspace,
            "realm": company.realm,
            "entity": kind_of(stream).entity,
            "entity_id": target,
        }
        for stream, entry in sought.items()
        for target in sorted(entry.concerns(company.realm, is_first=company.is_first))
    ]
    unique = {(row["entity"], row["entity_id"]): row for row in rows}
    bulk.upsert(connection, suggesting_changed, list(unique.values()))


def _event(workspace: str, stream: str, answer: Answer, now: datetime) -> Event:
    """Make the event of a suggestion. Its identity is the account's or product's, with the number of the suggestion."""
    kind = kind_of(stream)
    return own_event(
        kind.suggested,
        answer,
        workspace=workspace,
        source=kind.source,
        time=now,
        id=f"{catalog.key_of(stream)}/{answer.number}",
    )


def _compared(index: CompanyIndex, now: datetime) -> list[Event]:
    """Make the event that everything was compared, if there was anything.

    Its identity is the company, with the turn of the last portion.
    """
    company, compared = index.company, index.compared()
    if (compared.accounts, compared.products) == (Verdicts(), Verdicts()):
        return []
    event = own_event(
        MAPPINGS_COMPARED,
        compared,
        workspace=company.workspace,
        source=COMPARISONS,
        time=now,
        id=f"{company.realm}/{company.turn}",
    )
    return [event]


def _observed(entity: str, content: str) -> Fact:
    found: Fact = catalog.payload(BY_ENTITY[entity].observed, content)
    return found
