"""Looking in QuickBooks for what an earlier attempt may have made."""

from datetime import UTC, datetime, timedelta

from worker.commands.claims import Claimed
from worker.commands.outcomes import ENTITY, Entity, is_ours, sent
from worker.quickbooks.client import QuickBooksClient

CLOCKS_APART = timedelta(minutes=5)


async def find(client: QuickBooksClient, command: Claimed) -> Entity | None:
    """Return the object that this command made earlier, if QuickBooks has it.

    An invoice is found by its number or by customer and date, and is ours only by its mark; so is a
    customer. An item has no room for a mark: it is ours if it has the name and account that we sent and
    came into being after our first send.
    """
    async for page in client.query_pages(command.realm, ENTITY[command.key.kind], _where(command)):
        for entity in page:
            if _made_by(command, entity):
                return entity
    return None


async def namesake(client: QuickBooksClient, command: Claimed) -> Entity | None:
    """Return the object that holds the name or number that QuickBooks says is taken, if it shows."""
    async for page in client.query_pages(command.realm, ENTITY[command.key.kind], _where(command)):
        for entity in page:
            return entity
    return None


def _where(command: Claimed) -> list[tuple[str, str, str]]:
    body = sent(command)
    if command.key.kind == "create_customer":
        return [("DisplayName", "=", body["DisplayName"])]
    if command.key.kind == "create_item":
        return [("Name", "=", body["Name"])]
    if "DocNumber" in body:
        return [("DocNumber", "=", body["DocNumber"])]
    earliest = min(body["TxnDate"], (command.cause_at - timedelta(days=1)).date().isoformat())
    return [("CustomerRef", "=", body["CustomerRef"]["value"]), ("TxnDate", ">=", earliest)]


def _made_by(command: Claimed, entity: Entity) -> bool:
    if command.key.kind != "create_item":
        return is_ours(command, entity)
    body = sent(command)
    same = (
        entity.get("Type") == body["Type"]
        and entity.get("IncomeAccountRef", {}).get("value") == (body["IncomeAccountRef"]["value"])
    )
    if not same or command.first_sent_at is None:
        return False
    made_at = datetime.fromisoformat(entity["MetaData"]["CreateTime"]).astimezone(UTC)
    return made_at >= command.first_sent_at - CLOCKS_APART
