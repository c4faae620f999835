"""`/api/v1/mappings`: the QuickBooks customers of accounts, and the QuickBooks items of products."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from events.contract.values import Currency, Identifier, Name
from projections import queries
from projections.queries import MappingsWanted, Row
from worker.actions.admin import Admin
from worker.actions.mappings import request_customer, request_item
from worker.actions.reviewed import ACCOUNTS, PRODUCTS
from worker.actions.reviews import map_to
from worker.services import Services
from worker.suggesting.stages import Stage, stage_of
from worker.web.api.accepted import Accepted
from worker.web.api.paging import ROWS_USUAL, TEXT_KEY, Cursor, Limit, Listing, page, shown, text_parameter
from worker.web.description import described, identifier
from worker.workspaces.api_tokens import Scope

MAPPINGS = Listing("mappings", queries.list_mappings, dict.fromkeys(queries.MAPPINGS_KEY, TEXT_KEY))
Kind = Literal["account", "product"]
Status = Literal["unmapped", "requested", "mapped", "refused"]


State = Literal["suggested", "mapped", "ignored", "unmatched"]
Uncompared = Literal["not_connected", "being_read", "being_compared"]


class SuggestedMapping(Struct, frozen=True):
    """The matcher's last answer for an account or a product.

    Attributes:
        verdict: `link` if the matcher is sure, `review` if a person decides, `none` if no customer or item is like it.
        customer: The ID of the customer that is suggested for an account.
        customer_name: Its display name.
        item: The ID of the item that is suggested for a product.
        item_name: Its name, with its categories: `Software:Seat`.
        score: The probability that the names are one company's, in percent.
        margin: The distance to the runner-up, in points.
        reasons: The codes of the evidence.
        runner_up: The ID of the next customer or item.
        runner_up_name: Its name.
        duplicate: Whether the suggested customer and the runner-up are probably duplicates of each other.
        nearest: The names of the nearest customers or items, if none is suggested.
        matcher: The version of the matcher.
    """

    verdict: Literal["link", "review", "none"]
    customer: str | None
    customer_name: str | None
    item: str | None
    item_name: str | None
    score: str | None
    margin: str | None
    reasons: list[str]
    runner_up: str | None
    runner_up_name: str | None
    duplicate: bool
    nearest: list[str]
    matcher: int


class Mapping(Struct, frozen=True):
    """An account or product of the CRM, and its customer or item in QuickBooks.

    Attributes:
        kind: Account or product.
        id: Its ID in the CRM.
        name: Its name in the CRM.
        revision: The revision of the account's last snapshot; -1 if there is none.
        status: `unmapped`, `mapped`, `requested` while the customer or item is being created, or `refused` by QuickBooks.
        target: The ID of the customer or item in QuickBooks.
        target_name: The name of a customer or item that the worker created, or of one that was suggested.
        by: The person who decided last; `automatic` if the worker linked it by itself, `crm` if the CRM brought it.
        problem: Why QuickBooks refused to create it.
        position: The position in the log of the event that last changed it.
        state: `suggested` if a suggestion waits for a person, `mapped`, `ignored`, or `unmatched`.
        unmatched: Why an unmatched account or product was not compared yet: no company is connected, its lists are being
            read for the first time, or everything is being compared; none once it was compared.
        suggestion: The matcher's last answer, until a person rejects it.
        decided_at: When it was last decided upon.
        realm: The company of `target`; none if a person mapped it and named no company: then it is the one that was
            connected.
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
    state: State
    suggestion: SuggestedMapping | None
    decided_at: datetime | None
    unmatched: Uncompared | None = None
    realm: str | None = None


class Mappings(Struct, frozen=True):
    """A page of mappings, accounts first, by their ids.

    Attributes:
        items: The mappings.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[Mapping]
    next_cursor: str | None


class MappingWish(Struct, frozen=True):
    """The QuickBooks customer of an account, or the QuickBooks item of a product.

    Attributes:
        target: The ID of the customer or item; without it, one is created.
        currency: For accounts: the mapping applies only to deals in this currency; without it, to all deals.
        name: The name of a created customer or item; default: the CRM's name.
        realm: The company that `target` belongs to; if another company is connected by then, the mapping does not apply
            to it.
        also: For accounts: the customer is another account's, and this one is linked for invoices only.
    """

    target: Identifier | None = None
    currency: Currency | None = None
    name: Name | None = None
    realm: Identifier | None = None
    also: bool = False


def _shown(row: Row, stage: Stage) -> Mapping:
    found = row["suggestion"]
    unmatched = stage if row["state"] == "unmatched" and stage != "compared" else None
    more = {"suggestion": SuggestedMapping(**found) if found else None, "unmatched": unmatched}
    return shown(Mapping, {**row, **more})


class MappingsApi(Controller):
    """The mappings of the workspace of the token."""

    path = "/api/v1/mappings"
    tags = ("Mappings",)

    @get(
        "/",
        **described(Scope.READ, 400),
        operation_id="listMappings",
        summary="List mappings of accounts and products",
    )
    async def mappings(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        kind: Annotated[Kind | None, QueryParameter(description="Only accounts, or only products.")] = None,
        status: Annotated[
            Status | None, QueryParameter(description="Only mappings with this status.")
        ] = None,
        text: Annotated[
            str | None,
            text_parameter("Only mappings whose ID or name contains this text, in any case.", "acme"),
        ] = None,
        review_state: Annotated[
            State | None, QueryParameter(name="state", description="Only mappings in this state.")
        ] = None,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> Mappings:
        """Return a page of mappings."""
        wanted = MappingsWanted(kind, status, text, review_state)
        rows, next_cursor = await page(services, workspace, MAPPINGS, wanted, cursor, limit)
        stage = await services.database.read(stage_of, workspace)
        return Mappings([_shown(row, stage) for row in rows], next_cursor)

    @post(
        "/accounts/{account:str}",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="mapAccount",
        summary="Map an account to a QuickBooks customer, or create the customer",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def map_account(
        self,
        admin: NamedDependency[Admin],
        account: Annotated[str, identifier("The account's id in the CRM.", "A-9")],
        data: JSONBody[MappingWish],
    ) -> Accepted:
        """Map the account to the customer in `target`; without `target`, create a customer."""
        if data.target is None:
            return Accepted(await request_customer(admin, account, data.currency, data.name))
        wish = {"realm": data.realm, "currency": data.currency}
        return Accepted(await map_to(admin, ACCOUNTS, account, data.target, **wish, also=data.also))

    @post(
        "/products/{product:str}",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="mapProduct",
        summary="Map a product to a QuickBooks item, or create the item",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def map_product(
        self,
        admin: NamedDependency[Admin],
        product: Annotated[str, identifier("The product's id in the CRM.", "P-1")],
        data: JSONBody[MappingWish],
    ) -> Accepted:
        """Map the product to the item in `target`; without `target`, create an item."""
        if data.target is None:
            return Accepted(await request_item(admin, product, data.name))
        return Accepted(await map_to(admin, PRODUCTS, product, data.target, realm=data.realm))
