"""Companies as dispatchers change them: locked in one order, changed in memory, written back together."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict, replace

from events import leases
from events.database import bulk
from worker.commands.table import realms

# A dispatcher that died holds its realms for so long, whatever it left in flight.
REALM_HELD_SECONDS = 8
HELD = timedelta(seconds=REALM_HELD_SECONDS)


class CompanyRow(Struct, frozen=True):
    """What a dispatcher may change of a realm.

    `gate` is what deals stand at while QuickBooks refuses all of it; `waits_since` is when `not_before` was decided.
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
    """Read companies and hold them, workspace by workspace as everybody does, so that nobody deadlocks."""
    keys = [(name,) for name in names]
    order = (realms.c.workspace, realms.c.realm)
    rows = bulk.lock(connection, _COLUMNS, (realms.c.realm,), keys, order)
    return {company.realm: company for company in (CompanyRow(*row) for row in rows)}


def change(
    connection: sa.Connection, before: Mapping[str, CompanyRow], after: Mapping[str, CompanyRow]
) -> None:
    """Write those companies that were changed."""
    changed = [asdict(company) for name, company in after.items() if company != before[name]]
    bulk.update(connection, realms, changed)


def kept(company: CompanyRow, holder: str, now: datetime) -> CompanyRow:
    """Hold a company, so that no other dispatcher claims from it for some seconds; another's stays theirs."""
    if company.holder not in {None, holder} and leases.is_active(company.held_until, HELD, now):
        return company
    return replace(company, holder=holder, held_until=now + HELD)
