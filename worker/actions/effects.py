"""The writes that a change of settings would cause at once on each side, counted by the rules themselves; nothing is recorded.

The process manager decides about the change on a copy of its state. A reading that it requests is answered by what sync observed
last. Customers that would be offered to the CRM are compared as the matcher does it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog, in_step
from events.contract.administration import SettingsChanged
from events.contract.envelope import Event, own_event
from events.contract.unmatched import COMPARISON_REQUESTED, OFFERING_CHANGED
from events.contract.values import Fact
from events.database import bulk
from worker.actions.admin import SOURCE, Admin
from worker.actions.recording import newest
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.offers import may_be_offered
from worker.quote_to_cash.decide import Decision, decide, read_of, reconsider
from worker.quote_to_cash.store import StateStore, process_waits
from worker.quote_to_cash.view import WORKSPACE
from worker.runtime.aside import aside
from worker.suggesting import portions
from worker.suggesting.indexes import CompanyIndex
from worker.suggesting.portions import CompanyRows
from worker.suggesting.unowned import CUSTOMER
from worker.sync.tables import observed
from worker.workspaces.kinds import FIELD_RULE
from worker.workspaces.settings import SETTINGS, Settings, checked

PAGE_STREAMS = 500
# More customers than these are not compared, but a part of them, evenly chosen: each takes a millisecond.
COMPARED_MAX = 2000
ROUNDS_MAX = 3  # a reading that is answered may lead to another one
_ID = "effects"
# The settings whose change may cause such writes.
SYNC_SETTINGS = frozenset(
    {
        "customer_sync",
        "unmapped_account",
        "unmapped_customer",
        *(setting.name for setting in SETTINGS if setting.kind is FIELD_RULE),
    }
)
_OBSERVED = (observed.c.realm, observed.c.entity, observed.c.entity_id)


class Effects(Struct, frozen=True):
    """The writes that a change of settings would cause at once.

    Attributes:
        customers_created: The customers that would be created in QuickBooks.
        customers_updated: The customers that would be updated in QuickBooks.
        accounts_offered: The customers that would be offered to the CRM as accounts; none if the customers are not all read yet.
        accounts_updated: The accounts of which the CRM would be told other values.
        is_estimate: Whether `accounts_offered` is estimated, from a part of the customers.
        notes: Sentences about settings that take no effect yet.
    """

    customers_created: int = 0
    customers_updated: int = 0
    accounts_offered: int | None = 0
    accounts_updated: int = 0
    is_estimate: bool = False
    notes: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """A sentence for people."""
        offered = "an unknown number of" if self.accounts_offered is None else str(self.accounts_offered)
        about = "about " if self.is_estimate else ""
        counted = (
            f"In QuickBooks, {self.customers_created} customers are created and {self.customers_updated} updated; the CRM is"
            f" offered {about}{offered} accounts, and told changes of {self.accounts_updated}."
        )
        return " ".join((counted, *self.notes))

    @property
    def is_nothing(self) -> bool:
        """Whether nothing would be written."""
        return replace(self, notes=()) == Effects()


async def effects_of(admin: Admin, changes: Mapping[str, str]) -> Effects:
    """Count the writes that a change of settings would cause at once.

    Raises:
        SettingInvalid: A setting does not exist, or its value is invalid.
    """
    change = SettingsChanged({name: checked(name, value) for name, value in changes.items()}, admin.by)
    found, offering = await admin.database.read(_decided, admin, change)
    if not offering:
        return found
    rows = await admin.database.read(portions.read, admin.workspace)
    if rows is None:
        return replace(found, accounts_offered=None)
    alone, compared, of = await aside(rows.size, lambda: _alone(rows))
    free = await admin.database.read(_free, admin.workspace, rows.company.realm, alone)
    offered = round(free * of / compared) if compared else 0
    return replace(found, accounts_offered=offered, is_estimate=compared < of)


def _decided(connection: sa.Connection, admin: Admin, change: SettingsChanged) -> tuple[Effects, bool]:
    """Decide about a change on a copy of the state; return the effects, and whether customers would be offered from then on."""
    view = newest(connection, admin.workspace)
    cause = _event(admin, catalog.SETTINGS_CHANGED, change)
    events = list(_with_waiting(connection, view, cause, decide(view, cause)))
    answered = events
    for _ in range(ROUNDS_MAX):
        readings = [each for each in answered if each.type == catalog.READ_COMMANDED]
        answered = []
        for seen in _answers(connection, admin, readings):
            answered += _with_waiting(connection, view, seen, decide(view, seen))
        events += answered
    offering = [each.payload.offered for each in events if each.type == OFFERING_CHANGED]
    effects = Effects(
        customers_created=len(_streams(events, COMPARISON_REQUESTED)),
        customers_updated=len(_customers(events)),
        accounts_updated=len(_streams(events, in_step.ACCOUNT_CUSTOMER_CHANGED)),
        notes=tuple(_notes(view.get(WorkspaceState).settings)),
    )
    return effects, offering[-1:] == [True]


def _notes(settings: Settings) -> Iterator[str]:
    """Yield a sentence about each setting that takes no effect, since `customer_sync` does not let a side be written to."""
    if settings.unmapped_account != settings.unmapped_account_rule:
        yield "unmapped_account takes effect once customer_sync is to_quickbooks or both."
    if settings.unmapped_customer != settings.unmapped_customer_rule:
        yield "unmapped_customer takes effect once customer_sync is to_crm or both."


def _with_waiting(
    connection: sa.Connection, view: StateStore, cause: Event, decision: Decision
) -> Iterator[Event]:
    """Yield the events of a decision, and those about the streams that wait on a change and are too many to decide at once."""
    yield from decision.events
    for key in decision.many_wait_on:
        for streams in _pages(connection, view.workspace_name, key):
            named = [WORKSPACE, *streams]
            view.preload(named)
            for more in read_of(view, named):
                view.preload(sorted(more))
            yield from reconsider(view, cause, key, streams).events


def _pages(connection: sa.Connection, workspace: str, key: str) -> Iterator[Sequence[str]]:
    """Yield the streams that wait on a key, deals last."""
    statement = sa.select(process_waits.c.stream).where(
        process_waits.c.workspace == workspace, process_waits.c.key == key
    )
    found = sorted(connection.scalars(statement), key=lambda each: (each.startswith("deal/"), each))
    for start in range(0, len(found), PAGE_STREAMS):
        yield found[start : start + PAGE_STREAMS]


def _answers(connection: sa.Connection, admin: Admin, readings: Iterable[Event]) -> Iterator[Event]:
    """Yield the answers to commanded readings of customers, as sync observed them last."""
    wanted = {each.payload.subject: each.payload for each in readings if each.payload.kind == "read_customer"}
    keys = [
        (reading.realm, CUSTOMER, catalog.key_of(subject).partition("/")[2])
        for subject, reading in wanted.items()
    ]
    columns = (observed.c.realm, observed.c.entity_id, observed.c.content, observed.c.fate)
    for realm, customer_id, content, fate in bulk.fetch(connection, columns, _OBSERVED, keys):
        if fate == "present":
            seen = catalog.payload(catalog.CUSTOMER_OBSERVED, content)
            reading = wanted[catalog.customer_stream(realm, customer_id)].reading
            yield _event(admin, catalog.CUSTOMER_OBSERVED, replace(seen, reading=reading))


def _event(admin: Admin, event_type: str, fact: Fact) -> Event:
    return own_event(
        event_type, fact, workspace=admin.workspace, source=SOURCE, time=admin.clock.now(), id=_ID
    )


def _streams(events: Iterable[Event], event_type: str) -> set[str]:
    return {each.stream for each in events if each.type == event_type}


def _customers(events: Iterable[Event]) -> set[tuple[str, str]]:
    return {
        (each.payload.realm, each.payload.customer_id)
        for each in events
        if each.type == in_step.CUSTOMER_UPDATE_COMMANDED
    }


def _alone(rows: CompanyRows) -> tuple[list[str], int, int]:
    """Return the customers that no account is like, how many were compared, and how many there are."""
    company = replace(rows.company, offering=0)
    index: CompanyIndex = portions.index_of(replace(rows, company=company))
    customers = sorted(entity_id for entity, entity_id, _ in rows.objects if entity == CUSTOMER)
    step = max(1, -(-len(customers) // COMPARED_MAX))
    chosen = customers[::step]
    return [each for each in chosen if index.is_alone(each)], len(chosen), len(customers)


def _free(connection: sa.Connection, workspace: str, realm: str, customer_ids: Sequence[str]) -> int:
    """Return how many of these customers may be offered: those that were not offered before, and are no account's."""
    view = StateStore(connection, workspace)
    if view.get(WorkspaceState).realm != realm:
        return 0
    view.preload([catalog.customer_stream(realm, each) for each in customer_ids])
    return sum(may_be_offered(view, realm, each) for each in customer_ids)
