"""`/api/v1/mappings/conflicts`: differences between accounts and their customers, and decisions about them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Struct

from events.contract.crm import Address
from events.contract.in_step import BothValues, FieldName, FieldState, Side
from events.contract.values import Identifier
from worker.actions import conflicts
from worker.actions.admin import Admin
from worker.actions.conflicts import KEY, ConflictsWanted, Decided, list_conflicts
from worker.services import Services
from worker.web.api.accepted import Accepted
from worker.web.api.paging import ROWS_USUAL, TEXT_KEY, Cursor, Limit, Listing, page, text_parameter
from worker.web.description import described, identifier
from worker.workspaces.api_tokens import Scope

CONFLICTS = Listing("conflicts", list_conflicts, dict.fromkeys(KEY, TEXT_KEY))
AccountId = Annotated[str, identifier("The account's id in the CRM.", "A-9")]
FieldPath = Annotated[FieldName, PathParameter(description="The field.")]
Listed = Literal["conflict", "refused", "to_crm", "to_quickbooks", "off"]


class FieldDifference(Struct, frozen=True):
    """A field that differs between an account and its customer.

    Attributes:
        account: The account's ID in the CRM.
        account_name: Its name.
        realm: The company of the customer.
        customer: The customer's ID in QuickBooks.
        customer_name: Its display name.
        field: The field.
        state: `conflict` or `refused`, which wait for a person; `to_crm` or `to_quickbooks` while one side's value is on its
            way to the other; `off` if `customer_sync` does not allow that way.
        crm: The CRM's value: a text, or an address.
        quickbooks: QuickBooks' value.
        agreed: The values on which both sides agreed last; none if they never did.
        since: Since when it is in this state.
        message: Why QuickBooks refuses it.
        remedy: A sentence: what a person can do.
    """

    account: str
    account_name: str | None
    realm: str
    customer: str
    customer_name: str | None
    field: FieldName
    state: FieldState
    crm: str | Address | None
    quickbooks: str | Address | None
    agreed: BothValues | None
    since: datetime
    message: str | None
    remedy: str | None


class FieldDifferences(Struct, frozen=True):
    """A page of differences, by customer and field.

    Attributes:
        items: The differences.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[FieldDifference]
    next_cursor: str | None


class ConflictDecision(Struct, frozen=True):
    """The decision of a conflict.

    Attributes:
        take: The side whose value holds.
        customer: The customer's ID; needed only if the account has several customers with this conflict.
    """

    take: Side
    customer: Identifier | None = None


class FieldRetry(Struct, frozen=True):
    """The request to send a refused field again.

    Attributes:
        customer: The customer's ID; needed only if the account has several customers with this field refused.
    """

    customer: Identifier | None = None


class ConflictsDecision(Struct, frozen=True):
    """The decision of all conflicts for one side.

    Attributes:
        take: The side whose values hold.
        field: Only the conflicts of this field.
    """

    take: Side
    field: FieldName | None = None


class DecidedConflicts(Struct, frozen=True):
    """The results of decisions.

    Attributes:
        items: The results, in order.
    """

    items: list[Decided]


class ConflictsApi(Controller):
    """The differences between accounts and their customers, in the workspace of the token."""

    path = "/api/v1/mappings"
    tags = ("Mappings",)

    @get(
        "/conflicts",
        **described(Scope.READ, 400),
        operation_id="listConflicts",
        summary="List the differences between accounts and their customers",
    )
    async def conflicts(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        account: Annotated[str | None, text_parameter("Only those of this account.", "A-9")] = None,
        field: Annotated[FieldName | None, QueryParameter(description="Only those of this field.")] = None,
        field_state: Annotated[
            Listed | None,
            QueryParameter(
                name="state", description="Only those in this state; default: conflict and refused."
            ),
        ] = None,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> FieldDifferences:
        """Return a page of differences."""
        wanted = ConflictsWanted(field_state, account, field)
        rows, next_cursor = await page(services, workspace, CONFLICTS, wanted, cursor, limit)
        names = FieldDifference.__struct_fields__
        return FieldDifferences(
            [FieldDifference(**{name: row[name] for name in names}) for row in rows], next_cursor
        )

    @post(
        "/accounts/{account:str}/conflicts/{field:str}",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="resolveConflict",
        summary="Decide a conflict for the value of one side",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def resolve(
        self,
        admin: NamedDependency[Admin],
        account: AccountId,
        field: FieldPath,
        data: JSONBody[ConflictDecision],
    ) -> Accepted:
        """Write the value of the chosen side to the other one."""
        return Accepted(await conflicts.resolve(admin, account, field, data.take, data.customer))

    @post(
        "/accounts/{account:str}/conflicts/{field:str}/retry",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="retryField",
        summary="Send a field that QuickBooks refused again",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def retry(
        self,
        admin: NamedDependency[Admin],
        account: AccountId,
        field: FieldPath,
        data: JSONBody[FieldRetry],
    ) -> Accepted:
        """Send the account's value to QuickBooks once more."""
        return Accepted(await conflicts.retry(admin, account, field, data.customer))

    @post(
        "/conflicts",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="resolveConflicts",
        summary="Decide all conflicts for one side",
        status_code=HTTPStatus.OK,
    )
    async def resolve_all(
        self, admin: NamedDependency[Admin], data: JSONBody[ConflictsDecision]
    ) -> DecidedConflicts:
        """Decide the conflicts one by one, and return the result of each; a refused one stops none that follows."""
        return DecidedConflicts([each async for each in conflicts.resolve_all(admin, data.take, data.field)])
