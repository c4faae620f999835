"""A customer for an account: found by its name or among new customers, and ours only by its mark.

Customers, vendors and employees share their names.
"""

from functools import partial

from msgspec.structs import replace

from events.contract import catalog
from events.contract.quickbooks import CustomerCreated
from worker.commands.claimed import Claimed
from worker.commands.customers import customer_observed
from worker.commands.entities import Entity, reference
from worker.commands.kinds import by_name, marks
from worker.commands.kinds.kind import Create, Form, Names, Trace
from worker.quickbooks.queries import ACTIVE_OR_NOT

_NAME = "DisplayName"


def _created(command: Claimed, customer: Entity, adopted: bool) -> CustomerCreated:
    return CustomerCreated(
        account_id=catalog.key_of(command.key.subject),
        realm=command.realm,
        request_id=command.request_id,
        customer_id=customer["Id"],
        display_name=customer["DisplayName"],
        currency=reference(customer, "CurrencyRef"),
        adopted=adopted,
        customer=customer_observed(command.realm, customer),
    )


def _forms(trace: Trace) -> tuple[Form, ...]:
    """Query for the name; then, if it was sent, for all new customers: it may have been renamed or made inactive since."""
    (named,) = by_name.forms(_NAME, trace)
    if not trace.was_sent:
        return (named,)
    return (replace(named, tells_absence=False), by_name.recent(trace, ACTIVE_OR_NOT))


def _is_ours(command: Claimed, customer: Entity, _: Trace) -> bool:
    note = str(customer.get("Notes") or "")
    return marks.is_own(command, note) or marks.is_of_another_generation(command, note)


KIND = Create(
    name="create_customer",
    stream="account",
    event=catalog.CUSTOMER_CREATED,
    entity="Customer",
    fact=_created,
    forms=_forms,
    other_forms=partial(by_name.other_forms, _NAME),
    is_ours=_is_ours,
    names=Names(_NAME, ("Customer", "Vendor", "Employee")),
)
