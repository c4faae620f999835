"""`/api/v1/mappings/duplicates`, `/differences` and `/product-differences`: what the matcher says of all customers, and of all decisions."""

from typing import Annotated, Literal

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from worker.matching import MATCHER_VERSION
from worker.services import Services
from worker.suggesting import judging
from worker.suggesting.kinds import PRODUCTS
from worker.web.api.paging import ROWS_USUAL, Limit
from worker.web.description import described
from worker.workspaces.api_tokens import Scope

Judge = Literal["person", "automatic", "crm"]


class DuplicateCustomer(Struct, frozen=True):
    """A customer in QuickBooks that is probably a duplicate of another one.

    Attributes:
        customer: Its ID; of the two, it was created later.
        customer_name: Its display name.
        other: The other customer's ID.
        other_name: Its display name.
        score: The probability that the names are one company's, in percent.
        reasons: The codes of the evidence.
    """

    customer: str
    customer_name: str
    other: str
    other_name: str
    score: float
    reasons: list[str]


class DuplicateCustomers(Struct, frozen=True):
    """Customers that are probably duplicates, the surest first.

    Attributes:
        items: The first of them.
        total: How many there are.
    """

    items: list[DuplicateCustomer]
    total: int


class DifferingDecision(Struct, frozen=True):
    """A decision about an account that the present matcher would make otherwise.

    Attributes:
        account: The account's ID in the CRM.
        account_name: Its name.
        decision: `mapped` if it has a customer, and another one is the best now; `rejected` if a rejected one is the best.
        by: Who decided: a person, the worker by itself, or the CRM.
        customer: The ID of the customer that was mapped or rejected.
        customer_name: Its name; none if QuickBooks has it no longer.
        customer_score: Its score now, in percent; none if it is none of the nearest.
        best: The ID of the best customer now.
        best_name: Its name.
        score: Its score, in percent.
        reasons: The codes of the evidence for it.
        matcher: The version of the matcher that compared the account last before the decision; none if none did.
    """

    account: str
    account_name: str
    decision: Literal["mapped", "rejected"]
    by: Judge
    customer: str
    customer_name: str | None
    customer_score: float | None
    best: str
    best_name: str
    score: float
    reasons: list[str]
    matcher: int | None


class DifferingDecisions(Struct, frozen=True):
    """Decisions that the present matcher would make otherwise, the surest first. None of them was changed.

    Attributes:
        items: The first of them.
        total: How many there are.
        matcher: The version of the present matcher.
    """

    items: list[DifferingDecision]
    total: int
    matcher: int


class DifferingProduct(Struct, frozen=True):
    """A decision about a product that the present matcher would make otherwise; the fields are those of `DifferingDecision`.

    Attributes:
        product: The product's ID in the CRM.
        product_name: Its name in the last quote.
        decision: `mapped` if it has an item, and another one is the best now; `rejected` if a rejected one is the best.
        by: Who decided: a person, or the worker by itself.
        item: The ID of the item that was mapped or rejected.
        item_name: Its name, with its categories; none if QuickBooks has it no longer.
        item_score: Its score now, in percent; none if it is none of the nearest.
        best: The ID of the best item now.
        best_name: Its name.
        score: Its score, in percent.
        reasons: The codes of the evidence for it.
        matcher: The version of the matcher that compared the product last before the decision; none if none did.
    """

    product: str
    product_name: str
    decision: Literal["mapped", "rejected"]
    by: Judge
    item: str
    item_name: str | None
    item_score: float | None
    best: str
    best_name: str
    score: float
    reasons: list[str]
    matcher: int | None


class DifferingProducts(Struct, frozen=True):
    """Decisions about products that the present matcher would make otherwise, the surest first. None of them was changed.

    Attributes:
        items: The first of them.
        total: How many there are.
        matcher: The version of the present matcher.
    """

    items: list[DifferingProduct]
    total: int
    matcher: int


Older = Annotated[
    bool,
    QueryParameter(description="Only decisions before which an older matcher compared what was decided."),
]


class JudgingApi(Controller):
    """The duplicates and the differing decisions of the workspace of the token."""

    path = "/api/v1/mappings"
    tags = ("Mappings",)

    @get(
        "/duplicates",
        **described(Scope.READ, 400),
        operation_id="listDuplicates",
        summary="List customers in QuickBooks that are probably duplicates",
    )
    async def duplicates(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        limit: Limit = ROWS_USUAL,
    ) -> DuplicateCustomers:
        """Compare all active customers of the connected company, which takes seconds if they are many."""
        found = await judging.duplicate_customers(services.database, workspace)
        items = [
            DuplicateCustomer(each.id, each.name, each.other, each.other_name, each.score, list(each.reasons))
            for each in found[:limit]
        ]
        return DuplicateCustomers(items, len(found))

    @get(
        "/differences",
        **described(Scope.READ, 400),
        operation_id="listDifferences",
        summary="List decisions that the present matcher would make otherwise",
    )
    async def differences(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        older: Older = False,
        limit: Limit = ROWS_USUAL,
    ) -> DifferingDecisions:
        """Compare all decided accounts with the customers again, which takes seconds if they are many; change nothing."""
        found = await judging.changed_decisions(services.database, workspace, older=older)
        rows = [{**each.told("account", "customer"), "reasons": [*each.reasons]} for each in found[:limit]]
        return DifferingDecisions([DifferingDecision(**row) for row in rows], len(found), MATCHER_VERSION)

    @get(
        "/product-differences",
        **described(Scope.READ, 400),
        operation_id="listProductDifferences",
        summary="List decisions about products that the present matcher would make otherwise",
    )
    async def product_differences(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        older: Older = False,
        limit: Limit = ROWS_USUAL,
    ) -> DifferingProducts:
        """Compare all decided products with the items again, which takes seconds if they are many; change nothing."""
        found = await judging.changed_decisions(services.database, workspace, PRODUCTS, older=older)
        rows = [{**each.told("product", "item"), "reasons": [*each.reasons]} for each in found[:limit]]
        return DifferingProducts([DifferingProduct(**row) for row in rows], len(found), MATCHER_VERSION)
