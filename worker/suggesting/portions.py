"""Compare accounts with customers, a portion in a transaction, and append the suggestions that are new.

A portion either compares changed customers, and notes the accounts that they concern, or it compares accounts that are due.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog, json
from events.contract.envelope import Event, own_event
from events.contract.matching import MAPPING_SUGGESTED, MappingSuggested
from events.contract.quickbooks import CustomerObserved
from events.database import bulk
from events.log import log, subscriptions
from worker.matching import MATCHER_VERSION
from worker.suggesting.entries import Entry
from worker.suggesting.indexes import CompanyIndex, Indexes
from worker.suggesting.listening import (
    BEGINNING,
    CUSTOMER,
    NAME,
    MatchedCompany,
    change,
    companies,
    entries_of,
    put_entries,
)
from worker.suggesting.tables import suggesting_accounts, suggesting_companies, suggesting_customers
from worker.sync.tables import observed

SOURCE = "urn:coeffection:matching"
Rows = Sequence[tuple[str, str]]


class CompanyRows(Struct, frozen=True):
    """A company with its customers and accounts, each as ID and JSON."""

    company: MatchedCompany
    accounts: Rows
    customers: Rows

    @property
    def size(self) -> int:
        """The number of characters of the JSON."""
        return sum(len(data) for rows in (self.accounts, self.customers) for _, data in rows)


class Portion(Struct, frozen=True):
    """A portion: how many customers or accounts were compared, and the company as it is afterwards."""

    count: int
    company: MatchedCompany


_KEY = (observed.c.realm, observed.c.entity, observed.c.entity_id)
_DUE = suggesting_accounts.c.due
_WAITING = (
    sa.select(suggesting_companies.c.workspace)
    .where(suggesting_companies.c.connected, suggesting_companies.c.complete)
    .where(
        sa.or_(
            suggesting_companies.c.swept.is_not(None),
            suggesting_companies.c.matcher != MATCHER_VERSION,
            sa.exists().where(_DUE, suggesting_accounts.c.workspace == suggesting_companies.c.workspace),
            sa.exists().where(suggesting_customers.c.realm == suggesting_companies.c.realm),
        )
    )
    .order_by(suggesting_companies.c.workspace)
)


def workspaces(connection: sa.Connection) -> list[str]:
    """Return the workspaces with accounts or customers to compare."""
    return list(connection.scalars(_WAITING))


def matched(connection: sa.Connection, workspace: str) -> MatchedCompany | None:
    """Return a workspace's connected company; None if there is none, or its customers were not all read yet."""
    return next((each for each in companies(connection, workspace) if each.connected and each.complete), None)


def read(connection: sa.Connection, workspace: str) -> CompanyRows | None:
    """Read the customers and accounts of a workspace's company, in one snapshot; None if nothing is to be compared."""
    company = matched(connection, workspace)
    if company is None:
        return None
    accounts = sa.select(suggesting_accounts.c.account_id, suggesting_accounts.c.data)
    customers = sa.select(observed.c.entity_id, observed.c.content).where(
        observed.c.realm == company.realm, observed.c.entity == CUSTOMER, observed.c.fate == "present"
    )
    return CompanyRows(
        company,
        _pairs(connection, accounts.where(suggesting_accounts.c.workspace == workspace)),
        _pairs(connection, customers),
    )


def _pairs(connection: sa.Connection, statement: sa.Select[str, str]) -> Rows:
    return [(name, data) for name, data in connection.execute(statement)]


def index_of(rows: CompanyRows) -> CompanyIndex:
    """Return the index of a company. It takes a second for 20,000 customers."""
    index = CompanyIndex(rows.company)
    index.put_accounts({account_id: json.decode(data, Entry) for account_id, data in rows.accounts})
    index.put_customers((customer_id, _customer(content)) for customer_id, content in rows.customers)
    return index


