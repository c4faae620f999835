"""Read an item that a product is mapped to."""

from datetime import datetime

from events.contract import catalog
from events.contract.quickbooks import ItemObserved
from worker.commands.claimed import Claimed
from worker.commands.entities import Entity
from worker.commands.kinds import objects
from worker.commands.kinds.kind import Reading
from worker.quickbooks.client import QuickBooksClient


async def _ask(client: QuickBooksClient, command: Claimed) -> Entity | None:
    return await objects.if_there(client, command, "Item")


def _observed(command: Claimed, item: Entity | None, _: datetime) -> ItemObserved:
    item_id, reading = objects.id_of(command), command.key.generation
    if item is None:
        return ItemObserved(command.realm, item_id, exists=False, reading=reading)
    return ItemObserved(
        realm=command.realm,
        item_id=item_id,
        name=item.get("Name") or None,
        type=item.get("Type") or None,
        active=item.get("Active") is not False,
        sync_token=int(item.get("SyncToken") or 0),
        reading=reading,
    )


KIND = Reading(
    name="read_item",
    stream="item",
    event=catalog.ITEM_OBSERVED,
    label="the item",
    ask=_ask,
    fact=_observed,
)
