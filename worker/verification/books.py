"""QuickBooks' own books, for comparison: the invoices with our mark, of every company in use."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events.database.port import Database
from worker.commands.identity import marker
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import QuickBooksError
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.store import StateStore
from worker.workspaces import tenants

Invoices = list[dict[str, Any]]
_MARK_BEGINS = marker("").removesuffix("]")


class Books(Struct, frozen=True):
    """The invoices in QuickBooks, as far as they could be read.

    Attributes:
        invoices: The invoices of each realm; those without our mark are ignored.
        unread: The realms that could not be read, each with the reason.
    """

    invoices: Mapping[str, Invoices] = {}
    unread: Mapping[str, str] = {}


async def read_books(database: Database, client: QuickBooksClient) -> Books:
    """Read the invoices of each workspace's company; a company that can't be read does not stop the others."""
    invoices: dict[str, Invoices] = {}
    unread: dict[str, str] = {}
    for realm in await database.read(companies):
        try:
            pages = [page async for page in client.query_pages(realm, "Invoice", purpose="bulk")]
        except QuickBooksError as error:
            unread[realm] = str(error)
        else:
            invoices[realm] = [invoice for page in pages for invoice in page if _is_marked(invoice)]
    return Books(invoices, unread)


def companies(connection: sa.Connection) -> list[str]:
    """Return the company that each workspace uses, whether or not its connection still works."""
    states = (StateStore(connection, name).get(WorkspaceState) for name in tenants.names(connection))
    return sorted({state.connection.realm for state in states if state.connection is not None})


def unchecked(books: Books) -> Iterator[str]:
    """Yield a finding for each company that could not be read."""
    for realm, reason in sorted(books.unread.items()):
        yield f"Not checked: QuickBooks company {realm} could not be read: {reason}"


def compared(books: Books, held: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Compare the invoices with our mark with those in the log, by realm and ID."""
    for realm, found in books.invoices.items():
        known = held.get(realm, {})
        for invoice in found:
            if not _is_marked(invoice) or _is_voided(invoice):
                continue
            row = known.get(invoice["Id"])
            if row is None:
                yield f"{realm}: QuickBooks has our invoice {invoice['Id']}, the log does not"
            elif row["total"] != Decimal(str(invoice["TotalAmt"])):
                yield (
                    f"{realm}: invoice {invoice['Id']} is over {invoice['TotalAmt']} in QuickBooks,"
                    f" {row['total']} here"
                )
        for invoice_id in sorted(known.keys() - {invoice["Id"] for invoice in found if _is_marked(invoice)}):
            deal = known[invoice_id]["deal"]
            yield f"{realm}: invoice {invoice_id} of {deal} is not in QuickBooks, or lost our mark there"


def marked_twice(books: Books) -> Iterator[str]:
    """Yield a finding for each command that created more than one invoice."""
    for realm, found in books.invoices.items():
        live = (invoice for invoice in found if _is_marked(invoice) and not _is_voided(invoice))
        marks = Counter(_note(invoice).rpartition(_MARK_BEGINS)[2].partition("]")[0] for invoice in live)
        for mark, count in marks.items():
            if count > 1:
                yield f"{realm}: {count} invoices carry the mark {marker(mark)}"


def _is_marked(invoice: Mapping[str, Any]) -> bool:
    return _MARK_BEGINS in _note(invoice)


def _is_voided(invoice: Mapping[str, Any]) -> bool:
    return not Decimal(str(invoice["TotalAmt"])) and "Void" in _note(invoice)


def _note(invoice: Mapping[str, Any]) -> str:
    return str(invoice.get("PrivateNote") or "")
