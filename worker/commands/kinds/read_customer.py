"""Read a customer that an account is mapped to."""

from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog
from events.contract.quickbooks import CustomerObserved
from worker.commands.claimed import Claimed
from worker.commands.customers import customer_observed
from worker.commands.entities import Entity
from worker.commands.kinds import objects
from worker.commands.kinds.kind import Reading
from worker.quickbooks.client import QuickBooksClient


async def _ask(client: QuickBooksClient, command: Claimed) -> Entity | None:
    return await objects.if_there(client, command, "Customer")


def _observed(command: Claimed, customer: Entity | None, _: datetime) -> CustomerObserved:
    customer_id, reading = objects.id_of(command), command.key.generation
    if customer is None:
        return CustomerObserved(command.realm, customer_id, exists=False, reading=reading)
    return replace(customer_observed(command.realm, customer), reading=reading)


KIND = Reading(
    name="read_customer",
    stream="customer",
    event=catalog.CUSTOMER_OBSERVED,
    label="the customer",
    ask=_ask,
    fact=_observed,
)
