"""The review of suggested customers and items: `q2c mappings`."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from msgspec.structs import asdict

from projections import queries
from projections.queries import MappingsWanted
from worker.actions import bulk_reviews, reviews
from worker.actions.admin import Admin
from worker.actions.bulk_reviews import MappingDecision, Reviewed, decision_about
from worker.actions.reviewed import ACCOUNTS, PRODUCTS, ReviewedKind
from worker.cli import judging, mapping_sheets, spreadsheets
from worker.cli.context import accepted, admin, run, workspace_name
from worker.cli.failing import FINDING, Unusable
from worker.cli.lazy import commands
from worker.cli.mappings import AlsoOption
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import people, print_json, print_rows
from worker.services import Services
from worker.suggesting.stages import stage_of

SubjectArgument = Annotated[
    str,
    typer.Argument(metavar="ACCOUNT", help="The account's ID in the CRM; with --products, the product's."),
]
ProductsOption = Annotated[
    bool, typer.Option("--products", help="For products and items, instead of accounts and customers.")
]
State = Literal["suggested", "mapped", "ignored", "unmatched"]

app = commands("Review the customers and items that are suggested for accounts and products.")


@app.command("list")
def list_mappings(
    *,
    state: Annotated[
        State | None, typer.Option("--state", help="Only suggested, mapped, ignored or unmatched.")
    ] = None,
    products: Annotated[bool, typer.Option("--products", help="Only products.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List accounts and products with their customers and items, and what is suggested for them."""
    wanted = MappingsWanted(kind="product" if products else None, state=state)

    async def work(opened: Services) -> list[dict[str, Any]]:
        name = await workspace_name(opened, workspace)
        stage = await opened.database.read(stage_of, name)
        return [mapping_sheets.with_stage(row, stage) for row in await _listed(opened, name, wanted)]

    rows = run(work)
    shown = rows if as_json else [mapping_sheets.told(row) for row in rows]
    columns = ("kind", "id", "name", "state", "target", "target_name", "score", "margin", "reasons")
    print_rows(shown, (*columns, "decided_by"), as_json=as_json, empty="Nothing to show.")


@app.command()
def accept(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ACCOUNT]...", help="The accounts' IDs in the CRM; with --products, the products'."
        ),
    ] = None,
    *,
    above: Annotated[
        float | None,
        typer.Option(
            "--above", min=0, max=100, help="Every suggestion with at least this score, in percent."
        ),
    ] = None,
    products: ProductsOption = False,
    also: AlsoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map accounts to the customers that are suggested for them, or products to items. Exits with 1 if one is refused."""
    if bool(subjects) == (above is not None):
        raise Unusable("Choose accounts or --above.")
    _check(products=products, also=also)

    kind = _kind(products=products)

    async def rows(acting: Admin) -> Sequence[MappingDecision]:
        if above is not None:
            return await bulk_reviews.above(acting, kind, Decimal(str(above)))
        return [decision_about(kind, subject, "accept", also=also) for subject in subjects or ()]

    async def work(opened: Services) -> list[Reviewed]:
        acting = await admin(opened, workspace)
        return [each async for each in bulk_reviews.review(acting, await rows(acting))]

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
    products: ProductsOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write accounts with what is suggested for them to a CSV file, to be decided upon in a spreadsheet; or products."""
    kind = _kind(products=products).noun
    wanted = MappingsWanted(kind=kind, state=state)

    async def work(opened: Services) -> list[dict[str, Any]]:
        return await _listed(opened, await workspace_name(opened, workspace), wanted)

    rows = [mapping_sheets.flat(row) for row in run(work)]
    spreadsheets.write(file, mapping_sheets.columns(kind), rows, ";" if semicolons else ",")
    if as_json:
        print_json({"rows": len(rows)})
    else:
        people.print(f"Wrote {len(rows)} {kind}s to {file}. Fill in the column decision, and import it.")


