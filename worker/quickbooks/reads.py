"""Reads of QuickBooks by realm and calendar month (UTC), and how sparing to be with the rest of the month's budget.

Intuit meters an app's reads ("CorePlus" calls): 500,000 a calendar month in its free tier; beyond them QuickBooks answers
429 until the month ends (blogs.intuit.com/2026/01/08, developer.intuit.com's page on limits). Writes, OAuth and webhooks
are not metered. Each query of a batch is metered like a request (Intuit's SampleApp-Batch-Java).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa

from events.database import bulk
from events.log.tables import metadata

# A read is needed if a write or a person waits for it, such as a look-up; a bulk read is synchronization.
Purpose = Literal["needed", "bulk"]
# Plenty: read as usual. Frugal: poll more rarely, and put off reading everything again. Spent: only needed reads.
Supply = Literal["plenty", "frugal", "spent"]

FRUGAL_SHARE = 0.80
SPENT_SHARE = 0.97
DECEMBER = 12

quickbooks_reads = sa.Table(
    "quickbooks_reads",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),  # such as 2026-05
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("reads", sa.BigInteger, nullable=False),
)


def month_of(now: datetime) -> str:
    """Return the calendar month in UTC, such as 2026-05."""
    return f"{now.astimezone(UTC):%Y-%m}"


def next_month(now: datetime) -> datetime:
    """Return the first instant of the next calendar month in UTC."""
    instant = now.astimezone(UTC)
    year, month = (instant.year + 1, 1) if instant.month == DECEMBER else (instant.year, instant.month + 1)
    return datetime(year, month, 1, tzinfo=UTC)


def supply(reads: int, budget: int) -> Supply:
    """Decide how sparing to be, by the month's reads of all companies and the app's budget of them."""
    if reads >= SPENT_SHARE * budget:
        return "spent"
    return "frugal" if reads >= FRUGAL_SHARE * budget else "plenty"


def reads_of_month(connection: sa.Connection, realm: str | None, now: datetime) -> int:
    """Return the reads of a realm in the month of `now`, or of all realms together.

    Reads of the last second may be missing.
    """
    statement = sa.select(sa.func.coalesce(sa.func.sum(quickbooks_reads.c.reads), 0)).where(
        quickbooks_reads.c.month == month_of(now)
    )
    if realm is not None:
        statement = statement.where(quickbooks_reads.c.realm == realm)
    return int(connection.scalars(statement).one())


def add(connection: sa.Connection, counts: Mapping[tuple[str, str], int], now: datetime) -> int:
    """Add reads, by month and realm; return the reads of all realms in the month of `now`."""
    rows = sorted(counts.items())  # all writers take the rows in one order, so that they never deadlock
    absent = [{"month": month, "realm": realm, "reads": 0} for (month, realm), _ in rows]
    bulk.insert_absent(connection, quickbooks_reads, absent)
    for (month, realm), more in rows:
        connection.execute(_ADD, {"month_": month, "realm_": realm, "more": more})
    return reads_of_month(connection, None, now)


_ADD = (
    quickbooks_reads.update()
    .where(
        quickbooks_reads.c.month == sa.bindparam("month_"), quickbooks_reads.c.realm == sa.bindparam("realm_")
    )
    .values(reads=quickbooks_reads.c.reads + sa.bindparam("more", type_=sa.BigInteger))
)
