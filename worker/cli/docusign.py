"""DocuSign: the keys that it signs with, and whether its messages are taken."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from msgspec.structs import asdict

from worker.cli.context import JsonOption, WorkspaceOption, run, workspace_name
from worker.cli.offers import commands
from worker.cli.output import FINDING, people, print_json, print_rows
from worker.docusign import reception
from worker.docusign.watch import Shown, shown
from worker.services import Services
from worker.workspaces import docusign_keys
from worker.workspaces.docusign_keys import Added, Key

T = TypeVar("T")
FROM_STDIN = "-"

keys = typer.Typer(
    no_args_is_help=True,
    help="The keys that DocuSign signs its messages with. DocuSign makes them; several may hold at once.",
)


@keys.command("add")
def add(
    key: Annotated[str, typer.Argument(help="As DocuSign shows it; - reads it from stdin.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a key that DocuSign made: there under Connect, Connect Keys, Add Secret Key."""
    text = sys.stdin.readline() if key == FROM_STDIN else key

    async def work(opened: Services, name: str) -> Added:
        return await opened.database.transaction(
            docusign_keys.add, opened.vault, name, text, opened.clock.now()
        )

    found = _changed(work, workspace)
    if as_json:
        print_json(
            {**asdict(found.key), "added": found.added, **({"note": found.note} if found.note else {})}
        )
        return
    said = "is added" if found.added else "is there already"
    people.print(f"Key {found.key.number} ({found.key.hint}) {said}.")
    if found.note:
        people.print(found.note, style="dim")


@keys.command("list")
def list_keys(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the keys by their last characters, with when a message fitted each of them last."""

    async def work(opened: Services) -> list[dict[str, object]]:
        name = await workspace_name(opened, workspace)
        return [asdict(key) for key in await opened.database.read(docusign_keys.listed, name)]

    empty = "No key yet, so no message of DocuSign's is taken: q2c workspace docusign-key add KEY."
    print_rows(run(work), ("number", "hint", "added_at", "verified_at"), as_json=as_json, empty=empty)


@keys.command("remove")
def remove(
    key: Annotated[str, typer.Argument(metavar="NUMBER", help="Its number in the list, or the key itself.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a key that DocuSign no longer signs with."""

    async def work(opened: Services, name: str) -> Key:
        return await opened.database.transaction(docusign_keys.remove, opened.vault, name, key)

    found = _changed(work, workspace)
    if as_json:
        print_json({**asdict(found), "removed": True})
        return
    people.print(f"Key {found.number} ({found.hint}) is removed.")


def status(
    *,
    seen: Annotated[
        bool, typer.Option("--seen", help="What was refused is seen to, and was sent again by DocuSign.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whether DocuSign's messages are taken: the last one, the last that was refused and why, how many of each."""

    async def work(opened: Services) -> Shown:
        name, now = await workspace_name(opened, workspace), opened.clock.now()
        if seen:
            await opened.database.transaction(reception.seen, name, now)
        return await opened.database.read(shown, name, now)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        _print_status(found)
    raise typer.Exit(0 if found.state == "good" else FINDING)


def _print_status(found: Shown) -> None:
    people.print(found.says, style="bold")
    if found.remedy:
        people.print(f"→ {found.remedy}")
        for command in commands(found.action):
            people.print(f"  {command}", markup=False, soft_wrap=True)
    people.print(f"\nKeys of DocuSign's: {found.keys}")
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
