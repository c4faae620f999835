"""Update fields of a customer, as a sparse update of one version of it."""

from events.contract import catalog
from events.contract.gates import CUSTOMER_CHANGED
from events.contract.quickbooks import CustomerUpdated
from worker.commands.claimed import Claimed
from worker.commands.customers import customer_observed
from worker.commands.entities import Entity
from worker.commands.kinds import objects
from worker.commands.kinds.kind import Names, Update


def _updated(command: Claimed, customer: Entity, adopted: bool) -> CustomerUpdated:
    return CustomerUpdated(
        realm=command.realm,
        customer_id=objects.id_of(command),
        generation=command.key.generation,
        request_id=command.request_id,
        customer=customer_observed(command.realm, customer),
        adopted=adopted,
    )


KIND = Update(
    name="update_customer",
    stream="customer",
    event=catalog.CUSTOMER_UPDATED,
    entity="Customer",
    fact=_updated,
    names=Names("DisplayName", ("Customer", "Vendor", "Employee")),
    stale_gate=CUSTOMER_CHANGED,
)
