"""QuickBooks' own books, for comparing: every invoice that carries our mark, of every connected company."""

from events.database import Database
from worker.commands.identity import marker
from worker.commands.table import connected_realms
from worker.quickbooks.client import QuickBooksClient
from worker.verification.invariants import Books

_MARK_BEGINS = marker("").removesuffix("]")


async def read_books(database: Database, client: QuickBooksClient) -> Books:
    """Read the invoices of each connected realm.

    Raises:
        QuickBooksError: A company could not be read.
    """
    return {
        realm: [
            invoice
            async for page in client.query_pages(realm, "Invoice")
            for invoice in page
            if _MARK_BEGINS in str(invoice.get("PrivateNote"))
        ]
        for realm in await database.read(connected_realms)
    }
