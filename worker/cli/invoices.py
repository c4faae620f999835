"""Invoices: listing them, and creating or linking a deal's by hand."""

from typing import Annotated, Any

import typer

from projections import queries
from worker.actions.invoices import name_invoice, request_invoice
from worker.cli.context import accepted, admin, run, workspace_name
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import print_rows
from worker.quickbooks.gateway import open_gateway
from worker.services import Services


def invoice(
    deal: Annotated[str, typer.Argument(metavar="DEAL", help="The deal's ID in the CRM.")],
    *,
    named: Annotated[
        str | None,
        typer.Option(
            "--is",
            metavar="ID",
            help="Link an invoice that is already in QuickBooks: the txnId in its address.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a deal's invoice by hand, or retry a refused one.

    Works without auto_invoice, and for deals won before the cut-over.
    """

    async def request(opened: Services) -> int:
        return await request_invoice(await admin(opened, workspace), deal)

    async def name(opened: Services) -> int:

        parts = (opened.environment, opened.database, opened.clock, opened.entropy, opened.vault)
        acting = await admin(opened, workspace)
        async with open_gateway(*parts) as gateway:
            return await name_invoice(acting, gateway.client, deal, named or "")

    if named is None:
        said = f"Requested the invoice of {deal}; q2c explain {deal} shows its progress."
        accepted(run(request), said, as_json=as_json)
    else:
        accepted(run(name), f"Linked invoice {named} to {deal}: it carries the deal's mark.", as_json=as_json)


def invoices(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List invoices in QuickBooks, with balance and status."""

    async def work(opened: Services) -> list[dict[str, Any]]:
        return await opened.database.read(queries.list_invoices, await workspace_name(opened, workspace))

    columns = ("deal", "doc_number", "invoice_id", "currency", "net", "tax", "total", "balance", "status")
    print_rows(run(work), columns, as_json=as_json, empty="No invoices yet.")
