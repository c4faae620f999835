"""Request new customers for accounts, and new items for products."""

from collections.abc import Callable
from typing import Concatenate, Literal, ParamSpec

import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import CustomerRequested, ItemRequested
from events.contract.values import Fact
from worker.actions.admin import ActionRefused, Admin
from worker.actions.recording import record
from worker.quote_to_cash.creation import CannotCreate
from worker.quote_to_cash.customers.wishes import check_customer, customer_waits_for
from worker.quote_to_cash.items.wishes import check_item, item_waits_for
from worker.quote_to_cash.store import StateStore
from worker.quote_to_cash.view import View

P = ParamSpec("P")


async def request_customer(
    admin: Admin, account_id: str, currency: str | None = None, name: str | None = None
) -> int:
    """Request a new customer for an account, with the given currency and name if any.

    Raises:
        ActionRefused: No customer would be created: the account has a usable one, or the name is unusable.
    """

    def decide(view: View) -> tuple[str, Fact]:
        instead_of = _checked(check_customer, view, account_id, currency, name)
        return catalog.CUSTOMER_REQUESTED, CustomerRequested(account_id, admin.by, currency, name, instead_of)

    return await record(admin, decide)


async def request_item(admin: Admin, product_id: str, name: str | None = None) -> int:
    """Request a new item for a product, with the given name if any.

    Raises:
        ActionRefused: No item would be created: the product has a usable one, or the name is unusable.
    """

    def decide(view: View) -> tuple[str, Fact]:
        instead_of = _checked(check_item, view, product_id, name)
        return catalog.ITEM_REQUESTED, ItemRequested(product_id, admin.by, name, instead_of)

    return await record(admin, decide)


async def creation_of(admin: Admin, kind: Literal["account", "product"], subject: str) -> str:
    """Return a sentence about when the requested customer or item is created."""

    def look(connection: sa.Connection) -> str | None:
        view = StateStore(connection, admin.workspace)
        return (customer_waits_for if kind == "account" else item_waits_for)(view, subject)

    waits_for = await admin.database.read(look)
    what = f"{'customer' if kind == 'account' else 'item'} for {subject}"
    about = f"q2c log --about {kind}/{subject} shows its progress"
    return (
        f"The {what} is created once {waits_for}; {about}." if waits_for else f"Creating the {what}; {about}."
    )


def _checked(
    check: Callable[Concatenate[View, P], str | None], view: View, *args: P.args, **kwargs: P.kwargs
) -> str | None:
    """Return the ID of the unusable customer or item that a requested one replaces, if any."""
    try:
        return check(view, *args, **kwargs)
    except CannotCreate as error:
        raise ActionRefused(error.reason, str(error)) from error
