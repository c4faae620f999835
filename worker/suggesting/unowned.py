"""Customers that may belong to no account: while they are offered to the CRM, find those that no account is like.

They are compared once nothing else is due, so that every account and customer of the tables is known; and nothing is said
while the log has something about an account or a customer that the subscription has not heard.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from events.contract import catalog
from events.contract.envelope import Event, own_event
from events.contract.matching import MappingSuggested
from events.contract.unmatched import CUSTOMER_UNMATCHED, CustomerUnmatched
from events.database import bulk
from events.log import log
from worker.suggesting.entries import Answer, Entry
from worker.suggesting.indexes import CompanyIndex
from worker.suggesting.kinds import ACCOUNTS
from worker.suggesting.listening import MatchedCompany
from worker.suggesting.tables import suggesting_unowned
from worker.suggesting.unheard import unheard
from worker.sync.tables import observed

SOURCE = "urn:coeffection:matching:customers"
CUSTOMER = ACCOUNTS.entity
_KEY = (suggesting_unowned.c.realm, suggesting_unowned.c.customer_id)
_OBSERVED = (observed.c.realm, observed.c.entity, observed.c.entity_id)


def queue(connection: sa.Connection, company: MatchedCompany, customer_ids: Iterable[str]) -> None:
    """Note customers to be compared, if customers are offered."""
    if company.offering is not None:
        rows = [
            {"realm": company.realm, "customer_id": customer_id, "workspace": company.workspace}
            for customer_id in sorted(set(customer_ids))
        ]
        bulk.upsert(connection, suggesting_unowned, rows)


def let_go(sought: dict[str, Entry], found: Mapping[str, Answer | None]) -> Iterable[str]:
    """Yield the customers that were suggested for accounts, for which there is another suggestion now."""
    for stream, entry in sought.items():
        before = entry.suggested
        if isinstance(before, MappingSuggested) and before.best is not None and found[stream] is not None:
            yield before.best.customer_id


def compare(
    connection: sa.Connection, company: MatchedCompany, index: CompanyIndex, limit: int, now: datetime
) -> int:
    """Compare the next customers, and append which ones no account is like; return how many were compared."""
    statement = sa.select(suggesting_unowned.c.customer_id).where(suggesting_unowned.c.realm == company.realm)
    waiting = connection.scalars(statement.order_by(suggesting_unowned.c.customer_id).limit(limit)).all()
    alone = [each for each in waiting if company.offering is not None and index.is_alone(each)]
    if alone:
        new = unheard(connection, company.workspace)
        if not new.knows_all(ACCOUNTS) or any(map(ACCOUNTS.has, new.sought)):
            return 0
        log.append_own(connection, _events(connection, company, alone, now), now)
    bulk.delete(connection, suggesting_unowned, _KEY, [(company.realm, each) for each in waiting])
    return len(waiting)


def _events(
    connection: sa.Connection, company: MatchedCompany, alone: Sequence[str], now: datetime
) -> list[Event]:
    """Return the events of customers, except those that the log has since customers are offered."""
    keys = [(company.realm, CUSTOMER, customer_id) for customer_id in alone]
    columns = (observed.c.entity_id, observed.c.content)
    found = dict(map(tuple, bulk.fetch(connection, columns, _OBSERVED, keys)))
    made = [_event(company, each, found[each], now) for each in sorted(found)]
    return [event for event in made if not log.named(connection, company.workspace, event.stream, [event.id])]


def _event(company: MatchedCompany, customer_id: str, content: str, now: datetime) -> Event:
    """Make the event of a customer. Its identity is the customer's, with the number of the fact that began the offering."""
    customer = catalog.payload(catalog.CUSTOMER_OBSERVED, content)
    return own_event(
        CUSTOMER_UNMATCHED,
        CustomerUnmatched(company.realm, customer_id, customer),
        workspace=company.workspace,
        source=SOURCE,
        time=now,
        id=f"{company.realm}/{customer_id}/{company.offering}",
    )
