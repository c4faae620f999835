"""DocuSign: its signing keys, and whether its messages are accepted."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from msgspec.structs import asdict

from worker.actions.docusign import add_docusign_key, remove_docusign_key, see_docusign_refusals
from worker.cli import offers
from worker.cli.context import admin, run, workspace_name
from worker.cli.failing import FINDING
from worker.cli.lazy import commands
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import people, print_json, print_rows
from worker.docusign.watch import Reception, shown
from worker.services import Services
from worker.workspaces import docusign_keys
from worker.workspaces.docusign_keys import AddedKey, Key

T = TypeVar("T")
FROM_STDIN = "-"

keys = commands(
    "Add, list and remove DocuSign's signing keys. DocuSign creates them; several can be valid at once."
)


@keys.command("add")
def add(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The key as DocuSign shows it; - reads it from stdin.")
    ],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a signing key. Find it in DocuSign: Connect, Connect Keys, Add Secret Key."""
    text = sys.stdin.readline() if key == FROM_STDIN else key

    async def work(opened: Services, name: str) -> AddedKey:
        return await add_docusign_key(await admin(opened, name), opened.vault, text)

    found = _changed(work, workspace)
    if as_json:
        print_json(
            {**asdict(found.key), "added": found.added, **({"note": found.note} if found.note else {})}
        )
        return
    said = "is added" if found.added else "was already added"
    people.print(f"Key {found.key.number} ({found.key.hint}) {said}.")
    if found.note:
        people.print(found.note, style="dim")


@keys.command("list")
def list_keys(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the keys, and when each last verified a message."""

    async def work(opened: Services) -> list[dict[str, object]]:
        name = await workspace_name(opened, workspace)
        return [asdict(key) for key in await opened.database.read(docusign_keys.listed, name)]

    empty = "No key yet, so DocuSign's messages are refused: q2c workspace docusign-key add KEY."
    print_rows(run(work), ("number", "hint", "added_at", "verified_at"), as_json=as_json, empty=empty)


@keys.command("remove")
def remove(
    key: Annotated[str, typer.Argument(metavar="NUMBER", help="Its number in the list, or the key itself.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a key. Messages signed with it are refused from then on."""

    async def work(opened: Services, name: str) -> Key:
        return await remove_docusign_key(await admin(opened, name), opened.vault, key)

    found = _changed(work, workspace)
    if as_json:
        print_json({**asdict(found), "removed": True})
        return
    people.print(f"Key {found.number} ({found.hint}) is removed.")


def status(
    *,
    seen: Annotated[
        bool,
        typer.Option("--seen", help="Clear the warning, once DocuSign has sent the refused messages again."),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether DocuSign's messages are accepted.

    Shows the last accepted message, the last refused one with its reason, and counts. Exits with 1 if messages are
    refused.
    """

    async def work(opened: Services) -> Reception:
        name, now = await workspace_name(opened, workspace), opened.clock.now()
        if seen:
            await see_docusign_refusals(await admin(opened, name))
        return await opened.database.read(shown, name, now)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        _print_status(found)
    raise typer.Exit(0 if found.state == "good" else FINDING)


def _print_status(found: Reception) -> None:
    people.print(found.says, style="bold")
    if found.remedy:
        people.print(f"→ {found.remedy}")
        for command in offers.commands(found.action):
            people.print(f"  {command}", markup=False, soft_wrap=True)
    people.print(f"\nDocuSign keys: {found.keys}")
    rows = [
        {"messages": outcome, "how_many": count.messages, "first": count.first_at, "last": count.last_at}
        for outcome, count in sorted(found.taken.items())
    ]
    rows += [
        {
            "messages": f"refused: {refused.reason}",
            "how_many": refused.messages,
            "first": refused.first_at,
            "last": refused.last_at,
        }
        for refused in found.refused
    ]
    print_rows(
        rows, ("messages", "how_many", "first", "last"), as_json=False, empty="No message has come yet."
    )


def _changed(work: Callable[[Services, str], Awaitable[T]], workspace: str | None) -> T:
    async def changing(opened: Services) -> T:
        return await work(opened, await workspace_name(opened, workspace))

    return run(changing)
