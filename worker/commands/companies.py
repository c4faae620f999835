"""Changes of companies by dispatchers: rows are locked in one order, changed in memory, and written back together."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict, replace

from events import leases
from events.database import bulk
from worker.commands.table import realms

# A dispatcher that died holds its realms for so long, even without a command in flight.
REALM_HELD_SECONDS = 8
HELD = timedelta(seconds=REALM_HELD_SECONDS)


class CompanyRow(Struct, frozen=True):
    """The columns of a realm that a dispatcher may change.

    `gate` is the gate at which deals stand while QuickBooks refuses every request for the company. `waits_since` is
    when `not_before` was decided.
    """

    realm: str
    connected: bool
    not_before: datetime | None
    waits_since: datetime | None
    holder: str | None
    held_until: datetime | None
    refused_since: datetime | None
    gate: str | None
    gate_since: datetime | None


_COLUMNS = tuple(realms.c[name] for name in CompanyRow.__struct_fields__)


def lock(connection: sa.Connection, names: Collection[str]) -> dict[str, CompanyRow]:
    """Lock and return companies. All transactions lock them in the order of their workspaces, so that none deadlock."""
    keys = [(name,) for name in names]
    order = (realms.c.workspace, realms.c.realm)
    rows = bulk.lock(connection, _COLUMNS, (realms.c.realm,), keys, order)
    return {company.realm: company for company in (CompanyRow(*row) for row in rows)}


def change(
    connection: sa.Connection, before: Mapping[str, CompanyRow], after: Mapping[str, CompanyRow]
) -> None:
    """Update the companies that were changed."""
    changed = [asdict(company) for name, company in after.items() if company != before[name]]
    bulk.update(connection, realms, changed)


def kept(company: CompanyRow, holder: str, now: datetime) -> CompanyRow:
    """Return the company held by `holder` for some seconds, unless another dispatcher holds it already."""
    if company.holder not in {None, holder} and leases.is_active(company.held_until, HELD, now):
        return company
    return replace(company, holder=holder, held_until=now + HELD)
