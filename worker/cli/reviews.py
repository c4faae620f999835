"""The review of suggested customers: `q2c mappings`."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from msgspec.structs import asdict

from projections import queries
from projections.queries import MappingsWanted
from worker.actions import bulk_reviews, reviews
from worker.actions.bulk_reviews import DECISIONS, AccountDecision, Reviewed
from worker.cli import judging, spreadsheets
from worker.cli.context import accepted, admin, run, workspace_name
from worker.cli.failing import FINDING, Unusable
from worker.cli.lazy import commands
from worker.cli.mappings import AlsoOption
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import people, print_json, print_rows
from worker.services import Services
from worker.suggesting.stages import Stage, stage_of

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's ID in the CRM.")]
State = Literal["suggested", "mapped", "ignored", "unmatched"]
SHEET = (
    *("account", "account_name", "state", "decision", "customer", "customer_name"),
    *("score", "margin", "reasons", "runner_up", "decided_by", "decided_at"),
)
UNCOMPARED = {
    "not_connected": "no company is connected",
    "being_read": "the company is being read for the first time",
    "being_compared": "it is being compared",
}
YES = frozenset({"yes", "true", "1", "x"})

app = commands("Review the QuickBooks customers that are suggested for CRM accounts.")


@app.command("list")
def list_mappings(
    *,
    state: Annotated[
        State | None, typer.Option("--state", help="Only suggested, mapped, ignored or unmatched.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List accounts and products with their customers and items, and what is suggested for them."""
    wanted = MappingsWanted(state=state)

    async def work(opened: Services) -> list[dict[str, Any]]:
        name = await workspace_name(opened, workspace)
        stage = await opened.database.read(stage_of, name)
        return [_with_stage(row, stage) for row in await _listed(opened, name, wanted)]

    rows = run(work)
    shown = rows if as_json else [{**_flat(row), "state": _spoken(row)} for row in rows]
    columns = ("account", "account_name", "state", "customer", "customer_name", "score", "margin", "reasons")
    print_rows(shown, (*columns, "decided_by"), as_json=as_json, empty="Nothing to show.")


@app.command()
def accept(
    accounts: Annotated[
        list[str] | None, typer.Argument(metavar="[ACCOUNT]...", help="The accounts' IDs in the CRM.")
    ] = None,
    *,
    above: Annotated[
        float | None,
        typer.Option(
            "--above", min=0, max=100, help="Every suggestion with at least this score, in percent."
        ),
    ] = None,
    also: AlsoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map accounts to the customers that are suggested for them. Exits with 1 if one of them is refused."""
    if bool(accounts) == (above is not None):
        raise Unusable("Choose accounts or --above.")

    async def work(opened: Services) -> list[Reviewed]:
        acting = await admin(opened, workspace)
        if above is not None:
            rows = await bulk_reviews.above(acting, Decimal(str(above)))
        else:
            rows = [AccountDecision(account, "accept", also=also) for account in accounts or ()]
        return [each async for each in bulk_reviews.review(acting, rows)]

    _tell(run(work), as_json=as_json)


@app.command("export")
def export_sheet(
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="The CSV file to write.")],
    *,
    state: Annotated[
        State | None, typer.Option("--state", help="Only suggested, mapped, ignored or unmatched.")
    ] = None,
    semicolons: Annotated[
        bool, typer.Option("--semicolons", help="Separate by semicolons, as Excel expects in many countries.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write accounts with what is suggested for them to a CSV file, to be decided upon in a spreadsheet."""
    wanted = MappingsWanted(kind="account", state=state)

    async def work(opened: Services) -> list[dict[str, Any]]:
        return await _listed(opened, await workspace_name(opened, workspace), wanted)

    rows = [_flat(row) for row in run(work)]
    spreadsheets.write(file, SHEET, rows, ";" if semicolons else ",")
    if as_json:
        print_json({"rows": len(rows)})
    else:
        people.print(f"Wrote {len(rows)} accounts to {file}. Fill in the column decision, and import it.")


@app.command("import")
def import_sheet(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="The CSV file."),
    ],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Carry out the decisions of a CSV file: accept, reject, map, create, ignore, unignore; none where it is empty.

    Its columns are account, decision and customer, and also, if there is one. Exits with 1 if one of them is refused.
    """
    rows = list(_decisions(file))

    async def work(opened: Services) -> list[Reviewed]:
        acting = await admin(opened, workspace)
        return [each async for each in bulk_reviews.review(acting, rows)]

    _tell(run(work), as_json=as_json)


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


app.command("duplicates")(judging.duplicates)
app.command("differences")(judging.differences)


async def _listed(opened: Services, name: str, wanted: MappingsWanted) -> list[dict[str, Any]]:
    """Return every mapping that fits."""
    rows: list[dict[str, Any]] = []
    after = None
    while page := await opened.database.read(queries.list_mappings, name, wanted=wanted, after=after):
        rows += page
        after = [page[-1][key] for key in queries.MAPPINGS_KEY]
    return rows


def _with_stage(row: dict[str, Any], stage: Stage) -> dict[str, Any]:
    """Return a mapping with the reason that it was not compared yet, if it is unmatched for that reason."""
    return {**row, "unmatched": stage if row["state"] == "unmatched" and stage != "compared" else None}


def _spoken(row: dict[str, Any]) -> str:
    """Return the state of a mapping, with the reason that it was not compared yet."""
    return f"{row['state']}: {UNCOMPARED[row['unmatched']]}" if row["unmatched"] else str(row["state"])


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping as a row of a table: a customer is the mapped one, or else the suggested one."""
    found = row["suggestion"] or {}
    is_mapped = row["target"] is not None
    return {
        "account": row["id"],
        "account_name": row["name"],
        "state": row["state"],
        "customer": row["target"] if is_mapped else found.get("customer"),
        "customer_name": row["target_name"] if is_mapped else found.get("customer_name"),
        "score": found.get("score"),
        "margin": found.get("margin"),
        "reasons": ", ".join(found.get("reasons", ())),
        "runner_up": found.get("runner_up_name"),
        "decided_by": row["by"],
        "decided_at": row["decided_at"],
    }


def _decisions(file: Path) -> Iterator[AccountDecision]:
    for line, row in spreadsheets.read(file):
        if not {"account", "decision"} <= row.keys():
            raise Unusable(f"{file}: it needs the columns account and decision.")
        decision = next((each for each in DECISIONS if each == row["decision"].casefold()), None)
        if decision is None and row["decision"]:
            raise Unusable(
                f"{file}, line {line}: {row['decision']!r} is no decision; choose from {', '.join(DECISIONS)}."
            )
        if decision is not None:
            also = row.get("also", "").casefold() in YES
            yield AccountDecision(row["account"], decision, row.get("customer") or None, also)


def _tell(reviewed: list[Reviewed], *, as_json: bool) -> None:
    """Print the result of each decision, and exit with 1 if one was refused."""
    rows = [asdict(each) for each in reviewed]
    shown = rows if as_json else [{**row, "done": "done" if row["done"] else "refused"} for row in rows]
    print_rows(shown, ("account", "decision", "done", "detail"), as_json=as_json, empty="Nothing to decide.")
    if not all(each.done for each in reviewed):
        raise typer.Exit(FINDING)
