"""What the matcher says of all customers, and of all decisions: `q2c mappings duplicates` and `differences`."""

from typing import Annotated

import typer

from worker.cli.context import run, workspace_name
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import print_rows
from worker.matching.duplicates import Duplicate
from worker.services import Services
from worker.suggesting import judging
from worker.suggesting.judging import ChangedDecision
from worker.suggesting.kinds import ACCOUNTS, PRODUCTS


def duplicates(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List customers in QuickBooks that are probably duplicates: of the same name, or with the same identifier.

    Merge them in QuickBooks: the mappings of their accounts then move to the customer that stays.
    """

    async def work(opened: Services) -> list[Duplicate]:
        return await judging.duplicate_customers(opened.database, await workspace_name(opened, workspace))

    rows = [
        {
            "customer": each.id,
            "customer_name": each.name,
            "other": each.other,
            "other_name": each.other_name,
            "score": each.score,
            "reasons": each.reasons if as_json else ", ".join(each.reasons),
        }
        for each in run(work)
    ]
    columns = ("customer", "customer_name", "other", "other_name", "score", "reasons")
    print_rows(rows, columns, as_json=as_json, empty="No customers look like duplicates.")


def differences(
    *,
    older: Annotated[
        bool,
        typer.Option("--older", help="Only decisions before which an older matcher compared the account."),
    ] = False,
    products: Annotated[
        bool, typer.Option("--products", help="Decisions about products and items, instead of accounts.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List decisions about accounts or products that the present matcher would make otherwise; change none of them.

    They are accounts whose customer is not the best one now, and rejected customers that are the best; so for products.
    """
    noun, target, kind = ("product", "item", PRODUCTS) if products else ("account", "customer", ACCOUNTS)

    async def work(opened: Services) -> list[ChangedDecision]:
        name = await workspace_name(opened, workspace)
        return await judging.changed_decisions(opened.database, name, kind, older=older)

    rows = [
        {**each.told(noun, target), "reasons": each.reasons if as_json else ", ".join(each.reasons)}
        for each in run(work)
    ]
    columns = (noun, f"{noun}_name", "decision", "by", target, f"{target}_name", f"{target}_score")
    print_rows(
        rows,
        (*columns, "best", "best_name", "score", "reasons", "matcher"),
        as_json=as_json,
        empty="The present matcher would make every decision alike.",
    )
