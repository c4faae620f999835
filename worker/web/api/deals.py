"""`/api/v1/deals`: deals with their gates, explanations, and invoices by hand."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from events.contract import json
from events.contract.announcements import DealStage, HeldGate
from events.contract.values import Identifier
from projections import queries
from projections.deals import DealInvoice
from projections.queries import DealsWanted, Row
from worker.actions.admin import Admin
from worker.actions.invoices import name_invoice, request_invoice
from worker.quickbooks.gateway import Gateway
from worker.quote_to_cash.explain import Explanation, explain, list_deals
from worker.quote_to_cash.nearest import nearest, sentence
from worker.services import Services
from worker.web.api.accepted import Accepted
from worker.web.api.paging import (
    ROWS_USUAL,
    TEXT_KEY,
    Cursor,
    Limit,
    Listing,
    instant,
    instant_parameter,
    page,
    position_parameter,
    shown,
    text_parameter,
)
from worker.web.description import described, identifier
from worker.web.problems import Problem
from worker.workspaces.api_tokens import Scope

DEALS = Listing("deals", list_deals, dict.fromkeys(queries.DEALS_KEY, TEXT_KEY))
DealId = Annotated[str, identifier("The deal's id in the CRM.", "D-17")]


class DealSummary(Struct, frozen=True):
    """A deal with its unmet gates and its invoices.

    Attributes:
        deal: Its ID in the CRM.
        name: Its name in the CRM.
        account: The ID of its account in the CRM.
        account_name: The account's name in the CRM.
        revision: The revision of the CRM's last snapshot; -1 if there is none yet.
        crm_stage: Its stage in the CRM.
        stage: Its stage, from quote to payment.
        won: Whether it is won, by the CRM or by its contract.
        currency: ISO 4217.
        total: The total that the customer signs, before tax if taxes are added to it: a decimal.
        contract: The ID of its contract in DocuSign.
        contract_status: `sent`, `delivered`, `signed`, `declined` or `voided`.
        contract_at: The instant of that status.
        sent_at: When a contract was first sent.
        gate: The code of the first unmet gate; none if no gate is unmet.
        reason: Why that gate is unmet, in a sentence.
        remedy: What opens that gate, in a sentence.
        gates: Every unmet gate, in the order in which they are checked.
        customer: The ID of the account's customer in QuickBooks.
        invoices: Its invoices in QuickBooks, by part and generation.
        invoiced: The sum of their totals, with tax: a decimal; none without an invoice.
        balance: The sum of their unpaid amounts: a decimal; none without an invoice.
        updated_at: The instant of the last event that changed the deal.
        position: The position of that event in the log.
    """

    deal: str
    name: str | None
    account: str | None
    account_name: str | None
    revision: int
    crm_stage: str | None
    stage: DealStage
    won: bool
    currency: str | None
    total: str | None
    contract: str | None
    contract_status: str | None
    contract_at: datetime | None
    sent_at: datetime | None
    gate: str | None
    reason: str | None
    remedy: str | None
    gates: tuple[HeldGate, ...]
    customer: str | None
    invoices: tuple[DealInvoice, ...]
    invoiced: str | None
    balance: str | None
    updated_at: datetime | None
    position: int


class Deals(Struct, frozen=True):
    """A page of deals, by their ids.

    Attributes:
        items: The deals.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[DealSummary]
    next_cursor: str | None


class InvoiceWish(Struct, frozen=True):
    """The invoice to create or to link.

    Attributes:
        invoice_id: The ID of the deal's invoice in QuickBooks; without it, the invoice is created.
    """

    invoice_id: Identifier | None = None


class DealsApi(Controller):
    """The deals of the workspace of the token."""

    path = "/api/v1/deals"
    tags = ("Deals",)

    @get(
        "/",
        **described(Scope.READ, 400),
        operation_id="listDeals",
        summary="List deals with their unmet gates",
    )
    async def deals(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        deal: Annotated[str | None, text_parameter("Only the deal with this id.", "D-17")] = None,
        stage: Annotated[DealStage | None, QueryParameter(description="Only deals in this stage.")] = None,
        gate: Annotated[
            str | None,
            text_parameter("Only deals whose first unmet gate has this code.", "account_not_mapped"),
        ] = None,
        account: Annotated[
            str | None, text_parameter("Only deals of this account of the CRM.", "A-9")
        ] = None,
        text: Annotated[
            str | None,
            text_parameter(
                "Only deals whose ID, name or account's name contains this text, in any case.", "acme"
            ),
        ] = None,
        updated_since: Annotated[
            str | None, instant_parameter("Only deals that changed at this instant or later.")
        ] = None,
        changed_after: Annotated[
            int,
            position_parameter(
                "Only deals changed by an event after this position of the log, whatever the event's time."
            ),
        ] = 0,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> Deals:
        """Return a page of deals, each with every unmet gate."""
        wanted = DealsWanted(
            stage=stage,
            gate=gate,
            account=account,
            text=text,
            updated_since=instant("updated_since", updated_since),
            changed_after=changed_after,
            deal=deal,
        )
        rows, next_cursor = await page(services, workspace, DEALS, wanted, cursor, limit)
        return Deals(list(map(_deal, rows)), next_cursor)

    @get(
        "/{deal:str}/explanation",
        **described(Scope.READ, 400, 404),
        operation_id="explainDeal",
        summary="Explain why a deal has an invoice or none",
    )
    async def explanation(
        self, services: NamedDependency[Services], workspace: NamedDependency[str], deal: DealId
    ) -> Explanation:
        """Return the deal's gates, each met or unmet with reason and remedy, and the last 500 events of each stream."""
        explanation = await services.database.read(explain, workspace, deal)
        if explanation is None:
            raise _unknown(deal, await services.database.read(nearest, workspace, deal))
        return explanation

    @post(
        "/{deal:str}/invoice",
        **described(Scope.ACT, 400, 404, 413, 422, 502),
        operation_id="requestInvoice",
        summary="Create a deal's invoice by hand, or link an existing one",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def request_invoice(
        self,
        admin: NamedDependency[Admin],
        gateway: NamedDependency[Gateway],
        deal: DealId,
        data: JSONBody[InvoiceWish | None] = None,
    ) -> Accepted:
        """Create the invoice without auto_invoice or before the cut-over, or retry after a refusal.

        If QuickBooks' answer was lost and the look-up fails, `invoice_id` links the invoice that a person found; its
        private note must contain the deal's mark.
        """
        if data is not None and data.invoice_id is not None:
            return Accepted(await name_invoice(admin, gateway.client, deal, data.invoice_id))
        return Accepted(await request_invoice(admin, deal))


def _deal(row: Row) -> DealSummary:
    gates = json.convert(row["gates"], tuple[HeldGate, ...])
    invoices = json.convert(row["invoices"], tuple[DealInvoice, ...])
    return shown(DealSummary, {**row, "gates": gates, "invoices": invoices})


def _unknown(deal: str, found: tuple[str, ...]) -> Problem:
    detail = f"No event has named a deal {deal[:128]!r}.{sentence(found)}"
    return Problem(HTTPStatus.NOT_FOUND, "deal_unknown", detail, nearest=found)
