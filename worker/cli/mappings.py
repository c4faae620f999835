"""Mappings of accounts to customers, and of products to items."""

from typing import Annotated

import typer

from worker.actions import mappings, reviews
from worker.actions.reviewed import ACCOUNTS, PRODUCTS
from worker.cli.context import accepted, admin, run
from worker.cli.failing import Unusable
from worker.cli.options import JsonOption, WorkspaceOption
from worker.services import Services

CreateOption = Annotated[bool, typer.Option("--create", help="Create it in QuickBooks.")]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="With --create: a name to use instead of the CRM's, if that is taken."),
]

AlsoOption = Annotated[
    bool,
    typer.Option("--also", help="The customer is another account's; link this one for invoices only."),
]


def map_account(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's ID in the CRM.")],
    customer: Annotated[
        str | None, typer.Argument(metavar="[CUSTOMER_ID]", help="The customer's ID in QuickBooks.")
    ] = None,
    *,
    create: CreateOption = False,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CODE", help="Only for deals in this currency.")
    ] = None,
    name: NameOption = None,
    also: AlsoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map a CRM account to a QuickBooks customer, or create one."""
    _one_of(customer, create=create, what="CUSTOMER_ID", name=name)

    async def work(opened: Services) -> tuple[int, str]:
        acting = await admin(opened, workspace)
        if customer is not None:
            for_deals = f", for deals in {currency}" if currency else ""
            said = (
                f"Mapped account {account} to customer {customer}{for_deals}. Reading it from QuickBooks now."
            )
            mapped = reviews.map_to(acting, ACCOUNTS, account, customer, currency=currency, also=also)
            return await mapped, said
        position = await mappings.request_customer(acting, account, currency, name)
        return position, await mappings.creation_of(acting, "account", account)

    accepted(*run(work), as_json=as_json)


def map_product(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="The product's ID in the CRM.")],
    item: Annotated[
        str | None, typer.Argument(metavar="[ITEM_ID]", help="The item's ID in QuickBooks.")
    ] = None,
    *,
    create: CreateOption = False,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map a CRM product to a QuickBooks item, or create one."""
    _one_of(item, create=create, what="ITEM_ID", name=name)

    async def work(opened: Services) -> tuple[int, str]:
        acting = await admin(opened, workspace)
        if item is not None:
            said = f"Mapped product {product} to item {item}. Reading it from QuickBooks now."
            return await reviews.map_to(acting, PRODUCTS, product, item), said
        position = await mappings.request_item(acting, product, name)
        return position, await mappings.creation_of(acting, "product", product)

    accepted(*run(work), as_json=as_json)


def _one_of(target: str | None, *, create: bool, what: str, name: str | None) -> None:
    if (target is None) != create:
        raise Unusable(f"Choose {what} or --create.")
    if name is not None and not create:
        raise Unusable("--name needs --create.")
