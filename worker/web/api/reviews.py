"""`/api/v1/mappings/accounts/…`: decide about suggested customers, one by one or many at once."""

from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from events.contract.values import Identifier
from worker.actions import bulk_reviews, reviews
from worker.actions.admin import Admin
from worker.actions.bulk_reviews import AccountDecision, ProductDecision, Reviewed
from worker.actions.reviewed import ACCOUNTS, PRODUCTS, ReviewedKind
from worker.web.api.accepted import Accepted
from worker.web.description import described, identifier
from worker.workspaces.api_tokens import Scope

ROWS_MAX = 1000
AccountId = Annotated[str, identifier("The account's id in the CRM.", "A-9")]


class Acceptance(Struct, frozen=True):
    """The acceptance of a suggested customer.

    Attributes:
        customer: The ID of the customer that was shown; if another one is suggested now, the acceptance is refused.
        also: Whether the customer may be another account's: this one is then linked for invoices only.
    """

    customer: Identifier | None = None
    also: bool = False


class Rejection(Struct, frozen=True):
    """The rejection of a customer for an account.

    Attributes:
        customer: The customer's ID; by default, the suggested customer, or the customer that the worker linked by itself.
    """

    customer: Identifier | None = None


class Ignoring(Struct, frozen=True):
    """An account that gets no customer, or a product that gets no item.

    Attributes:
        why: The reason, for the integration log.
    """

    why: str | None = None


class MappingDecisions(Struct, frozen=True):
    """Decisions about accounts and products: those of rows, or the acceptance of every suggestion from a score on.

    Attributes:
        rows: Decisions about accounts, carried out in this order.
        above: Accept every customer that is suggested and has at least this score, in percent, after the rows.
        products: Decisions about products, carried out after those about accounts.
        products_above: Accept every item that is suggested and has at least this score, in percent, after all others.
    """

    rows: Annotated[list[AccountDecision], Meta(max_length=ROWS_MAX)] = []
    above: Annotated[float, Meta(ge=0, le=100)] | None = None
    products: Annotated[list[ProductDecision], Meta(max_length=ROWS_MAX)] = []
    products_above: Annotated[float, Meta(ge=0, le=100)] | None = None


class ReviewedRows(Struct, frozen=True):
    """The results of decisions.

    Attributes:
        items: The results, in order.
    """

    items: list[Reviewed]


class ReviewsApi(Controller):
    """The review of suggested customers, in the workspace of the token."""

    path = "/api/v1/mappings"
    tags = ("Mappings",)

    @post(
        "/accounts/{account:str}/accept",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="acceptMapping",
        summary="Map an account to the customer that is suggested for it",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def accept(
        self, admin: NamedDependency[Admin], account: AccountId, data: JSONBody[Acceptance]
    ) -> Accepted:
        """Map the account to the suggested customer, with the evidence for it."""
        return Accepted(await reviews.accept(admin, ACCOUNTS, account, data.customer, also=data.also))

    @post(
        "/accounts/{account:str}/reject",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="rejectMapping",
        summary="Reject a customer for an account, for ever",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def reject(
        self, admin: NamedDependency[Admin], account: AccountId, data: JSONBody[Rejection]
    ) -> Accepted:
        """Never suggest the customer for this account again; the next best one is suggested."""
        return Accepted(await reviews.reject(admin, ACCOUNTS, account, data.customer))

    @post(
        "/accounts/{account:str}/ignore",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="ignoreAccount",
        summary="Say that an account gets no customer",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def ignore(
        self, admin: NamedDependency[Admin], account: AccountId, data: JSONBody[Ignoring]
    ) -> Accepted:
        """Suggest no customer for the account, until it is mapped or no longer ignored."""
        return Accepted(await reviews.ignore(admin, ACCOUNTS, account, data.why))

    @post(
        "/accounts/{account:str}/unignore",
        **described(Scope.ACT, 400, 422),
        operation_id="unignoreAccount",
        summary="Say that an account is no longer ignored",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def unignore(self, admin: NamedDependency[Admin], account: AccountId) -> Accepted:
        """Suggest customers for the account again."""
        return Accepted(await reviews.unignore(admin, ACCOUNTS, account))

    @post(
        "/decisions",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="decideMappings",
        summary="Decide about many accounts and products at once",
        status_code=HTTPStatus.OK,
    )
    async def decide(self, admin: NamedDependency[Admin], data: JSONBody[MappingDecisions]) -> ReviewedRows:
        """Carry out the decisions one by one, and return the result of each; a refused one stops none that follows."""
        done = [each async for each in bulk_reviews.review(admin, data.rows)]
        if data.above is not None:
            done += await self._accepted(admin, ACCOUNTS, data.above)
        done += [each async for each in bulk_reviews.review(admin, data.products)]
        if data.products_above is not None:
            done += await self._accepted(admin, PRODUCTS, data.products_above)
        return ReviewedRows(done)

    async def _accepted(self, admin: Admin, kind: ReviewedKind, least: float) -> list[Reviewed]:
        rows = await bulk_reviews.above(admin, kind, Decimal(str(least)))
        return [each async for each in bulk_reviews.review(admin, rows)]
