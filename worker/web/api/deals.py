"""`/api/v1/deals`: where each deal stands and why, and its invoice by hand."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from events.contract import json
from events.contract.announcements import UnmetGate
from events.contract.values import Identifier
from projections import queries
from projections.deals import Stage
from projections.queries import DealsWanted, Row
from worker.actions.administration import Administration
from worker.actions.naming import name_invoice
from worker.quickbooks.gateway import Gateway
from worker.quote_to_cash.explain import Explanation, explain
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

DEALS = Listing("deals", queries.list_deals, dict.fromkeys(queries.DEALS_KEY, TEXT_KEY))
DealId = Annotated[str, identifier("The deal's id in the CRM.", "D-17")]


class Deal(Struct, frozen=True):
    """A deal as it stands.

    Attributes:
        deal: Its id in the CRM.
        name: What the CRM calls it.
        account: The id of its account in the CRM.
        account_name: What the CRM calls the account.
        revision: The revision of the CRM's last snapshot; -1 where there is none yet.
        crm_stage: The stage that the CRM gives it.
        stage: The stage that it is in, from quote to payment.
        won: Whether it is won, by the CRM or by its contract.
        currency: ISO 4217.
        total: What the customer signs, before tax where taxes are added to it: a decimal.
        contract: The id of its contract in DocuSign.
        contract_status: `sent`, `delivered`, `signed`, `declined` or `voided`.
        contract_at: Since when the contract is so.
        sent_at: When a contract was first sent.
        gate: The code of the first gate that is not met; none where nothing is waited for.
        reason: What the gate waits for, in a sentence.
        remedy: What opens the gate, in a sentence.
        gates: Every gate that is not met, in the order in which they are checked.
        customer: The id of the QuickBooks customer that the account is.
        invoice_id: The id of its invoice in QuickBooks.
        doc_number: The number of its invoice.
        invoice_total: The invoice's total with tax: a decimal.
        balance: What is still to be paid: a decimal.
        link: The invoice in QuickBooks, for a browser.
        updated_at: When the last event happened that changed it here.
        position: Where that event is in the log.
    """

    deal: str
    name: str | None
    account: str | None
    account_name: str | None
    revision: int
    crm_stage: str | None
    stage: Stage
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
    gates: tuple[UnmetGate, ...]
    customer: str | None
    invoice_id: str | None
    doc_number: str | None
    invoice_total: str | None
    balance: str | None
    link: str | None
    updated_at: datetime | None
    position: int


class Deals(Struct, frozen=True):
    """A page of deals, by their ids.

    Attributes:
        items: The deals.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[Deal]
    next_cursor: str | None


class InvoiceWish(Struct, frozen=True):
    """Which invoice is wanted.

    Attributes:
        invoice_id: The id of the invoice in QuickBooks that is the deal's; without it, one is created.
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
        summary="List deals: where each stands, and why",
    )
    async def deals(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        deal: Annotated[str | None, text_parameter("Only the deal with this id.", "D-17")] = None,
        stage: Annotated[Stage | None, QueryParameter(description="Only deals in this stage.")] = None,
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
                "Only deals whose id, name or account's name holds this, whatever the case.", "acme"
            ),
        ] = None,
        updated_since: Annotated[
            str | None, instant_parameter("Only deals that changed then or later.")
        ] = None,
        changed_after: Annotated[
            int,
            position_parameter(
                "Only deals that changed by an event after this position of the log, whenever it happened."
            ),
        ] = 0,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> Deals:
        """Return a page of deals, each with every gate that its invoice waits on."""
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
        summary="Explain why a deal has, or has no, invoice",
    )
    async def explanation(
        self, services: NamedDependency[Services], workspace: NamedDependency[str], deal: DealId
    ) -> Explanation:
        """Walk the gates of a deal, and show the events that led there, the last 500 of each stream."""
        explanation = await services.database.read(explain, workspace, deal)
        if explanation is None:
            raise _unknown(deal, await services.database.read(nearest, workspace, deal))
        return explanation

    @post(
        "/{deal:str}/invoice",
        **described(Scope.ACT, 400, 404, 413, 422, 502),
        operation_id="orderInvoice",
        summary="Create a deal's invoice by hand, or say which one it is",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def order_invoice(
        self,
        administration: NamedDependency[Administration],
        gateway: NamedDependency[Gateway],
        deal: DealId,
        data: JSONBody[InvoiceWish | None] = None,
    ) -> Accepted:
        """Open the gates that a person may open, and try again what QuickBooks refused.

        Where an answer of QuickBooks' was lost and can't be looked up, `invoice_id` names the invoice that a person found;
        it has to carry the deal's mark in its private note.
        """
        if data is not None and data.invoice_id is not None:
            return Accepted(await name_invoice(administration, gateway.client, deal, data.invoice_id))
        return Accepted(await administration.order_invoice(deal))


def _deal(row: Row) -> Deal:
    return shown(Deal, {**row, "gates": json.convert(row["gates"], tuple[UnmetGate, ...])})


def _unknown(deal: str, found: tuple[str, ...]) -> Problem:
    detail = f"Nothing that came has named a deal {deal[:128]!r}.{sentence(found)}"
    return Problem(HTTPStatus.NOT_FOUND, "deal_unknown", detail, nearest=found)
