"""`/api/v1`: the read models and the actions of people, for the console and scripts."""

from http import HTTPStatus
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct

from events.contract import json
from events.contract.values import Currency, Identifier, Name
from events.log.log import POSITION_MAX
from projections import queries
from worker.actions.administration import Administration, shown_settings
from worker.actions.naming import name_invoice
from worker.quickbooks.gateway import Gateway
from worker.quote_to_cash.explain import explain
from worker.quote_to_cash.nearest import nearest, sentence
from worker.services import Services
from worker.web.problems import Problem
from worker.workspaces.api_tokens import Scope
from worker.workspaces.settings import SettingInvalid

ROWS_MAX = 1000
Limit = Annotated[int, QueryParameter(ge=1, le=ROWS_MAX)]


class SettingsChange(Struct, frozen=True):
    """Settings to set, and why."""

    changes: dict[str, str]
    why: str | None = None


class MappingWish(Struct, frozen=True):
    """The id in QuickBooks, or none to create it there; a currency is for accounts, a name for what is created.

    `realm` is the company whose list the id was chosen from: should another be connected meanwhile, the id counts
    for nothing there.
    """

    target: Identifier | None = None
    currency: Currency | None = None
    name: Name | None = None
    realm: Identifier | None = None


class InvoiceWish(Struct, frozen=True):
    """The id of the invoice in QuickBooks that is the deal's, or none to create one."""

    invoice_id: Identifier | None = None


class Accepted(Struct, frozen=True):
    """Where the event that says so is in the log."""

    position: int


def _json(value: Any) -> Response[bytes]:
    return Response(json.encode(value).encode(), media_type="application/json")


class Api(Controller):
    """Everything here is about the workspace of the token."""

    path = "/api/v1"

    @get("/deals", needs=Scope.READ, summary="Where each deal stands, and why")
    async def deals(
        self, services: NamedDependency[Services], workspace: NamedDependency[str], limit: Limit = ROWS_MAX
    ) -> Response[bytes]:
        """Return the deals of the workspace."""
        return _json(await services.database.read(queries.list_deals, workspace, limit))

    @get("/deals/{deal:str}/explanation", needs=Scope.READ, summary="Why there is, or is no, invoice")
    async def explanation(
        self, services: NamedDependency[Services], workspace: NamedDependency[str], deal: FromPath[str]
    ) -> Response[bytes]:
        """Walk the gates of a deal, and show the events that led there."""
        explanation = await services.database.read(explain, workspace, deal)
        if explanation is None:
            found = await services.database.read(nearest, workspace, deal)
            detail = f"Nothing that came has named a deal {deal[:128]!r}.{sentence(found)}"
            raise Problem(HTTPStatus.NOT_FOUND, "deal_unknown", detail, nearest=found)
        return _json(explanation)

    @post(
        "/deals/{deal:str}/invoice",
        needs=Scope.ACT,
        summary="Create the invoice by hand, or say which one it is",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def order_invoice(
        self,
        administration: NamedDependency[Administration],
        gateway: NamedDependency[Gateway],
        deal: FromPath[str],
        data: JSONBody[InvoiceWish | None] = None,
    ) -> Accepted:
        """Open the gates that a person may open; or name the invoice, where it can't be looked up."""
        if data is not None and data.invoice_id is not None:
            return Accepted(await name_invoice(administration, gateway.client, deal, data.invoice_id))
        return Accepted(await administration.order_invoice(deal))

    @get("/invoices", needs=Scope.READ, summary="The invoices in QuickBooks")
    async def invoices(
        self, services: NamedDependency[Services], workspace: NamedDependency[str], limit: Limit = ROWS_MAX
    ) -> Response[bytes]:
        """Return the invoices of the workspace."""
        return _json(await services.database.read(queries.list_invoices, workspace, limit))

    @get("/mappings", needs=Scope.READ, summary="Which accounts and products are what in QuickBooks")
    async def mappings(
        self, services: NamedDependency[Services], workspace: NamedDependency[str], limit: Limit = ROWS_MAX
    ) -> Response[bytes]:
        """Return the mappings of the workspace."""
        return _json(await services.database.read(queries.list_mappings, workspace, limit))

    @post(
        "/mappings/accounts/{account:str}",
        needs=Scope.ACT,
        summary="Map an account",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def map_account(
        self,
        administration: NamedDependency[Administration],
        account: FromPath[str],
        data: JSONBody[MappingWish],
    ) -> Accepted:
        """Map an account to a customer, or ask to create one."""
        if data.target is None:
            return Accepted(await administration.request_customer(account, data.currency, data.name))
        return Accepted(await administration.map_account(account, data.target, data.currency, data.realm))

    @post(
        "/mappings/products/{product:str}",
        needs=Scope.ACT,
        summary="Map a product",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def map_product(
        self,
        administration: NamedDependency[Administration],
        product: FromPath[str],
        data: JSONBody[MappingWish],
    ) -> Accepted:
        """Map a product to an item, or ask to create one."""
        if data.target is None:
            return Accepted(await administration.request_item(product, data.name))
        return Accepted(await administration.map_product(product, data.target, data.realm))

    @get("/log", needs=Scope.READ, summary="What the integration did")
    async def log(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        after: Annotated[int, QueryParameter(ge=0, le=POSITION_MAX)] = 0,
        about: FromQuery[str | None] = None,
        limit: Limit = ROWS_MAX,
    ) -> Response[bytes]:
        """Return the integration log of the workspace."""
        rows = await services.database.read(
            queries.list_log, workspace, after=after, about=about, limit=limit
        )
        return _json(rows)

    @get("/settings", needs=Scope.READ, summary="The settings that hold")
    async def settings(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> Response[bytes]:
        """Return every setting of the workspace."""
        return _json(await services.database.read(shown_settings, workspace))

    @post("/settings", needs=Scope.ACT, summary="Change settings", status_code=HTTPStatus.ACCEPTED)
    async def change_settings(
        self, administration: NamedDependency[Administration], data: JSONBody[SettingsChange]
    ) -> Accepted:
        """Set all of them or none."""
        try:
            return Accepted(await administration.change_settings(data.changes, data.why))
        except SettingInvalid as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "setting_invalid", str(error)) from error
