"""`/api/v1/invoices`: the invoices in QuickBooks."""

from datetime import date
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from events.contract.announcements import InvoiceStatus
from projections import queries
from projections.queries import InvoicesWanted
from worker.services import Services
from worker.web.api.paging import (
    NUMBER_KEY,
    ROWS_USUAL,
    TEXT_KEY,
    Cursor,
    Limit,
    Listing,
    page,
    shown,
    text_parameter,
)
from worker.web.description import described
from worker.workspaces.api_tokens import Scope

INVOICES = Listing(
    "invoices",
    queries.list_invoices,
    {name: NUMBER_KEY if name in {"part", "generation"} else TEXT_KEY for name in queries.INVOICES_KEY},
)


class Invoice(Struct, frozen=True):
    """An invoice in QuickBooks, with QuickBooks' own figures.

    Attributes:
        realm: The QuickBooks company.
        invoice_id: Its id in QuickBooks.
        deal: The id of the deal that it is for; none if it is no deal's.
        part: The part of the deal that it bills; 0 for the whole deal.
        generation: The number of the attempt that created it; 1 unless QuickBooks refused earlier ones.
        doc_number: Its number.
        customer: The id of its customer in QuickBooks.
        currency: ISO 4217.
        net: Its total before tax: a decimal.
        tax: Its tax: a decimal.
        total: Its total: a decimal.
        balance: Its unpaid amount: a decimal.
        status: Its payment status.
        txn_date: Its date, in the company's time zone.
        due_date: Its due date.
        position: The position in the log of the event that last changed it.
    """

    realm: str
    invoice_id: str
    deal: str | None
    part: int | None
    generation: int | None
    doc_number: str | None
    customer: str
    currency: str
    net: str
    tax: str
    total: str
    balance: str
    status: InvoiceStatus
    txn_date: date
    due_date: date | None
    position: int


class Invoices(Struct, frozen=True):
    """A page of invoices, by the ids of their deals.

    Attributes:
        items: The invoices.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[Invoice]
    next_cursor: str | None


class InvoicesApi(Controller):
    """The invoices of the workspace of the token."""

    path = "/api/v1/invoices"
    tags = ("Invoices",)

    @get(
        "/",
        **described(Scope.READ, 400),
        operation_id="listInvoices",
        summary="List invoices in QuickBooks",
    )
    async def invoices(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        deal: Annotated[str | None, text_parameter("Only invoices of this deal.", "D-17")] = None,
        status: Annotated[
            InvoiceStatus | None, QueryParameter(description="Only invoices with this status.")
        ] = None,
        customer: Annotated[
            str | None, text_parameter("Only invoices of this QuickBooks customer.", "58")
        ] = None,
        doc_number: Annotated[str | None, text_parameter("Only invoices with this number.", "1015")] = None,
        dated_from: Annotated[
            date | None, QueryParameter(description="Only invoices of this date or later.")
        ] = None,
        dated_to: Annotated[
            date | None, QueryParameter(description="Only invoices of this date or earlier.")
        ] = None,
        due_before: Annotated[
            date | None, QueryParameter(description="Only invoices that are due before this date.")
        ] = None,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> Invoices:
        """Return a page of invoices."""
        wanted = InvoicesWanted(deal, status, customer, doc_number, dated_from, dated_to, due_before)
        rows, next_cursor = await page(services, workspace, INVOICES, wanted, cursor, limit)
        return Invoices([shown(Invoice, row) for row in rows], next_cursor)
