"""Compare accounts with their customers at rest: both sides agree, or a conflict, a refusal or an offer says where not."""

from collections.abc import Iterator

import sqlalchemy as sa

from events.contract import catalog, in_step
from events.contract.in_step import AccountCustomerChanged, FieldSettlement, FieldValue
from events.log.tables import log
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import owner_of
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.in_step.meaning import same
from worker.quote_to_cash.in_step.state import Pair
from worker.quote_to_cash.in_step.values import FIELDS, crm_value, fitted, quickbooks_value
from worker.quote_to_cash.readings.state import Customer
from worker.quote_to_cash.store import StateStore, process_state
from worker.workspaces.kinds import BOTH, OFF
from worker.workspaces.settings import rule_of

# Writes for each edit: its own, one that comes too late or is decided anew, and one for each of two fields that are sent alone.
WRITES_MAX = 4


def violations(connection: sa.Connection, workspace: str, edits: int) -> Iterator[str]:
    """Yield the fields on which the sides differ without a reason, and whether they write more than people edit."""
    store = StateStore(connection, workspace)
    state = store.get(WorkspaceState)
    writes = list(connection.scalars(_writes(workspace)))
    if len(writes) > WRITES_MAX * edits:
        yield f"I11: {workspace}: {len(writes)} writes to both sides for {edits} edits"
    yield from (f"I11: {workspace}/{problem}" for problem in _overwritten(connection, workspace))
    if state.settings.customer_sync == OFF or state.settings.paused or not state.is_connected:
        return
    told = list(_told(connection, workspace))
    of_customers = f"customer/{state.realm}/"
    streams = sa.select(process_state.c.stream).where(
        process_state.c.workspace == workspace,
        process_state.c.stream.startswith(of_customers, autoescape=True),
    )
    for stream in sorted(connection.scalars(streams)):
        key = catalog.key_of(stream)
        yield from (f"I11: {workspace}/{problem}" for problem in _differences(store, key, told))


def _overwritten(connection: sa.Connection, workspace: str) -> Iterator[str]:
    """Yield the updates that QuickBooks applied to another version than the one by which they were decided."""
    kinds = (in_step.CUSTOMER_UPDATE_COMMANDED, catalog.CUSTOMER_UPDATED)
    statement = sa.select(log.c.type, log.c.data).where(log.c.workspace == workspace, log.c.type.in_(kinds))
    decided: dict[str, int] = {}
    for kind, data in connection.execute(statement.order_by(log.c.position)):
        fact = catalog.payload(kind, data)
        if kind == in_step.CUSTOMER_UPDATE_COMMANDED:
            decided[fact.request_id] = fact.sync_token
        # One that was found applied may have been edited since.
        elif not fact.adopted and fact.customer.sync_token != decided[fact.request_id] + 1:
            seen, made = decided[fact.request_id], fact.customer.sync_token
            yield f"customer {fact.customer_id}: an update of version {seen} made version {made}, over unseen edits"


def _differences(store: StateStore, key: str, told: list[AccountCustomerChanged]) -> Iterator[str]:
    customer, owner = store.get(Customer, key), owner_of(store, key)
    seen = customer.observed
    account = store.get(Account, owner).latest if owner else None
    if (
        owner is None
        or account is None
        or seen is None
        or customer.merged is not None
        or customer.reading.is_open
    ):
        return
    if not (seen.exists and seen.active):
        return
    pair = store.get(Pair, key)
    settings = store.get(WorkspaceState).settings
    for field in FIELDS:
        crm, quickbooks = crm_value(account, field), quickbooks_value(seen, field)
        settled = pair.fields.get(field) if pair.account_id == owner else None
        rule = rule_of(settings, field)
        # An account that was created from "Acme (EUR)" has the customer's whole name; the currency is no difference.
        is_same = same(field, crm, quickbooks) or fitted(account, field, seen).value == quickbooks
        problem = _problem(settled, crm, quickbooks, rule, settings.customer_sync, is_same=is_same)
        if problem is None and settled is not None and settled.state == "to_crm":
            said = (
                each.fields
                for each in told
                if (each.account_id, each.customer_id) == (owner, seen.customer_id)
            )
            is_told = any(field in fields and fields[field] == quickbooks for fields in said)
            problem = None if is_told else "it waits for the CRM, which was not told"
        if problem is not None:
            yield f"{owner}: {field} is {crm!r} and {quickbooks!r} of customer {key}, by {rule}: {problem}"


def _problem(
    settled: FieldSettlement | None,
    crm: FieldValue,
    quickbooks: FieldValue,
    rule: str,
    way: str,
    *,
    is_same: bool,
) -> str | None:
    """Return why a field may not be as it is; None if both values agree, or it says why they do not."""
    if settled is None:
        return None if is_same else "it was never settled"
    if (settled.values.crm, settled.values.quickbooks) != (crm, quickbooks):
        return f"it was settled as {settled.values}"
    # A side whose value always holds, and that never had one, empties none.
    has_none = (rule == "crm" and crm is None) or (rule == "quickbooks" and quickbooks is None)
    wrong = {
        "agreed": not is_same and not has_none,
        "off": way == BOTH,
        "to_quickbooks": True,
        "to_crm": is_same,
        "conflict": is_same,
        "refused": False,  # also of another spelling of the same name
    }
    return f"its state is {settled.state}" if wrong[settled.state] else None


def _writes(workspace: str) -> sa.Select[tuple[str]]:
    kinds = (in_step.CUSTOMER_UPDATE_COMMANDED, in_step.ACCOUNT_CUSTOMER_CHANGED)
    return sa.select(log.c.id).where(log.c.workspace == workspace, log.c.type.in_(kinds))


def _told(connection: sa.Connection, workspace: str) -> Iterator[AccountCustomerChanged]:
    statement = sa.select(log.c.data).where(
        log.c.workspace == workspace, log.c.type == in_step.ACCOUNT_CUSTOMER_CHANGED
    )
    for data in connection.scalars(statement):
        yield catalog.payload(in_step.ACCOUNT_CUSTOMER_CHANGED, data)