@app.command("import")
def import_sheet(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="The CSV file."),
    ],
    *,
    products: Annotated[
        bool,
        typer.Option("--products", help="The file has to be about products; by default, its columns say so."),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Carry out the decisions of a CSV file: accept, reject, map, create, ignore, unignore; none where it is empty.

    Its columns are account, decision and customer, and also, if there is one; or product, decision and item. Exits with 1 if
    one of the decisions is refused.
    """
    rows = list(mapping_sheets.decisions(file, products=products))

    async def work(opened: Services) -> list[Reviewed]:
        acting = await admin(opened, workspace)
        return [each async for each in bulk_reviews.review(acting, rows)]

    _tell(run(work), as_json=as_json)


@app.command()
def reject(
    subject: SubjectArgument,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[CUSTOMER_ID]", help="The customer's or item's ID in QuickBooks; default: the suggested."
        ),
    ] = None,
    *,
    products: ProductsOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reject a customer for an account, or an item for a product: it is never suggested for it again."""
    kind = _kind(products=products)

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.reject(await admin(opened, workspace), kind, subject, target)
        named = f"{kind.target} {target}" if target else f"the suggested {kind.target}"
        return position, f"Rejected {named} for {kind.noun} {subject}."

    accepted(*run(work), as_json=as_json)


@app.command()
def override(
    subject: SubjectArgument,
    target: Annotated[
        str, typer.Argument(metavar="CUSTOMER_ID", help="The customer's or item's ID in QuickBooks.")
    ],
    *,
    products: ProductsOption = False,
    also: AlsoOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map an account to any customer, or a product to any item, whatever is suggested."""
    _check(products=products, also=also)

    kind = _kind(products=products)

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.map_to(await admin(opened, workspace), kind, subject, target, also=also)
        mapped = f"Mapped {kind.noun} {subject} to {kind.target} {target}."
        return position, f"{mapped} Reading it from QuickBooks now."

    accepted(*run(work), as_json=as_json)


@app.command()
def ignore(
    subject: SubjectArgument,
    *,
    why: Annotated[str | None, typer.Option("--why", help="The reason, for the integration log.")] = None,
    products: ProductsOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that an account gets no customer, or a product no item: its deals are not invoiced, and none is suggested."""
    kind = _kind(products=products)

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.ignore(await admin(opened, workspace), kind, subject, why)
        return position, f"The {kind.noun} {subject} is ignored, until it is mapped or un-ignored."

    accepted(*run(work), as_json=as_json)


@app.command()
def unignore(
    subject: SubjectArgument,
    *,
    products: ProductsOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that an account or a product is no longer ignored."""
    kind = _kind(products=products)

    async def work(opened: Services) -> tuple[int, str]:
        position = await reviews.unignore(await admin(opened, workspace), kind, subject)
        return position, f"The {kind.noun} {subject} is no longer ignored."

    accepted(*run(work), as_json=as_json)


app.command("duplicates")(judging.duplicates)
app.command("differences")(judging.differences)


def _check(*, products: bool, also: bool) -> None:
    if products and also:
        raise Unusable("--also is for accounts: several products may have one item anyway.")


def _kind(*, products: bool) -> ReviewedKind:
    return PRODUCTS if products else ACCOUNTS


async def _listed(opened: Services, name: str, wanted: MappingsWanted) -> list[dict[str, Any]]:
    """Return every mapping that fits."""
    rows: list[dict[str, Any]] = []
    after = None
    while page := await opened.database.read(queries.list_mappings, name, wanted=wanted, after=after):
        rows += page
        after = [page[-1][key] for key in queries.MAPPINGS_KEY]
    return rows


def _tell(reviewed: list[Reviewed], *, as_json: bool) -> None:
    """Print the result of each decision, and exit with 1 if one was refused."""
    rows = [
        {key: value for key, value in asdict(each).items() if key not in _absent(each)} for each in reviewed
    ]
    shown = rows if as_json else [{**row, "done": "done" if row["done"] else "refused"} for row in rows]
    columns = tuple(name for name in ("account", "product") if any(name in row for row in rows))
    print_rows(shown, (*columns, "decision", "done", "detail"), as_json=as_json, empty="Nothing to decide.")
    if not all(each.done for each in reviewed):
        raise typer.Exit(FINDING)


def _absent(each: Reviewed) -> set[str]:
    return {name for name in ("account", "product") if getattr(each, name) is None}
