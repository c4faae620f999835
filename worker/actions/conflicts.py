"""Differences between accounts and their customers that wait for a person: list them, decide them, and send fields again."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct

from events.contract import in_step
from events.contract.in_step import (
    BothValues,
    ConflictResolved,
    FieldName,
    FieldRetried,
    FieldSettlement,
    FieldState,
    Side,
)
from projections.in_step_entries import SPOKEN
from worker.actions.admin import ActionRefused, Admin
from worker.actions.recording import record
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import owner_of
from worker.quote_to_cash.customers.naming import account_name
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.in_step.state import LISTED, Pair
from worker.quote_to_cash.in_step.values import crm_value, quickbooks_value
from worker.quote_to_cash.readings.state import Customer
from worker.quote_to_cash.store import StateStore, process_waits
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import BOTH, TO_CRM, TO_QUICKBOOKS
from worker.workspaces.settings import rule_of

Row = dict[str, Any]
Waiting = Literal["conflict", "refused"]
KEY = ("pair", "field")
ROWS_MAX = 1000
PAIRS_AT_ONCE = 200
_WAYS: dict[Side, str] = {"crm": TO_QUICKBOOKS, "quickbooks": TO_CRM}
_REMEDIES: dict[FieldState, str] = {
    "conflict": "Decide for the value of one side.",
    "refused": "Correct the value in the CRM; or remove the cause in QuickBooks, and request that it be sent again.",
}


class ConflictsWanted(Struct, frozen=True):
    """The filters of a list of differences; a difference has to meet every filter that is set.

    `state` is conflict or refused, which are both listed without it; or to_crm, to_quickbooks or off.
    """

    state: str | None = None
    account: str | None = None
    field: str | None = None


class Decided(Struct, frozen=True):
    """The result of one decision of many.

    Attributes:
        account: The account's ID in the CRM.
        customer: The customer's ID in QuickBooks.
        field: The field.
        done: Whether it was recorded.
        position: The position in the log of its event.
        reason: The code of the refusal.
        detail: A sentence: why it was refused.
    """

    account: str
    customer: str
    field: str
    done: bool
    position: int | None = None
    reason: str | None = None
    detail: str | None = None


def list_conflicts(
    connection: sa.Connection,
    workspace: str,
    limit: int = ROWS_MAX,
    wanted: ConflictsWanted = ConflictsWanted(),  # noqa: B008 - it is frozen
    after: Sequence[str | int] | None = None,
) -> list[Row]:
    """Return differences between accounts and their customers, by customer and field."""
    states = (wanted.state,) if wanted.state else ("conflict", "refused")
    keys = [LISTED[state] for state in states if state in LISTED]
    begin, is_begun = f"pair/{after[0]}" if after else "", False
    rows: list[Row] = []
    while True:
        streams = _streams(connection, workspace, keys, begin, is_begun=is_begun)
        view = StateStore(connection, workspace)
        _preload(view, streams)
        found = (row for stream in streams for row in _rows(view, stream, states, wanted))
        rows += [row for row in found if after is None or [row[name] for name in KEY] > list(after)]
        if len(rows) >= limit or len(streams) < PAIRS_AT_ONCE:
            return rows[:limit]
        begin, is_begun = streams[-1], True


async def resolve(
    admin: Admin, account_id: str, field: FieldName, take: Side, customer_id: str | None = None
) -> int:
    """Decide a conflict for the value of one side; `customer_id` is needed if the account has several customers.

    Raises:
        ActionRefused: There is no such conflict, or the settings do not allow that side's value to be written.
    """

    def decide(view: View) -> tuple[str, ConflictResolved]:
        key, values = _waiting(view, account_id, field, "conflict", customer_id)
        settings = view.get(WorkspaceState).settings
        if settings.customer_sync not in {BOTH, _WAYS[take]}:
            raise ActionRefused(
                "way_is_off",
                f"customer_sync is {settings.customer_sync}: {_WAYS[take]} or {BOTH} writes that value to the other side",
                "take",
            )
        if rule_of(settings, field) not in {BOTH, take}:
            raise ActionRefused(
                "rule_is_other",
                f"sync_{field} is {rule_of(settings, field)}: with {BOTH} or {take}, that side's value can be taken",
                "take",
            )
        realm, _, customer = key.partition("/")
        return in_step.CONFLICT_RESOLVED, ConflictResolved(
            account_id, realm, customer, field, take, values, admin.by
        )

    return await record(admin, decide)


async def retry(admin: Admin, account_id: str, field: FieldName, customer_id: str | None = None) -> int:
    """Request that a refused field be sent to QuickBooks again.

    Raises:
        ActionRefused: The field is not refused.
    """

    def decide(view: View) -> tuple[str, FieldRetried]:
        key, _ = _waiting(view, account_id, field, "refused", customer_id)
        realm, _, customer = key.partition("/")
        return in_step.FIELD_RETRIED, FieldRetried(account_id, realm, customer, field, admin.by)

    return await record(admin, decide)


async def resolve_all(admin: Admin, take: Side, field: FieldName | None = None) -> AsyncIterator[Decided]:
    """Decide every conflict, or those of one field, for one side, each in its own transaction; a refusal stops none."""
    wanted, after = ConflictsWanted("conflict", field=field), None
    while page := await admin.database.read(list_conflicts, admin.workspace, wanted=wanted, after=after):
        for row in page:
            account, customer = row["account"], row["customer"]
            try:
                position = await resolve(admin, account, row["field"], take, customer)
            except ActionRefused as error:
                yield Decided(
                    account, customer, row["field"], False, reason=error.reason, detail=error.detail
                )
            else:
                yield Decided(account, customer, row["field"], True, position)
        after = [page[-1][name] for name in KEY]


def _waiting(
    view: View, account_id: str, field: FieldName, state: Waiting, customer_id: str | None
) -> tuple[str, BothValues]:
    """Return the key of the account's pair with a field in a state, and the field's values."""
    realm, account = view.get(WorkspaceState).realm, view.get(Account, account_id)
    customers = dict.fromkeys(link.customer_id for link in account.links_in(realm))
    found = {}
    for each in customers if customer_id is None else [customer_id]:
        key = f"{realm}/{each}"
        settled = view.get(Pair, key).fields.get(field)
        if settled is not None and settled.state == state and _is_present(view, key, account_id, settled):
            found[key] = settled.values
    if not found:
        name = account_name(view, account_id)
        said = "is in no conflict" if state == "conflict" else "was not refused by QuickBooks"
        raise ActionRefused(f"no_{state}", f"The {SPOKEN[field]} of the account {name} {said}", "field")
    if len(found) > 1:
        ids = ", ".join(key.partition("/")[2] for key in found)
        raise ActionRefused("customer_missing", f"Name one of the account's customers: {ids}", "customer")
    return next(iter(found.items()))


def _is_present(view: View, key: str, account_id: str, settled: FieldSettlement) -> bool:
    """Return whether a settled field belongs to an account and its customer still, with the values that both have now."""
    account, seen = view.get(Account, account_id).latest, view.get(Customer, key).observed
    if owner_of(view, key) != account_id or account is None or seen is None:
        return False
    now = BothValues(crm_value(account, settled.field), quickbooks_value(seen, settled.field))
    return settled.field == "currency" or now == settled.values


def _streams(
    connection: sa.Connection, workspace: str, keys: Sequence[str], begin: str, *, is_begun: bool
) -> list[str]:
    """Return the next pairs that wait on one of some keys; without `begin` itself, if it was read before."""
    columns = process_waits.c
    following = columns.stream > begin if is_begun else columns.stream >= begin
    statement = (
        sa.select(columns.stream)
        .where(columns.workspace == workspace, columns.key.in_(keys), following)
        .distinct()
        .order_by(columns.stream)
        .limit(PAIRS_AT_ONCE)
    )
    return list(connection.scalars(statement))


def _preload(view: StateStore, streams: Sequence[str]) -> None:
    customers = [f"customer/{stream.partition('/')[2]}" for stream in streams]
    view.preload([*streams, *customers])
    pairs = [view.get(Pair, stream.partition("/")[2]) for stream in streams]
    view.preload([f"account/{pair.account_id}" for pair in pairs])


def _rows(view: View, stream: str, states: Sequence[str], wanted: ConflictsWanted) -> Iterator[Row]:
    """Yield the differences of a pair, unless the customer is another account's by now."""
    key = stream.partition("/")[2]
    pair = view.get(Pair, key)
    if pair.account_id is None or owner_of(view, key) != pair.account_id:
        return
    if wanted.account not in {None, pair.account_id}:
        return
    for name in sorted(pair.fields):
        field = pair.fields[name]
        if field.state in states and wanted.field in {None, name}:
            yield _row(view, key, pair, field, pair.since[name])


def _row(view: View, key: str, pair: Pair, field: FieldSettlement, since: datetime) -> Row:
    realm, _, customer_id = key.partition("/")
    account, seen = view.get(Account, pair.account_id or "").latest, view.get(Customer, key).observed
    return {
        "pair": key,
        "account": pair.account_id,
        "account_name": account.name if account else None,
        "realm": realm,
        "customer": customer_id,
        "customer_name": seen.display_name if seen else None,
        "field": field.field,
        "state": field.state,
        "crm": field.values.crm,
        "quickbooks": field.values.quickbooks,
        "agreed": field.base,
        "since": since,
        "message": field.message,
        "remedy": _REMEDIES.get(field.state),
    }
