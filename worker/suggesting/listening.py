"""Listen for accounts, decisions of people, and changed customers, as a subscription of the log; note what is due."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog, json
from events.contract.envelope import Event, Recorded
from events.database import bulk
from events.log.subscriptions import Subscription
from worker.matching import MATCHER_VERSION
from worker.suggesting.entries import FOLDS, Entry, folded
from worker.suggesting.tables import suggesting_accounts, suggesting_companies, suggesting_customers
from worker.sync.observing import SOURCE as OBSERVED_BY

NAME = "matching"
CUSTOMER = "Customer"
BEGINNING = ""  # before the first account
_COMPARED_AGAIN = {"first", "full"}
_ENTRY = (suggesting_accounts.c.workspace, suggesting_accounts.c.account_id)


class MatchedCompany(Struct, frozen=True):
    """The columns of a company."""

    workspace: str
    realm: str
    is_first: bool
    connected: bool
    complete: bool
    turn: int
    matcher: int
    swept: str | None


class Told(Struct, frozen=True):
    """An event of an account."""

    workspace: str
    account_id: str
    event_type: str
    payload: Any


_COMPANY = tuple(suggesting_companies.c[name] for name in MatchedCompany.__struct_fields__)


def handle(connection: sa.Connection, batch: Sequence[Recorded], _now: datetime) -> None:
    """Keep the tables in step with a batch of events."""
    events = [recorded.event for recorded in batch]
    told: list[Told] = []
    for event in events:
        _hear_of_company(connection, event)
        if event.type in FOLDS and event.stream.startswith("account/"):
            told.append(_told(connection, event))
    _hear_of_accounts(connection, told)
    _hear_of_customers(connection, [event for event in events if event.source == OBSERVED_BY])


def entries_of(connection: sa.Connection, workspace: str, account_ids: Sequence[str]) -> dict[str, Entry]:
    """Return accounts by their IDs; unknown ones are missing."""
    columns = (suggesting_accounts.c.account_id, suggesting_accounts.c.data)
    found = bulk.fetch(connection, columns, _ENTRY, [(workspace, each) for each in account_ids])
    return {account_id: json.decode(data, Entry) for account_id, data in found}


def put_entries(connection: sa.Connection, workspace: str, entries: dict[str, Entry], *, due: bool) -> None:
    """Store accounts."""
    rows = [
        {"workspace": workspace, "account_id": account_id, "data": json.encode(entry), "due": due}
        for account_id, entry in sorted(entries.items())
    ]
    bulk.upsert(connection, suggesting_accounts, rows)


def companies(connection: sa.Connection, workspace: str) -> list[MatchedCompany]:
    """Return the companies that a workspace is or was connected to."""
    rows = connection.execute(sa.select(*_COMPANY).where(suggesting_companies.c.workspace == workspace))
    return [MatchedCompany(*row) for row in rows]


def change(connection: sa.Connection, workspace: str, realm: str, **values: Any) -> None:
    """Change columns of a company."""
    this = (suggesting_companies.c.workspace == workspace, suggesting_companies.c.realm == realm)
    connection.execute(suggesting_companies.update().where(*this).values(**values))


def _told(connection: sa.Connection, event: Event) -> Told:
    """Return an event of an account; a mapping without a company is one of the connected company."""
    payload = event.payload
    if event.type == catalog.ACCOUNT_MAPPED and payload.realm is None:
        known = companies(connection, event.workspace)
        payload = replace(payload, realm=next((each.realm for each in known if each.connected), None))
    return Told(event.workspace, catalog.key_of(event.stream), event.type, payload)


def _hear_of_accounts(connection: sa.Connection, told: Sequence[Told]) -> None:
    for workspace in sorted({each.workspace for each in told}):
        here = [each for each in told if each.workspace == workspace]
        before = entries_of(connection, workspace, sorted({each.account_id for each in here}))
        after = dict(before)
        for each in here:
            known = after.get(each.account_id, Entry())
            after[each.account_id] = folded(known, each.event_type, each.payload)
        changed = {name: entry for name, entry in after.items() if entry != before.get(name)}
        put_entries(connection, workspace, changed, due=True)


def _hear_of_company(connection: sa.Connection, event: Event) -> None:
    if event.type == catalog.CONNECTION_AUTHORIZED:
        _connect(connection, event.workspace, event.payload.realm)
    elif event.type == catalog.SYNC_BEGAN and event.payload.mode == "first":
        change(connection, event.workspace, event.payload.realm, complete=False)
    elif event.type == catalog.SYNC_COMPLETED and event.payload.mode in _COMPARED_AGAIN:
        # With a new turn, every process reads the customers anew: their changes were not noted before.
        turn = suggesting_companies.c.turn + 1
        change(connection, event.workspace, event.payload.realm, complete=True, swept=BEGINNING, turn=turn)


def _connect(connection: sa.Connection, workspace: str, realm: str) -> None:
    known = companies(connection, workspace)
    if all(company.realm != realm for company in known):
        added = MatchedCompany(
            workspace,
            realm,
            not known,
            connected=True,
            complete=False,
            turn=0,
            matcher=MATCHER_VERSION,
            swept=None,
        )
        bulk.insert(connection, suggesting_companies, [_row(added)])
    for company in known:
        is_it = company.realm == realm
        change(connection, workspace, company.realm, connected=is_it, swept=BEGINNING if is_it else None)


def _row(company: MatchedCompany) -> dict[str, Any]:
    return {name: getattr(company, name) for name in MatchedCompany.__struct_fields__}


def _hear_of_customers(connection: sa.Connection, events: Sequence[Event]) -> None:
    """Note the changed customers of companies whose first reading is complete; it compares all others."""
    found = dict.fromkeys(filter(None, map(_customer, events)))
    complete = {
        (company.workspace, company.realm)
        for workspace in sorted({workspace for workspace, _, _ in found})
        for company in companies(connection, workspace)
        if company.complete
    }
    rows = [
        {"workspace": workspace, "realm": realm, "customer_id": customer_id}
        for workspace, realm, customer_id in sorted(found)
        if (workspace, realm) in complete
    ]
    unique = {(row["realm"], row["customer_id"]): row for row in rows}
    bulk.upsert(connection, suggesting_customers, list(unique.values()))


def _customer(event: Event) -> tuple[str, str, str] | None:
    payload = event.payload
    if event.type == catalog.CUSTOMER_OBSERVED:
        return event.workspace, payload.realm, payload.customer_id
    if event.type == catalog.OBJECT_UNREADABLE and payload.entity == CUSTOMER:
        return event.workspace, payload.realm, payload.entity_id
    return None


SUBSCRIPTION = Subscription(NAME, handle)
