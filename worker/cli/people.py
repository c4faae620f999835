"""What people do: settings, mappings, invoices by hand, events from a file."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from worker.actions import mappings
from worker.actions.invoices import name_invoice, order_invoice
from worker.actions.settings import CurrentSetting, change_settings, current_settings
from worker.cli.context import JsonOption, Unusable, WorkspaceOption, admin, run, workspace_name
from worker.cli.output import FINDING, errors, people, print_json
from worker.services import Services
from worker.workspaces.settings import SETTINGS

CreateOption = Annotated[bool, typer.Option("--create", help="Create it in QuickBooks.")]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="With --create: a name to use instead of the CRM's, if that is taken."),
]


class SettingsListed(TyperCommand):
    """A command whose help ends with every setting."""

    def format_epilog(self, _context: Any, formatter: Any) -> None:
        """Write a section with what each setting does, and what its values look like."""
        with formatter.section("Settings"):
            formatter.write_dl(
                [(setting.name, f"{setting.help} Value: {setting.kind.form}.") for setting in SETTINGS]
            )


def set_settings(
    changes: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="An empty value restores the default.")
    ],
    *,
    why: Annotated[str | None, typer.Option(help="Why you change them; kept in the log.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a workspace's settings: all of those given, or none.

    q2c settings shows the current values.
    """
    pairs = [change.partition("=") for change in changes]
    for key, separator, _ in pairs:
        if not separator:
            raise Unusable(f"Write {key}=VALUE.")
    wanted = {key: value for key, _, value in pairs}
    if twice := [key for key, count in Counter(key for key, _, _ in pairs).items() if count > 1]:
        raise Unusable(f"Give each setting once; more than once: {', '.join(twice)}.")

    async def work(opened: Services) -> int:
        return await change_settings(await admin(opened, workspace), wanted, why)

    _accepted(run(work), f"Set {', '.join(changes)}.", as_json=as_json)


def settings(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show a workspace's settings: value, default, and what each does."""

    async def work(opened: Services) -> list[CurrentSetting]:
        return await opened.database.read(current_settings, await workspace_name(opened, workspace))

    for setting in run(work):
        if as_json:
            print_json(setting)
        else:
            _print_setting(setting)


def _print_setting(setting: CurrentSetting) -> None:
    origin = f": {setting.reason}" if setting.reason else ""
    note = f"(chosen; default: {_said(setting.default)})" if setting.chosen else f"(default{origin})"
    people.print(f"{setting.key:27} {_said(setting.value)}  {note}", style="bold", soft_wrap=True)
    people.print(f"    {setting.help}", style="dim", soft_wrap=True)


def _said(value: object) -> str:
    """Write a value as `q2c set` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return "(not set)" if value is None else str(value)


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
            return await mappings.map_account(acting, account, customer, currency), said
        position = await mappings.request_customer(acting, account, currency, name)
        return position, await mappings.creation_of(acting, "account", account)

    _accepted(*run(work), as_json=as_json)


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
            return await mappings.map_product(acting, product, item), said
        position = await mappings.request_item(acting, product, name)
        return position, await mappings.creation_of(acting, "product", product)

    _accepted(*run(work), as_json=as_json)


def invoice(
    deal: Annotated[str, typer.Argument(metavar="DEAL", help="The deal's ID in the CRM.")],
    *,
    named: Annotated[
        str | None,
        typer.Option(
            "--is",
            metavar="ID",
            help="Link an invoice that is already in QuickBooks: the txnId in its address.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a deal's invoice by hand, or retry a refused one.

    Works without auto_invoice, and for deals won before the cut-over.
    """

    async def order(opened: Services) -> int:
        return await order_invoice(await admin(opened, workspace), deal)

    async def name(opened: Services) -> int:
        from worker.quickbooks.gateway import open_gateway  # noqa: PLC0415 - nothing is imported before it is used

        parts = (opened.environment, opened.database, opened.clock, opened.entropy, opened.vault)
        acting = await admin(opened, workspace)
        async with open_gateway(*parts) as gateway:
            return await name_invoice(acting, gateway.client, deal, named or "")

    if named is None:
        said = f"Ordered the invoice of {deal}; q2c explain {deal} shows its progress."
        _accepted(run(order), said, as_json=as_json)
    else:
        _accepted(
            run(name), f"Linked invoice {named} to {deal}: it carries the deal's mark.", as_json=as_json
        )


def emit(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="JSON Lines or a JSON array; may be gzip.",
        ),
    ],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Append CloudEvents from a file to the log.

    An unreadable file is refused whole, before an event is stored.
    """
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
            people.print("The file holds no event.", style="dim")
        if unusable > counts["refused"]:
            people.print(
                "Unusable events are stored as dead letters, with the reason: q2c dead-letters", style="dim"
            )
        if counts["refused"]:
            people.print(
                f"{counts['refused']} unusable events were not stored: the limit for dead letters is reached. Make room"
                " with q2c dead-letters discard, then emit the file again. Stored events are not stored twice.",
                style="red",
            )
    raise typer.Exit(FINDING if unusable else 0)


def _one_of(target: str | None, *, create: bool, what: str, name: str | None) -> None:
    if (target is None) != create:
        raise Unusable(f"Choose {what} or --create.")
    if name is not None and not create:
        raise Unusable("--name needs --create.")


def _accepted(position: int, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"position": position})
    else:
        people.print(sentence)
