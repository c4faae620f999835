"""`/api/v1/mappings/products/…`: the review of suggested items."""

from http import HTTPStatus
from typing import Annotated

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from events.contract.values import Identifier
from worker.actions import reviews
from worker.actions.admin import Admin
from worker.actions.reviewed import PRODUCTS
from worker.web.api.accepted import Accepted
from worker.web.api.reviews import Ignoring
from worker.web.description import described, identifier
from worker.workspaces.api_tokens import Scope

ProductId = Annotated[str, identifier("The product's id in the CRM.", "P-9")]


class ItemAcceptance(Struct, frozen=True):
    """The acceptance of a suggested item.

    Attributes:
        item: The ID of the item that was shown; if another one is suggested now, the acceptance is refused.
    """

    item: Identifier | None = None


class ItemRejection(Struct, frozen=True):
    """The rejection of an item for a product.

    Attributes:
        item: The item's ID; by default, the suggested item, or the item that the worker linked by itself.
    """

    item: Identifier | None = None


class ProductReviewsApi(Controller):
    """The review of suggested items, in the workspace of the token."""

    path = "/api/v1/mappings/products"
    tags = ("Mappings",)

    @post(
        "/{product:str}/accept",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="acceptProductMapping",
        summary="Map a product to the item that is suggested for it",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def accept(
        self, admin: NamedDependency[Admin], product: ProductId, data: JSONBody[ItemAcceptance]
    ) -> Accepted:
        """Map the product to the suggested item, with the evidence for it."""
        return Accepted(await reviews.accept(admin, PRODUCTS, product, data.item))

    @post(
        "/{product:str}/reject",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="rejectProductMapping",
        summary="Reject an item for a product, for ever",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def reject(
        self, admin: NamedDependency[Admin], product: ProductId, data: JSONBody[ItemRejection]
    ) -> Accepted:
        """Never suggest the item for this product again; the next best one is suggested."""
        return Accepted(await reviews.reject(admin, PRODUCTS, product, data.item))

    @post(
        "/{product:str}/ignore",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="ignoreProduct",
        summary="Say that a product gets no item",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def ignore(
        self, admin: NamedDependency[Admin], product: ProductId, data: JSONBody[Ignoring]
    ) -> Accepted:
        """Suggest and create no item for the product, until it is mapped or no longer ignored."""
        return Accepted(await reviews.ignore(admin, PRODUCTS, product, data.why))

    @post(
        "/{product:str}/unignore",
        **described(Scope.ACT, 400, 422),
        operation_id="unignoreProduct",
        summary="Say that a product is no longer ignored",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def unignore(self, admin: NamedDependency[Admin], product: ProductId) -> Accepted:
        """Suggest items for the product again."""
        return Accepted(await reviews.unignore(admin, PRODUCTS, product))
