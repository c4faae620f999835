"""What people do: settings, mappings, invoices by hand, events from a file."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict

from worker.actions.administration import shown_settings
from worker.cli.context import JsonOption, Unusable, WorkspaceOption, administration, run, workspace_name
from worker.cli.output import FINDING, errors, people, print_json, print_rows
from worker.services import Services

CreateOption = Annotated[bool, typer.Option("--create", help="Create it in QuickBooks instead.")]
NameOption = Annotated[
    str | None, typer.Option("--name", help="Under which name it is created, where its own is taken.")
]


def set_settings(
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE…")],
    *,
    why: Annotated[str | None, typer.Option(help="Kept with the change.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change settings of a workspace; all of them or none. An empty value is the default."""
    pairs = [change.partition("=") for change in changes]
    for key, separator, _ in pairs:
        if not separator:
            raise Unusable(f"Write {key}=VALUE")
    wanted = {key: value for key, _, value in pairs}
    if twice := [key for key, count in Counter(key for key, _, _ in pairs).items() if count > 1]:
        raise Unusable(f"Say {', '.join(twice)} once.")

    async def work(opened: Services) -> int:
        return await (await administration(opened, workspace)).change_settings(wanted, why)

    _accepted(run(work), f"Set {', '.join(changes)}.", as_json=as_json)


def settings(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show every setting of a workspace with the value that holds."""

    async def work(opened: Services) -> list[dict[str, object]]:
        name = await workspace_name(opened, workspace)
        shown = await opened.database.read(shown_settings, name)
        return [asdict(row) for row in shown]

    print_rows(run(work), ("key", "value", "chosen", "reason"), as_json=as_json, empty="")


def map_account(
    account: str,
    customer: Annotated[str | None, typer.Argument(metavar="CUSTOMER_ID")] = None,
    *,
    create: CreateOption = False,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="C", help="For deals in this currency alone.")
    ] = None,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which QuickBooks customer an account is."""
    _one_of(customer, create=create, what="a customer's id", name=name)

    async def work(opened: Services) -> tuple[int, str]:
        actions = await administration(opened, workspace)
        if customer is not None:
            for_deals = f", for deals in {currency}" if currency else ""
            said = f"Account {account} is customer {customer}{for_deals}. It is read now."
            return await actions.map_account(account, customer, currency), said
        position = await actions.request_customer(account, currency, name)
        return position, await actions.creation_of("account", account)

    _accepted(*run(work), as_json=as_json)


def map_product(
    product: str,
    item: Annotated[str | None, typer.Argument(metavar="ITEM_ID")] = None,
    *,
    create: CreateOption = False,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which QuickBooks item a product is."""
    _one_of(item, create=create, what="an item's id", name=name)

    async def work(opened: Services) -> tuple[int, str]:
        actions = await administration(opened, workspace)
        if item is not None:
            said = f"Product {product} is item {item}. It is read now."
            return await actions.map_product(product, item), said
        position = await actions.request_item(product, name)
        return position, await actions.creation_of("product", product)

    _accepted(*run(work), as_json=as_json)


def invoice(
    deal: str,
    *,
    named: Annotated[
        str | None,
        typer.Option(
            "--is", metavar="ID", help="It is this invoice in QuickBooks: the txnId in its address."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a deal's invoice by hand: past auto_invoice and cut-over, or again after a refusal."""

    async def order(opened: Services) -> int:
        return await (await administration(opened, workspace)).order_invoice(deal)

    async def name(opened: Services) -> int:
        from worker.actions.naming import name_invoice  # noqa: PLC0415 - nothing is imported before it is used
        from worker.quickbooks.gateway import open_gateway  # noqa: PLC0415 - as above

        parts = (opened.environment, opened.database, opened.clock, opened.entropy, opened.vault)
        acting = await administration(opened, workspace)
        async with open_gateway(*parts) as gateway:
            return await name_invoice(acting, gateway.client, deal, named or "")

    if named is None:
        said = f"The invoice of {deal} is asked for; q2c explain {deal} follows it."
        _accepted(run(order), said, as_json=as_json)
    else:
        _accepted(run(name), f"Invoice {named} is that of {deal}: it carries its mark.", as_json=as_json)


def emit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in CloudEvents from a file: one a line, or an array of them; all of it, or nothing."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn  # noqa: PLC0415 - as needed

    from worker.sources.files import FileUnusable  # noqa: PLC0415 - nothing is imported before it is used
    from worker.sources.inline import emit_file  # noqa: PLC0415 - nothing is imported before it is used

    async def work(opened: Services) -> Counter[str]:
        name = await workspace_name(opened, workspace)
        bar = Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=errors, transient=True)
        with bar as progress:
            task = progress.add_task("events", total=file.stat().st_size)
            return await emit_file(
                opened.database,
                opened.clock,
                file,
                name,
                lambda done: progress.advance(task, done),
                opened.environment.dead_letter_bounds,
            )

    try:
        counts = run(work)
    except FileUnusable as error:
        raise Unusable(f"{file}: {error}") from error
    unusable = counts["conflict"] + counts["dead"] + counts["refused"]
    if as_json:
        print_json(counts)
    else:
        people.print(", ".join(f"{count} {name}" for name, count in counts.items()))
        if not counts.total():
            people.print("There is no event in it.", style="dim")
        if unusable > counts["refused"]:
            people.print("What could not be used is kept with its reason: q2c dead-letters", style="dim")
        if counts["refused"]:
            people.print(
                "What was refused can't be used and is not kept, for there are too many dead letters: make room with"
                " q2c dead-letters discard, and give this file once more. What is stored is not stored twice.",
                style="red",
            )
    raise typer.Exit(FINDING if unusable else 0)


def _one_of(target: str | None, *, create: bool, what: str, name: str | None) -> None:
    if (target is None) != create:
        raise Unusable(f"Give either {what} or --create.")
    if name is not None and not create:
        raise Unusable("--name is for --create.")


def _accepted(position: int, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"position": position})
    else:
        people.print(sentence)
