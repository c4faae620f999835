"""Who in QuickBooks has a name or a number that was refused as taken.

Customers, vendors and employees share their names, whatever the case, and those that are inactive keep theirs.
"""

from events.contract.quickbooks import Holder
from worker.commands.claims import Claimed
from worker.commands.outcomes import Entity, sent
from worker.quickbooks import queries
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OutcomeUnknown, Rejected
from worker.quickbooks.queries import ACTIVE_OR_NOT, Condition

_LISTS = {
    "create_customer": ("DisplayName", ("Customer", "Vendor", "Employee")),
    "create_item": ("Name", ("Item",)),
    "create_invoice": ("DocNumber", ("Invoice",)),
}


async def holder(client: QuickBooksClient, command: Claimed) -> Holder | None:
    """Return who has the name or number that QuickBooks says is taken, as far as QuickBooks shows it.

    A list that it refuses to show is passed over: that the name is taken is known without it.

    Raises:
        QuickBooksError: QuickBooks can't be asked now.
    """
    field, entities = _LISTS[command.key.kind]
    wanted = str(sent(command.body).get(field) or "")
    for entity in entities if wanted else ():
        try:
            found = await _named(client, command.realm, entity, field, wanted)
        except (Rejected, OutcomeUnknown):
            continue
        if found is not None:
            return Holder(entity, found["Id"], found[field], active=found.get("Active") is not False)
    return None


async def _named(client: QuickBooksClient, realm: str, entity: str, field: str, wanted: str) -> Entity | None:
    pattern = queries.pattern(wanted)
    is_plain = pattern in (wanted, "%")
    where: list[Condition] = [(field, "=", wanted) if is_plain else (field, "LIKE", pattern)]
    if entity != "Invoice":
        where.append(ACTIVE_OR_NOT)
    async for page in client.query_pages(realm, entity, where):
        for row in page:
            if str(row.get(field)).casefold() == wanted.casefold():
                return row
    return None
