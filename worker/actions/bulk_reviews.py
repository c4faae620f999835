"""Many decisions at once: accept every suggestion from a score on, and carry out the rows of a spreadsheet one by one."""

from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from functools import partial
from typing import Literal

from msgspec import Struct

from events.contract.values import Identifier
from projections import queries
from projections.queries import MappingsWanted
from worker.actions import product_reviews, reviews
from worker.actions.admin import ActionRefused, Admin
from worker.actions.mappings import request_customer, request_item

Decision = Literal["accept", "reject", "map", "create", "ignore", "unignore"]
DECISIONS: tuple[Decision, ...] = ("accept", "reject", "map", "create", "ignore", "unignore")


class AccountDecision(Struct, frozen=True):
    """A decision about an account.

    Attributes:
        account: The account's ID in the CRM.
        decision: `accept` the suggested customer, `reject` a customer, `map` to a customer, `create` one, `ignore`, `unignore`.
        customer: The ID of the QuickBooks customer that is accepted, rejected or mapped to.
        also: Whether the customer may be another account's: this one is then linked for invoices only.
    """

    account: Identifier
    decision: Decision
    customer: Identifier | None = None
    also: bool = False


class ProductDecision(Struct, frozen=True):
    """A decision about a product.

    Attributes:
        product: The product's ID in the CRM.
        decision: `accept` the suggested item, `reject` an item, `map` to an item, `create` one, `ignore`, `unignore`.
        item: The ID of the QuickBooks item that is accepted, rejected or mapped to.
    """

    product: Identifier
    decision: Decision
    item: Identifier | None = None


class Reviewed(Struct, frozen=True, kw_only=True):
    """The result of a decision.

    Attributes:
        account: The account's ID in the CRM, if the decision is about an account.
        product: The product's ID in the CRM, if it is about a product.
        decision: The decision.
        done: Whether it was recorded.
        position: The position in the log of its event.
        reason: The code of the refusal.
        detail: A sentence: why it was refused.
    """

    account: str | None = None
    product: str | None = None
    decision: Decision
    done: bool
    position: int | None = None
    reason: str | None = None
    detail: str | None = None


async def review(admin: Admin, rows: Iterable[AccountDecision | ProductDecision]) -> AsyncIterator[Reviewed]:
    """Carry out decisions in order, each in its own transaction; a refused one stops none that follows."""
    for row in rows:
        about = partial(
            Reviewed,
            account=row.account if isinstance(row, AccountDecision) else None,
            product=row.product if isinstance(row, ProductDecision) else None,
            decision=row.decision,
        )
        try:
            position = await _carry_out(admin, row)
        except ActionRefused as error:
            yield about(done=False, reason=error.reason, detail=error.detail)
        else:
            yield about(done=True, position=position)


async def above(admin: Admin, least: Decimal) -> list[AccountDecision]:
    """Return the acceptance of every customer that is suggested and has at least a score, in percent; the surest come first."""
    found = await _suggested(admin, "account", least)
    return [AccountDecision(row["id"], "accept", row["suggestion"]["customer"]) for row in found]


async def products_above(admin: Admin, least: Decimal) -> list[ProductDecision]:
    """Return the acceptance of every item that is suggested and has at least a score, in percent; the surest come first."""
    found = await _suggested(admin, "product", least)
    return [ProductDecision(row["id"], "accept", row["suggestion"]["item"]) for row in found]


async def _suggested(admin: Admin, kind: str, least: Decimal) -> list[queries.Row]:
    found: list[queries.Row] = []
    after = None
    wanted = MappingsWanted(kind=kind, state="suggested")
    while page := await admin.database.read(
        queries.list_mappings, admin.workspace, wanted=wanted, after=after
    ):
        found += page
        after = [page[-1][name] for name in queries.MAPPINGS_KEY]
    sure = [row for row in found if Decimal(row["suggestion"]["score"]) >= least]
    return sorted(sure, key=lambda row: (-Decimal(row["suggestion"]["score"]), row["id"]))


async def _carry_out(admin: Admin, row: AccountDecision | ProductDecision) -> int:
    return await (_of_account(admin, row) if isinstance(row, AccountDecision) else _of_product(admin, row))


async def _of_account(admin: Admin, row: AccountDecision) -> int:
    match row.decision:
        case "accept":
            return await reviews.accept(admin, row.account, row.customer, also=row.also)
        case "reject":
            return await reviews.reject(admin, row.account, row.customer)
        case "create":
            return await request_customer(admin, row.account)
        case "ignore":
            return await reviews.ignore(admin, row.account)
        case "unignore":
            return await reviews.unignore(admin, row.account)
        case "map":
            if row.customer is None:
                raise ActionRefused(
                    "customer_missing", "To map an account, name the customer's ID", "customer"
                )
            return await reviews.map_account(admin, row.account, row.customer, also=row.also)


async def _of_product(admin: Admin, row: ProductDecision) -> int:
    match row.decision:
        case "accept":
            return await product_reviews.accept_item(admin, row.product, row.item)
        case "reject":
            return await product_reviews.reject_item(admin, row.product, row.item)
        case "create":
            return await request_item(admin, row.product)
        case "ignore":
            return await product_reviews.ignore_product(admin, row.product)
        case "unignore":
            return await product_reviews.unignore_product(admin, row.product)
        case "map":
            if row.item is None:
                raise ActionRefused("item_missing", "To map a product, name the item's ID", "item")
            return await product_reviews.map_product(admin, row.product, row.item)
