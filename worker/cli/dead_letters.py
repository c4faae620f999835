"""Dead letters: list and show unusable messages, and discard them to make room."""

import base64
import getpass
from typing import Annotated, Any

import typer

from events.log.dead_letters import LetterSelection, listed, whole
from worker.actions import dead_letters
from worker.actions.dead_letters import Standing, standing
from worker.cli.context import run, workspace_name
from worker.cli.failing import FINDING, Unusable
from worker.cli.lazy import commands
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import errors, people, print_json, print_rows
from worker.services import Services

COLUMNS = ("number", "last_seen_at", "deal", "origin", "reason", "detail", "seen")

app = commands("List, show and discard unusable messages.", without_command=True)
OfNobodyOption = Annotated[
    bool, typer.Option("--of-nobody", help="Dead letters that name no workspace, or an unknown one.")
]


@app.callback()
def main(
    context: typer.Context,
    *,
    of_nobody: OfNobodyOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List, show and discard unusable messages. Without a command: list them."""
    if context.invoked_subcommand is None:
        list_letters(of_nobody=of_nobody, workspace=workspace, as_json=as_json)
    elif of_nobody or workspace or as_json:
        raise Unusable(f"Put options after the command: q2c dead-letters {context.invoked_subcommand} …")


@app.command("list")
def list_letters(
    *, of_nobody: OfNobodyOption = False, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """List dead letters, newest first.

    Exits with 1 if the workspace's limit is reached.
    """

    async def work(opened: Services) -> tuple[list[dict[str, Any]], Standing]:
        name = await _whose(opened, workspace, of_nobody=of_nobody)
        rows = await opened.database.read(listed, name)
        return rows, await opened.database.read(standing, name, opened.environment.dead_letter_limits)

    rows, found = run(work)
    print_rows(rows, COLUMNS, as_json=as_json, empty="No dead letters.")
    totals, bounds = found.totals, found.bounds
    if found.state == "good":
        if not as_json and totals.letters > len(rows):
            people.print(f"Showing the newest {len(rows):,} of {totals.letters:,}.", style="dim")
        return
    errors.print(
        f"dead_letters_full: the limit is reached since {totals.full_since:%Y-%m-%d %H:%M:%S}:"
        f" {totals.letters:,} of {bounds.letters_max:,} dead letters, {totals.bytes:,} of {bounds.bytes_max:,} bytes."
        f" Since then, {totals.refused:,} were refused or stored without their content. {found.remedy}",
        style="red",
        soft_wrap=True,
    )
    raise typer.Exit(FINDING)


@app.command("show")
def show(
    number: Annotated[int, typer.Argument(help="Its number in the list.")],
    *,
    of_nobody: OfNobodyOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter: reason, headers and content."""

    async def work(opened: Services) -> dict[str, Any]:
        name = await _whose(opened, workspace, of_nobody=of_nobody)
        found = await opened.database.read(whole, name, number)
        if found is None:
            raise Unusable(f"There is no dead letter {number}: q2c dead-letters lists them.")
        return found

    found = run(work)
    raw = found.pop("raw")
    found["headers"] = [[name, _text(value or b"")] for name, value in found["headers"]]
    if as_json:
        try:
            print_json({**found, "raw": raw.decode()})
        except UnicodeDecodeError:
            print_json({**found, "raw_base64": base64.b64encode(raw).decode()})
        return
    headers = found.pop("headers")
    for name, value in found.items():
        if value is not None:
            people.print(f"{name.replace('_', ' '):15} {value}", soft_wrap=True)
    for name, value in headers:
        people.print(f"{name}: {value}", soft_wrap=True)
    people.print(f"\n{_text(raw)}", soft_wrap=True)


@app.command("discard")
def discard(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Numbers of the dead letters.")
    ] = None,
    *,
    reason: Annotated[str | None, typer.Option(help="All with this reason, such as schema_invalid.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    why: Annotated[str | None, typer.Option(help="Why you discard them; kept in the log.")] = None,
    of_nobody: OfNobodyOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete dead letters for good. The log records who deleted them."""
    if bool(numbers) + (reason is not None) + everything != 1:
        raise Unusable("Choose numbers, --reason or --all.")

    async def work(opened: Services) -> dead_letters.Discarded:
        name = await _whose(opened, workspace, of_nobody=of_nobody)
        chosen = LetterSelection(name, tuple(numbers or ()), reason)
        return await dead_letters.discard(opened, chosen, f"cli:{getpass.getuser()}", why)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        people.print(f"Discarded {found.discarded:,} dead letters.")
    raise typer.Exit(0 if found.discarded else FINDING)


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


async def _whose(opened: Services, workspace: str | None, *, of_nobody: bool) -> str | None:
    if of_nobody and workspace is not None:
        raise Unusable("Choose --workspace or --of-nobody, not both.")
    return None if of_nobody else await workspace_name(opened, workspace)
