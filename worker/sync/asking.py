"""The requests of sync to QuickBooks: pages, objects by their IDs, changes, counts, and the company itself.

All are bulk reads: they stop before the app's monthly budget is spent.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from worker.commands.entities import Entity
from worker.quickbooks import queries
from worker.quickbooks.answers import rows_of
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OBJECT_NOT_FOUND, OutcomeUnknown, QuickBooksError, Rejected
from worker.quickbooks.paging import ListPage, PageCursor
from worker.sync.company import CompanyAnswer
from worker.sync.entities import ANNOUNCED, BY_NAME, OBSERVABLES, UNANNOUNCED


class ChangesSince(Struct, frozen=True):
    """Objects that changed since an instant, or a while before it, by their kind.

    Attributes:
        rows: The objects as they are now.
        answered_at: QuickBooks' own time before it looked for them.
        capped: The kinds of which QuickBooks has left out some that changed since the instant.
        overlapping: Objects that changed before the instant, of the kinds of which QuickBooks has left out only such:
            if these are all known, nothing is missing.
    """

    rows: dict[str, list[Entity]]
    answered_at: datetime
    capped: tuple[str, ...] = ()
    overlapping: dict[str, list[Entity]] = {}


class ListsAnswer(Struct, frozen=True):
    """The lists that nothing announces, and the company."""

    rows: dict[str, list[Entity]]
    company: CompanyAnswer


async def page(client: QuickBooksClient, realm: str, entity: str, cursor: PageCursor) -> ListPage:
    """Read the next page of a list, inactive entries included."""
    where = queries.everything_of(entity)
    return await client.page(realm, entity, cursor, where, fields=BY_NAME[entity].fields)


async def by_ids(
    client: QuickBooksClient, realm: str, wanted: Mapping[str, Sequence[str]], *, failing: Collection[str]
) -> dict[str, list[Entity] | QuickBooksError]:
    """Read objects by their IDs, in as few requests as possible; return the rows, or the refusal, of each kind.

    A query of one of the `failing` kinds counts as refused also if QuickBooks fails to answer it.

    Raises:
        QuickBooksError: QuickBooks did not answer all of the queries.
    """
    statements = {
        f"{entity}/{number}": statement
        for entity, ids in wanted.items()
        for number, statement in enumerate(queries.by_ids(entity, ids, fields=BY_NAME[entity].fields))
    }
    answers = await _answers(client, realm, statements)
    found: dict[str, list[Entity] | QuickBooksError] = {entity: [] for entity in wanted}
    for key, answer in answers.items():
        entity = key.partition("/")[0]
        rows = found[entity]
        if isinstance(answer, Rejected) or (isinstance(answer, OutcomeUnknown) and entity in failing):
            found[entity] = answer
        elif isinstance(answer, QuickBooksError):
            raise answer
        elif isinstance(rows, list):
            rows += rows_of(answer, entity)
    return found


async def _answers(
    client: QuickBooksClient, realm: str, statements: Mapping[str, str]
) -> Mapping[str, Entity | QuickBooksError]:
    """Ask several queries as a batch; one alone is asked by itself, since QuickBooks takes far fewer batches."""
    if len(statements) > 1:
        return await client.batch_queries(realm, statements)
    found: dict[str, Entity | QuickBooksError] = {}
    for key, statement in statements.items():
        try:
            found[key] = await client.query(realm, statement, purpose="bulk")
        except (Rejected, OutcomeUnknown) as error:
            found[key] = error
    return found


async def one(client: QuickBooksClient, realm: str, entity: str, entity_id: str) -> Entity | None:
    """Read one object by its ID, which never lags; None if QuickBooks has it no longer."""
    try:
        return await client.read(realm, entity, entity_id, purpose="bulk")
    except Rejected as error:
        if error.code == OBJECT_NOT_FOUND:
            return None
        raise


async def changes(client: QuickBooksClient, realm: str, since: datetime, overlap: timedelta) -> ChangesSince:
    """Read the objects that changed or were deleted since an instant, and a while before it.

    QuickBooks returns 1,000 at most: if it has, each kind is asked for alone, and a kind of which it still returns as many
    once more without the overlap. `since` is by QuickBooks' clock.
    """
    found = await client.cdc(realm, ANNOUNCED, since - overlap)
    if not found.is_cut:
        return ChangesSince(found.objects, found.answered_at)
    rows: dict[str, list[Entity]] = {}
    capped: list[str] = []
    overlapping: dict[str, list[Entity]] = {}
    for entity in ANNOUNCED:
        alone = await client.cdc(realm, (entity,), since - overlap)
        rows |= alone.objects
        if not alone.is_cut:
            continue
        late = await client.cdc(realm, (entity,), since)
        if late.is_cut:
            capped.append(entity)
            continue
        is_late = {row["Id"] for row in late.objects[entity]}
        overlapping[entity] = [row for row in alone.objects[entity] if row["Id"] not in is_late]
        rows[entity] = overlapping[entity] + late.objects[entity]
    return ChangesSince(rows, found.answered_at, tuple(capped), overlapping)


async def counts(client: QuickBooksClient, realm: str) -> dict[str, int]:
    """Count the objects of each kind; those that QuickBooks refuses to count are left out."""
    statements = {
        each.name: queries.count(each.name, queries.everything_of(each.name)) for each in OBSERVABLES
    }
    answers = await client.batch_queries(realm, statements)
    return {
        entity: int(answer.get("totalCount", 0))
        for entity, answer in answers.items()
        if not isinstance(answer, QuickBooksError)
    }


async def lists(client: QuickBooksClient, realm: str) -> ListsAnswer:
    """Read the lists that nothing announces, each shorter than one page, and the company.

    Raises:
        QuickBooksError: QuickBooks did not answer.
    """
    statements = {name: queries.select(name, queries.everything_of(name)) for name in UNANNOUNCED}
    answers = await client.batch_queries(realm, statements)
    rows: dict[str, list[Entity]] = {}
    for entity, answer in answers.items():
        if isinstance(answer, QuickBooksError):
            raise answer
        rows[entity] = rows_of(answer, entity)
    company = CompanyAnswer(await client.company_info(realm), await client.preferences(realm))
    return ListsAnswer(rows, company)
