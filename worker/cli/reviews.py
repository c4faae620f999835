"""The review of suggested customers: `q2c mappings`."""

from typing import Annotated

import typer

from worker.actions import reviews
from worker.cli.context import accepted, admin, run
from worker.cli.lazy import commands
from worker.cli.mappings import AlsoOption
from worker.cli.options import JsonOption, WorkspaceOption
from worker.services import Services

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's ID in the CRM.")]

app = commands("Review the QuickBooks customers that are suggested for CRM accounts.")


@app.command()
def accept(
    account: AccountArgument,
    *,
    also: AlsoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map an account to the customer that is suggested for it."""

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.accept(await admin(opened, workspace), account, also=also)
        return position, f"Mapped account {account} to the suggested customer."

    accepted(*run(work), as_json=as_json)


@app.command()
def reject(
    account: AccountArgument,
    customer: Annotated[
        str | None,
        typer.Argument(
            metavar="[CUSTOMER_ID]", help="The customer's ID in QuickBooks; default: the suggested."
        ),
    ] = None,
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reject a customer for an account: it is never suggested for it again."""

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.reject(await admin(opened, workspace), account, customer)
        named = f"customer {customer}" if customer else "the suggested customer"
        return position, f"Rejected {named} for account {account}."

    accepted(*run(work), as_json=as_json)


@app.command()
def override(
    account: AccountArgument,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="The customer's ID in QuickBooks.")],
    *,
    also: AlsoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map an account to any customer, whatever is suggested."""

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.map_account(await admin(opened, workspace), account, customer, also=also)
        return position, f"Mapped account {account} to customer {customer}. Reading it from QuickBooks now."

    accepted(*run(work), as_json=as_json)


@app.command()
def ignore(
    account: AccountArgument,
    *,
    why: Annotated[str | None, typer.Option("--why", help="The reason, for the integration log.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that an account gets no customer: its deals are not invoiced, and none is suggested."""

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.ignore(await admin(opened, workspace), account, why)
        return position, f"Account {account} is ignored, until it is mapped or un-ignored."

    accepted(*run(work), as_json=as_json)


@app.command()
def unignore(
    account: AccountArgument, *, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Say that an account is no longer ignored."""

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.unignore(await admin(opened, workspace), account)
        return position, f"Account {account} is no longer ignored."

    accepted(*run(work), as_json=as_json)
