"""Find the object in QuickBooks that already has a name or number, after a request was refused because it is taken.

QuickBooks compares names without case, and inactive objects keep their names.
"""

from events.contract.quickbooks import Holder
from worker.commands.claimed import Claimed
from worker.commands.entities import Entity, sent
from worker.commands.kinds.all import WRITES
from worker.commands.kinds.kind import Names
from worker.quickbooks import queries
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OutcomeUnknown, Rejected
from worker.quickbooks.queries import ACTIVE_OR_NOT, Condition


async def holder(client: QuickBooksClient, command: Claimed) -> Holder | None:
    """Return the object that has the taken name or number; None if no query shows it.

    A list that QuickBooks refuses to return is skipped: the name is taken in any case.

    Raises:
        QuickBooksError: QuickBooks can't be queried now.
    """
    kind, body = WRITES[command.key.kind], sent(command.body)
    names, own = kind.names, body.get("Id")
    wanted = str(body.get(names.field) or "")
    for entity in names.entities if wanted else ():
        try:
            found = await _named(
                client,
                command.realm,
                entity,
                names,
                wanted,
                other_than=own if entity == kind.entity else None,
            )
        except (Rejected, OutcomeUnknown):
            continue
        if found is not None:
            return Holder(entity, found["Id"], found[names.field], active=found.get("Active") is not False)
    return None


async def _named(
    client: QuickBooksClient, realm: str, entity: str, names: Names, wanted: str, *, other_than: str | None
) -> Entity | None:
    field, pattern = names.field, queries.pattern(wanted)
    is_plain = pattern in (wanted, "%")
    where: list[Condition] = [(field, "=", wanted) if is_plain else (field, "LIKE", pattern)]
    if names.kept_by_inactive:
        where.append(ACTIVE_OR_NOT)
    async for page in client.query_pages(realm, entity, where):
        for row in page:
            if str(row.get(field)).casefold() == wanted.casefold() and row["Id"] != other_than:
                return row
    return None
