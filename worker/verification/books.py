"""QuickBooks' own books, for comparing: every invoice that carries our mark, of every company in use."""

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
    """What QuickBooks has, as far as it could be read.

    Attributes:
        invoices: Those of each realm; without our mark they do not matter.
        unread: The realms that could not be read, each with the reason.
    """

    invoices: Mapping[str, Invoices] = {}
    unread: Mapping[str, str] = {}


async def read_books(database: Database, client: QuickBooksClient) -> Books:
    """Read the invoices of the company of each workspace; one that can't be read is in no other's way."""
    invoices: dict[str, Invoices] = {}
    unread: dict[str, str] = {}
    for realm in await database.read(companies):
        try:
            pages = [page async for page in client.query_pages(realm, "Invoice")]
        except QuickBooksError as error:
            unread[realm] = str(error)
        else:
            invoices[realm] = [invoice for page in pages for invoice in page if _is_marked(invoice)]
    return Books(invoices, unread)


def companies(connection: sa.Connection) -> list[str]:
    """Return the company that each workspace uses, whether or not it is still let in there."""
    states = (StateStore(connection, name).get(WorkspaceState) for name in tenants.names(connection))
    return sorted({state.connection.realm for state in states if state.connection is not None})


def unchecked(books: Books) -> Iterator[str]:
    """Say which companies nothing is known of."""
    for realm, reason in sorted(books.unread.items()):
        yield f"Not checked: QuickBooks company {realm} could not be read: {reason}"


def compared(books: Books, held: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Compare the invoices that carry our mark with those we know of, by realm and id."""
    for realm, found in books.invoices.items():
        known = held.get(realm, {})
        for invoice in found:
            if not _is_marked(invoice) or _is_voided(invoice):
                continue
            row = known.get(invoice["Id"])
            if row is None:
                yield f"{realm}: QuickBooks has invoice {invoice['Id']} of ours, the log does not"
            elif row["total"] != Decimal(str(invoice["TotalAmt"])):
                yield (
                    f"{realm}: invoice {invoice['Id']} is over {invoice['TotalAmt']} in QuickBooks,"
                    f" {row['total']} here"
                )
        for invoice_id in sorted(known.keys() - {invoice["Id"] for invoice in found if _is_marked(invoice)}):
            deal = known[invoice_id]["deal"]
            yield f"{realm}: invoice {invoice_id} of {deal} is not in QuickBooks, or lost our mark there"


def marked_twice(books: Books) -> Iterator[str]:
    """Find commands that made more than one invoice."""
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