def go_on(
    connection: sa.Connection, workspace: str, indexes: Indexes, limit: int, holder: str, now: datetime
) -> Portion | None:
    """Compare the next portion of a workspace, at most `limit` customers or accounts.

    Returns:
        The portion; None if another process leads, or the workspace's index has to be read first.
    """
    if subscriptions.lease(connection, NAME, holder, now) is None:
        return None
    company = matched(connection, workspace)
    index = indexes.of(company) if company is not None else None
    if company is None or index is None:
        return None
    if changed := _changed(connection, company, limit):
        _compare_customers(connection, index, changed)
        portion = Portion(len(changed), company)
    else:
        after, accounts = _due(connection, company, limit)
        _compare_accounts(connection, index, accounts, now)
        portion = Portion(len(accounts), after)
    after = replace(portion.company, turn=company.turn + 1)
    values = {"turn": after.turn, "matcher": after.matcher, "swept": after.swept}
    change(connection, workspace, company.realm, **values)
    return replace(portion, company=after)


def _changed(connection: sa.Connection, company: MatchedCompany, limit: int) -> Sequence[str]:
    statement = (
        sa.select(suggesting_customers.c.customer_id)
        .where(suggesting_customers.c.realm == company.realm)
        .order_by(suggesting_customers.c.customer_id)
        .limit(limit)
    )
    return connection.scalars(statement).all()


def _compare_customers(connection: sa.Connection, index: CompanyIndex, changed: Sequence[str]) -> None:
    """Read changed customers again, and note the accounts that they concern."""
    realm, workspace = index.company.realm, index.company.workspace
    columns = (observed.c.entity_id, observed.c.content, observed.c.fate)
    found = bulk.fetch(connection, columns, _KEY, [(realm, CUSTOMER, each) for each in changed])
    present = {entity_id: _customer(content) for entity_id, content, fate in found if fate == "present"}
    index.put_customers((customer_id, present.get(customer_id)) for customer_id in changed)
    concerned = sorted({account_id for customer_id in changed for account_id in index.concerned(customer_id)})
    put_entries(connection, workspace, entries_of(connection, workspace, concerned), due=True)
    where = (suggesting_customers.c.realm, suggesting_customers.c.customer_id)
    bulk.delete(connection, suggesting_customers, where, [(realm, each) for each in changed])


def _due(
    connection: sa.Connection, company: MatchedCompany, limit: int
) -> tuple[MatchedCompany, dict[str, Entry]]:
    """Return the next accounts to compare, and the company as it is after that."""
    if company.matcher != MATCHER_VERSION:
        company = replace(company, matcher=MATCHER_VERSION, swept=BEGINNING)
    here = suggesting_accounts.c.workspace == company.workspace
    if found := _page(connection, limit, here, _DUE):
        return company, found
    if company.swept is None:
        return company, {}
    found = _page(connection, limit, here, suggesting_accounts.c.account_id > company.swept)
    swept = max(found) if len(found) == limit else None
    return replace(company, swept=swept), found


def _page(connection: sa.Connection, limit: int, *where: sa.ColumnElement[bool]) -> dict[str, Entry]:
    statement = (
        sa.select(suggesting_accounts.c.account_id, suggesting_accounts.c.data)
        .where(*where)
        .order_by(suggesting_accounts.c.account_id)
        .limit(limit)
    )
    return {account_id: json.decode(data, Entry) for account_id, data in connection.execute(statement)}


def _compare_accounts(
    connection: sa.Connection, index: CompanyIndex, accounts: dict[str, Entry], now: datetime
) -> None:
    """Append the suggestions that are new, and store the accounts with them."""
    index.put_accounts(accounts)  # first, since the names of linked accounts are learned
    found = {account_id: index.suggestion(entry) for account_id, entry in accounts.items()}
    suggested = [each for _, each in sorted(found.items()) if each is not None]
    compared = {
        account_id: replace(entry, suggested=found[account_id] or entry.suggested)
        for account_id, entry in accounts.items()
    }
    log.append_own(connection, [_event(index.company.workspace, each, now) for each in suggested], now)
    put_entries(connection, index.company.workspace, compared, due=False)
    index.put_accounts(compared)


def _event(workspace: str, suggested: MappingSuggested, now: datetime) -> Event:
    """Make the event of a suggestion. Its identity is the account's, with the number of the suggestion."""
    return own_event(
        MAPPING_SUGGESTED,
        suggested,
        workspace=workspace,
        source=SOURCE,
        time=now,
        id=f"{suggested.account_id}/{suggested.number}",
    )


def _customer(content: str) -> CustomerObserved:
    customer: CustomerObserved = catalog.payload(catalog.CUSTOMER_OBSERVED, content)
    return customer
