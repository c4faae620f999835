"""Differences between accounts and their customers: `q2c conflicts`."""

from typing import Annotated, Any, Literal, get_args

import typer
from msgspec.structs import asdict

from events.contract.in_step import FieldName, Side
from projections.in_step_entries import SPOKEN, spoken_value
from worker.actions import conflicts
from worker.actions.conflicts import KEY, ConflictsWanted, Decided
from worker.cli.context import accepted, admin, run, workspace_name
from worker.cli.failing import FINDING, Unusable
from worker.cli.lazy import commands
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import print_rows
from worker.services import Services

COLUMNS = ("account", "customer", "field", "state", "crm", "quickbooks", "agreed", "since", "message")
State = Literal["conflict", "refused", "to_crm", "to_quickbooks", "off"]
StateOption = Annotated[
    State | None,
    typer.Option(
        "--state",
        help="conflict or refused (default: both); or what is on its way to_crm or to_quickbooks, or off.",
    ),
]
AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's ID in the CRM.")]
FieldArgument = Annotated[
    str, typer.Argument(metavar="FIELD", help="name, email, phone, billing_address or shipping_address.")
]
CustomerOption = Annotated[
    str | None,
    typer.Option("--customer", metavar="CUSTOMER_ID", help="The customer, if the account has several."),
]

app = commands("List and decide the differences between accounts and their customers.", without_command=True)


@app.callback()
def main(
    context: typer.Context,
    *,
    state: StateOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List and decide the differences between accounts and their customers. Without a command: list them."""
    if context.invoked_subcommand is None:
        list_conflicts(state=state, workspace=workspace, as_json=as_json)
    elif state or workspace or as_json:
        raise Unusable(f"Put options after the command: q2c conflicts {context.invoked_subcommand} …")


@app.command("list")
def list_conflicts(
    *,
    state: StateOption = None,
    account: Annotated[str | None, typer.Option("--account", help="Only those of this account.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List conflicts and refused fields, with both values and the values on which both sides agreed last."""
    wanted = ConflictsWanted(state, account)

    async def work(opened: Services) -> list[dict[str, Any]]:
        name, rows, after = await workspace_name(opened, workspace), [], None
        while page := await opened.database.read(conflicts.list_conflicts, name, wanted=wanted, after=after):
            rows += page
            after = [page[-1][part] for part in KEY]
        return rows

    rows = run(work)
    shown = rows if as_json else [_spoken(row) for row in rows]
    print_rows(shown, COLUMNS, as_json=as_json, empty="No differences wait for a person.")


@app.command("resolve")
def resolve(
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="The account's ID in the CRM.")
    ] = None,
    field: Annotated[
        str | None,
        typer.Argument(metavar="[FIELD]", help="name, email, phone, billing_address or shipping_address."),
    ] = None,
    side: Annotated[
        str | None, typer.Argument(metavar="[SIDE]", help="crm or quickbooks: the side whose value holds.")
    ] = None,
    *,
    customer: CustomerOption = None,
    every: Annotated[bool, typer.Option("--all", help="Every conflict; with --field, of one field.")] = False,
    take: Annotated[
        str | None, typer.Option("--take", metavar="SIDE", help="With --all: crm or quickbooks.")
    ] = None,
    of_field: Annotated[
        str | None, typer.Option("--field", metavar="FIELD", help="With --all: only this field.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a conflict for the value of one side, or all of them. Exits with 1 if one of all is refused."""
    if every:
        if account or field or side or customer or take is None:
            raise Unusable("With --all, choose --take crm or --take quickbooks, and --field if you like.")
        _resolve_all(_side(take), _field(of_field) if of_field else None, workspace, as_json=as_json)
        return
    if account is None or field is None or side is None or take or of_field:
        raise Unusable("Choose ACCOUNT FIELD SIDE, such as A-9 email crm; or --all --take crm.")
    name, taken = _field(field), _side(side)

    async def work(opened: Services) -> tuple[int, str]:
        position = await conflicts.resolve(await admin(opened, workspace), account, name, taken, customer)
        whose = "the CRM" if taken == "crm" else "QuickBooks"
        return position, f"The {SPOKEN[name]} of account {account} is that of {whose}."

    accepted(*run(work), as_json=as_json)


@app.command("retry")
def retry(
    account: AccountArgument,
    field: FieldArgument,
    *,
    customer: CustomerOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a field that QuickBooks refused again."""
    name = _field(field)

    async def work(opened: Services) -> tuple[int, str]:
        position = await conflicts.retry(await admin(opened, workspace), account, name, customer)
        return position, f"The {SPOKEN[name]} of account {account} is sent again."

    accepted(*run(work), as_json=as_json)


def _resolve_all(take: Side, field: FieldName | None, workspace: str | None, *, as_json: bool) -> None:
    async def work(opened: Services) -> list[Decided]:
        acting = await admin(opened, workspace)
        return [each async for each in conflicts.resolve_all(acting, take, field)]

    decided = run(work)
    rows = [asdict(each) for each in decided]
    shown = rows if as_json else [{**row, "done": "done" if row["done"] else "refused"} for row in rows]
    print_rows(
        shown, ("account", "customer", "field", "done", "detail"), as_json=as_json, empty="No conflicts."
    )
    if not all(each.done for each in decided):
        raise typer.Exit(FINDING)


def _side(text: str) -> Side:
    for side in get_args(Side):
        if text.casefold() == side:
            found: Side = side
            return found
    raise Unusable(f"{text!r} is no side; choose crm or quickbooks.")


def _field(text: str) -> FieldName:
    for name in get_args(FieldName):
        if text.casefold().replace("-", "_") == name:
            found: FieldName = name
            return found
    raise Unusable(f"{text!r} is no field; choose from {', '.join(get_args(FieldName))}.")


def _spoken(row: dict[str, Any]) -> dict[str, Any]:
    """Return a difference with its values as texts."""
    agreed = row["agreed"]
    last = agreed and f"{spoken_value(agreed.crm)} / {spoken_value(agreed.quickbooks)}"
    if agreed and agreed.crm == agreed.quickbooks:
        last = spoken_value(agreed.crm)
    return {
        **row,
        "crm": spoken_value(row["crm"]),
        "quickbooks": spoken_value(row["quickbooks"]),
        "agreed": last,
        "since": f"{row['since']:%Y-%m-%d %H:%M}",
    }
