"""`/api/v1/mappings`: which accounts and products of the CRM are what in QuickBooks."""

from http import HTTPStatus
from typing import Annotated, Literal

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from events.contract.values import Currency, Identifier, Name
from projections import queries
from projections.queries import MappingsWanted
from worker.actions.administration import Administration
from worker.services import Services
from worker.web.api.accepted import Accepted
from worker.web.api.paging import ROWS_USUAL, TEXT_KEY, Cursor, Limit, Listing, page, shown, text_parameter
from worker.web.description import described, identifier
from worker.workspaces.api_tokens import Scope

MAPPINGS = Listing("mappings", queries.list_mappings, dict.fromkeys(queries.MAPPINGS_KEY, TEXT_KEY))
Kind = Literal["account", "product"]
Status = Literal["unmapped", "requested", "mapped", "refused"]


class Mapping(Struct, frozen=True):
    """An account or a product of the CRM, and what it is in QuickBooks.

    Attributes:
        kind: Which of both it is.
        id: Its id in the CRM.
        name: What the CRM calls it.
        revision: The revision of the account's last snapshot; -1 where there is none.
        status: `mapped`; or `requested` where its creation is under way, `refused` where QuickBooks did not create it.
        target: The id of the customer or the item in QuickBooks.
        target_name: What QuickBooks calls it, where it was created from here.
        by: Who mapped it, or asked for its creation.
        problem: Why QuickBooks refused to create it.
        position: Where the event that changed it last is in the log.
    """

    kind: Kind
    id: str
    name: str | None
    revision: int
    status: Status
    target: str | None
    target_name: str | None
    by: str | None
    problem: str | None
    position: int


class Mappings(Struct, frozen=True):
    """A page of mappings, accounts first, by their ids.

    Attributes:
        items: The mappings.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[Mapping]
    next_cursor: str | None


class MappingWish(Struct, frozen=True):
    """What an account or a product is in QuickBooks.

    Attributes:
        target: The id of the customer or the item; without it, one is created.
        currency: Of an account: that of the deals that the mapping is for; without it, for all of them.
        name: What is created is called so; without it, as the CRM calls it.
        realm: The company whose list the id was chosen from: should another be connected meanwhile, the id counts for
            nothing there.
    """

    target: Identifier | None = None
    currency: Currency | None = None
    name: Name | None = None
    realm: Identifier | None = None


class MappingsApi(Controller):
    """The mappings of the workspace of the token."""

    path = "/api/v1/mappings"
    tags = ("Mappings",)

    @get(
        "/",
        **described(Scope.READ, 400),
        operation_id="listMappings",
        summary="List accounts and products with what they are in QuickBooks",
    )
    async def mappings(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        kind: Annotated[Kind | None, QueryParameter(description="Only accounts, or only products.")] = None,
        status: Annotated[Status | None, QueryParameter(description="Only those that are so.")] = None,
        text: Annotated[
            str | None, text_parameter("Only those whose id or name holds this, whatever the case.", "acme")
        ] = None,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> Mappings:
        """Return a page of mappings."""
        wanted = MappingsWanted(kind, status, text)
        rows, next_cursor = await page(services, workspace, MAPPINGS, wanted, cursor, limit)
        return Mappings([shown(Mapping, row) for row in rows], next_cursor)

    @post(
        "/accounts/{account:str}",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="mapAccount",
        summary="Map an account to a QuickBooks customer, or create the customer",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def map_account(
        self,
        administration: NamedDependency[Administration],
        account: Annotated[str, identifier("The account's id in the CRM.", "A-9")],
        data: JSONBody[MappingWish],
    ) -> Accepted:
        """Map an account to the customer that `target` names, or without it ask to create one."""
        if data.target is None:
            return Accepted(await administration.request_customer(account, data.currency, data.name))
        return Accepted(await administration.map_account(account, data.target, data.currency, data.realm))

    @post(
        "/products/{product:str}",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="mapProduct",
        summary="Map a product to a QuickBooks item, or create the item",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def map_product(
        self,
        administration: NamedDependency[Administration],
        product: Annotated[str, identifier("The product's id in the CRM.", "P-1")],
        data: JSONBody[MappingWish],
    ) -> Accepted:
        """Map a product to the item that `target` names, or without it ask to create one."""
        if data.target is None:
            return Accepted(await administration.request_item(product, data.name))
        return Accepted(await administration.map_product(product, data.target, data.realm))
