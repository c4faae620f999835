"""Listen for accounts, products, decisions of people, changed customers and items, as a subscription; note what is due."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog, json
from events.contract.envelope import Event, Recorded
from events.contract.unmatched import OFFERING_CHANGED
from events.database import bulk
from events.log.subscriptions import Subscription
from worker.matching import MATCHER_VERSION
from worker.suggesting.entries import Entry, with_former
from worker.suggesting.kinds import ACCOUNTS, BY_ENTITY, KINDS, PRODUCTS, kind_of
from worker.suggesting.tables import (
    suggesting_changed,
    suggesting_companies,
    suggesting_sought,
    suggesting_unowned,
)
from worker.sync.observing import SOURCE as OBSERVED_BY
from worker.sync.tables import observed

NAME = "matching"
BEGINNING = ""  # before the first stream
_COMPARED_AGAIN = {"first", "full"}
_ENTRY = (suggesting_sought.c.workspace, suggesting_sought.c.stream)
_OBSERVED = {kind.observed: kind for kind in KINDS.values()}
_TELLING = frozenset({catalog.DEAL_UPDATED, *(each for kind in KINDS.values() for each in kind.folds)})
# A mapping without a company is one of the connected company.
_OF_CONNECTED = frozenset({catalog.ACCOUNT_MAPPED, catalog.PRODUCT_MAPPED})


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
    offering: int | None = None


class Told(Struct, frozen=True):
    """An event of an account or a product; of a deal, its payload is the line of the quote."""

    workspace: str
    stream: str
    event_type: str
    payload: Any


_COMPANY = tuple(suggesting_companies.c[name] for name in MatchedCompany.__struct_fields__)


def handle(connection: sa.Connection, batch: Sequence[Recorded], _now: datetime) -> None:
    """Keep the tables in step with a batch of events."""
    events = [recorded.event for recorded in batch]
    heard: list[Told] = []
    for event in events:
        _hear_of_company(connection, event)
        if event.type in _TELLING:
            heard += told(connection, event)
    _hear_of_sought(connection, heard)
    _hear_of_objects(connection, [event for event in events if event.source == OBSERVED_BY])


def entries_of(connection: sa.Connection, workspace: str, streams: Sequence[str]) -> dict[str, Entry]:
    """Return accounts and products by their streams; unknown ones are missing."""
    columns = (suggesting_sought.c.stream, suggesting_sought.c.data)
    found = bulk.fetch(connection, columns, _ENTRY, [(workspace, each) for each in streams])
    return {stream: entry_of(stream, data) for stream, data in found}


def entry_of(stream: str, data: str) -> Entry:
    """Return an account or a product from its JSON."""
    return json.decode(data, kind_of(stream).entry)


def put_entries(connection: sa.Connection, workspace: str, entries: dict[str, Entry], *, due: bool) -> None:
    """Store accounts and products."""
    rows = [
        {"workspace": workspace, "stream": stream, "data": json.encode(entry), "due": due}
        for stream, entry in sorted(entries.items())
    ]
    bulk.upsert(connection, suggesting_sought, rows)


def companies(connection: sa.Connection, workspace: str) -> list[MatchedCompany]:
    """Return the companies that a workspace is or was connected to."""
    rows = connection.execute(sa.select(*_COMPANY).where(suggesting_companies.c.workspace == workspace))
    return [MatchedCompany(*row) for row in rows]


def change(connection: sa.Connection, workspace: str, realm: str, **values: Any) -> None:
    """Change columns of a company."""
    this = (suggesting_companies.c.workspace == workspace, suggesting_companies.c.realm == realm)
    connection.execute(suggesting_companies.update().where(*this).values(**values))


def told(connection: sa.Connection, event: Event) -> Iterable[Told]:
    """Yield what an event tells of accounts and products."""
    payload = event.payload
    if event.type == catalog.DEAL_UPDATED:
        for line in payload.quote.lines if payload.quote else ():
            yield Told(event.workspace, f"{PRODUCTS.name}/{line.product_id}", event.type, line)
        return
    kind = KINDS.get(event.stream.partition("/")[0])
    if kind is None or event.type not in kind.folds:
        return
    if event.type in _OF_CONNECTED and payload.realm is None:
        known = companies(connection, event.workspace)
        payload = replace(payload, realm=next((each.realm for each in known if each.connected), None))
    yield Told(event.workspace, event.stream, event.type, payload)


def _hear_of_sought(connection: sa.Connection, heard: Sequence[Told]) -> None:
    for workspace in sorted({each.workspace for each in heard}):
        here = [each for each in heard if each.workspace == workspace]
        before = entries_of(connection, workspace, sorted({each.stream for each in here}))
        after = dict(before)
        for each in here:
            kind = kind_of(each.stream)
            entry = after.get(each.stream) or kind.entry()
            after[each.stream] = with_former(entry, kind.folds[each.event_type](entry, each.payload))
        changed = {stream: entry for stream, entry in after.items() if entry != before.get(stream)}
        put_entries(connection, workspace, changed, due=True)


def _hear_of_company(connection: sa.Connection, event: Event) -> None:
    if event.type == catalog.CONNECTION_AUTHORIZED:
        _connect(connection, event.workspace, event.payload.realm)
    elif event.type == catalog.SYNC_BEGAN and event.payload.mode == "first":
        change(connection, event.workspace, event.payload.realm, complete=False)
    elif event.type == catalog.SYNC_COMPLETED and event.payload.mode in _COMPARED_AGAIN:
        # With a new turn, every process reads the objects anew: their changes were not noted before.
        turn = suggesting_companies.c.turn + 1
        change(connection, event.workspace, event.payload.realm, complete=True, swept=BEGINNING, turn=turn)
        _queue_all(connection, event.workspace, event.payload.realm)
    elif event.type == OFFERING_CHANGED:
        number = event.payload.number if event.payload.offered else None
        # With a new turn, every process indexes the accounts that are needed now.
        turn = suggesting_companies.c.turn + 1
        change(connection, event.workspace, event.payload.realm, offering=number, turn=turn)
        _queue_all(connection, event.workspace, event.payload.realm)


def _queue_all(connection: sa.Connection, workspace: str, realm: str) -> None:
    """Note every customer to be compared with all accounts, if customers are offered and were all read; else, none."""
    connection.execute(suggesting_unowned.delete().where(suggesting_unowned.c.realm == realm))
    company = next((each for each in companies(connection, workspace) if each.realm == realm), None)
    if company is None or company.offering is None or not company.complete:
        return
    customers = sa.select(observed.c.realm, observed.c.entity_id, sa.literal(workspace)).where(
        observed.c.realm == realm, observed.c.entity == ACCOUNTS.entity, observed.c.fate == "present"
    )
    names = ("realm", "customer_id", "workspace")
    connection.execute(suggesting_unowned.insert().from_select(names, customers))


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


def _hear_of_objects(connection: sa.Connection, events: Sequence[Event]) -> None:
    """Note the changed customers and items of companies whose first reading is complete; it compares all others."""
    found = dict.fromkeys(filter(None, map(object_of, events)))
    complete = {
        (company.workspace, company.realm)
        for workspace in sorted({each[0] for each in found})
        for company in companies(connection, workspace)
        if company.complete
    }
    rows = {
        (realm, entity, entity_id): {
            "realm": realm,
            "entity": entity,
            "entity_id": entity_id,
            "workspace": workspace,
        }
        for workspace, realm, entity, entity_id in sorted(found)
        if (workspace, realm) in complete
    }
    bulk.upsert(connection, suggesting_changed, list(rows.values()))


def object_of(event: Event) -> tuple[str, str, str, str] | None:
    """Return the workspace, company, entity and ID of a customer or an item that an event is about."""
    payload = event.payload
    if event.type in _OBSERVED:
        return event.workspace, payload.realm, _OBSERVED[event.type].entity, event.stream.split("/", 2)[2]
    if event.type == catalog.OBJECT_UNREADABLE and payload.entity in BY_ENTITY:
        return event.workspace, payload.realm, payload.entity, payload.entity_id
    return None


SUBSCRIPTION = Subscription(NAME, handle)
