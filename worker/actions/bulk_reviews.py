"""Many decisions at once: accept every suggestion from a score on, and carry out the rows of a spreadsheet one by one."""

from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from functools import partial
from typing import ClassVar, Literal

from msgspec import Struct

from events.contract.values import Identifier
from projections import queries
from projections.queries import MappingsWanted
from worker.actions import reviews
from worker.actions.admin import ActionRefused, Admin
from worker.actions.reviewed import ACCOUNTS, PRODUCTS, ReviewedKind

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

    kind: ClassVar[ReviewedKind] = ACCOUNTS

    account: Identifier
    decision: Decision
    customer: Identifier | None = None
    also: bool = False

    @property
    def subject(self) -> str:
        """The account's ID."""
        return self.account

    @property
    def target(self) -> str | None:
        """The customer's ID."""
        return self.customer


class ProductDecision(Struct, frozen=True):
    """A decision about a product.

    Attributes:
        product: The product's ID in the CRM.
        decision: `accept` the suggested item, `reject` an item, `map` to an item, `create` one, `ignore`, `unignore`.
        item: The ID of the QuickBooks item that is accepted, rejected or mapped to.
    """

    kind: ClassVar[ReviewedKind] = PRODUCTS
    also: ClassVar[bool] = False  # any number of products may have one item

    product: Identifier
    decision: Decision
    item: Identifier | None = None

    @property
    def subject(self) -> str:
        """The product's ID."""
        return self.product

    @property
    def target(self) -> str | None:
        """The item's ID."""
        return self.item


MappingDecision = AccountDecision | ProductDecision


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


def decision_about(
    kind: ReviewedKind, subject: str, decision: Decision, target: str | None = None, *, also: bool = False
) -> MappingDecision:
    """Return a decision about an account or a product."""
    if kind is PRODUCTS:
        return ProductDecision(subject, decision, target)
    return AccountDecision(subject, decision, target, also)


async def review(admin: Admin, rows: Iterable[MappingDecision]) -> AsyncIterator[Reviewed]:
    """Carry out decisions in order, each in its own transaction; a refused one stops none that follows."""
    for row in rows:
        about = partial(
            Reviewed,
            account=row.subject if row.kind is ACCOUNTS else None,
            product=row.subject if row.kind is PRODUCTS else None,
            decision=row.decision,
        )
        try:
            position = await _carry_out(admin, row)
        except ActionRefused as error:
            yield about(done=False, reason=error.reason, detail=error.detail)
        else:
            yield about(done=True, position=position)


async def above(admin: Admin, kind: ReviewedKind, least: Decimal) -> list[MappingDecision]:
    """Return the acceptance of all that is suggested with at least a score, in percent; the surest come first."""
    found: list[queries.Row] = []
    after = None
    wanted = MappingsWanted(kind=kind.noun, state="suggested")
    while page := await admin.database.read(
        queries.list_mappings, admin.workspace, wanted=wanted, after=after
    ):
        found += page
        after = [page[-1][name] for name in queries.MAPPINGS_KEY]
    sure = [row for row in found if Decimal(row["suggestion"]["score"]) >= least]
    sure.sort(key=lambda row: (-Decimal(row["suggestion"]["score"]), row["id"]))
    return [decision_about(kind, row["id"], "accept", row["suggestion"][kind.target]) for row in sure]


async def _carry_out(admin: Admin, row: MappingDecision) -> int:
    kind, subject, target = row.kind, row.subject, row.target
    match row.decision:
        case "accept":
            return await reviews.accept(admin, kind, subject, target, also=row.also)
        case "reject":
            return await reviews.reject(admin, kind, subject, target)
        case "create":
            return await kind.create(admin, subject)
        case "ignore":
            return await reviews.ignore(admin, kind, subject)
        case "unignore":
            return await reviews.unignore(admin, kind, subject)
        case "map":
            if target is None:
                raise ActionRefused(
                    f"{kind.target}_missing",
                    f"To map the {kind.noun} {subject}, name the {kind.target}'s ID",
                    kind.target,
                )
            return await reviews.map_to(admin, kind, subject, target, also=row.also)
