"""Create an item for a product.

An item has no field for a mark. It counts as ours if it has the name, type and account of the request, and was created after
the command's cause.
"""

from datetime import UTC, datetime
from functools import partial

from events.contract import catalog
from events.contract.quickbooks import ItemCreated
from worker.commands.claimed import Claimed
from worker.commands.entities import Entity, reference
from worker.commands.kinds import by_name
from worker.commands.kinds.kind import Create, Names, Trace

_NAME = "Name"


def _created(command: Claimed, item: Entity, adopted: bool) -> ItemCreated:
    return ItemCreated(
        product_id=catalog.key_of(command.key.subject),
        realm=command.realm,
        request_id=command.request_id,
        item_id=item["Id"],
        name=item["Name"],
        type=item["Type"],
        adopted=adopted,
    )


def _is_ours(_: Claimed, item: Entity, trace: Trace) -> bool:
    body = trace.body
    same = (
        str(item.get(_NAME)).casefold() == body[_NAME].casefold()
        and item.get("Type") == body["Type"]
        and reference(item, "IncomeAccountRef") == reference(body, "IncomeAccountRef")
    )
    made_at = datetime.fromisoformat(item["MetaData"]["CreateTime"]).astimezone(UTC)
    return same and made_at >= trace.earliest


KIND = Create(
    name="create_item",
    stream="product",
    event=catalog.ITEM_CREATED,
    entity="Item",
    fact=_created,
    forms=partial(by_name.forms, _NAME),
    other_forms=partial(by_name.other_forms, _NAME),
    is_ours=_is_ours,
    names=Names(_NAME, ("Item",)),
)
