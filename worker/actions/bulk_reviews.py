"""Many decisions at once: accept every suggestion from a score on, and carry out the rows of a spreadsheet one by one."""

from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from events.contract.values import Identifier
from projections import queries
from projections.queries import MappingsWanted
from worker.actions import reviews
from worker.actions.admin import ActionRefused, Admin
from worker.actions.mappings import request_customer

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


class Reviewed(Struct, frozen=True):
    """The result of a decision.

    Attributes:
        account: The account's ID in the CRM.
        decision: The decision.
        done: Whether it was recorded.
        position: The position in the log of its event.
        reason: The code of the refusal.
        detail: A sentence: why it was refused.
    """

    account: str
    decision: Decision
    done: bool
    position: int | None = None
    reason: str | None = None
    detail: str | None = None


async def review(admin: Admin, rows: Iterable[AccountDecision]) -> AsyncIterator[Reviewed]:
    """Carry out decisions in order, each in its own transaction; a refused one stops none that follows."""
    for row in rows:
        try:
            position = await _carry_out(admin, row)
        except ActionRefused as error:
            yield Reviewed(row.account, row.decision, False, reason=error.reason, detail=error.detail)
        else:
            yield Reviewed(row.account, row.decision, True, position)


async def above(admin: Admin, least: Decimal) -> list[AccountDecision]:
    """Return the acceptance of every suggestion that waits and has at least a score, in percent; the surest come first."""
    found: list[queries.Row] = []
    after = None
    while page := await admin.database.read(
        queries.list_mappings, admin.workspace, wanted=MappingsWanted(state="suggested"), after=after
    ):
        found += page
        after = [page[-1][name] for name in queries.MAPPINGS_KEY]
    sure = [row for row in found if Decimal(row["suggestion"]["score"]) >= least]
    sure.sort(key=lambda row: (-Decimal(row["suggestion"]["score"]), row["id"]))
    return [AccountDecision(row["id"], "accept", row["suggestion"]["customer"]) for row in sure]


async def _carry_out(admin: Admin, row: AccountDecision) -> int:
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
