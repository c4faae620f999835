"""Dead letters: what could not become an event, and making room for more."""

import base64
import getpass
from typing import Annotated, Any

import typer

from worker.cli.context import JsonOption, Unusable, WorkspaceOption, run, workspace_name
from worker.cli.output import FINDING, errors, people, print_json, print_rows
from worker.services import Services

COLUMNS = ("number", "last_seen_at", "deal", "origin", "reason", "detail", "seen")

app = typer.Typer(
    help="What could not become an event, with the reason.",
    invoke_without_command=True,
    no_args_is_help=False,
)
OfNobodyOption = Annotated[
    bool, typer.Option("--of-nobody", help="Those that name no workspace, or one that there is not.")
]


@app.callback()
def main(
    context: typer.Context,
    *,
    of_nobody: OfNobodyOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List them, where nothing else is asked for."""
    if context.invoked_subcommand is None:
        list_letters(of_nobody=of_nobody, workspace=workspace, as_json=as_json)
    elif of_nobody or workspace or as_json:
        raise Unusable(f"Give options behind the command: q2c dead-letters {context.invoked_subcommand} …")


@app.command("list")
def list_letters(
    *, of_nobody: OfNobodyOption = False, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """List them, the last seen first; exit with 1 where there is no more room."""
    from events.log.dead_letters import listed  # noqa: PLC0415 - nothing is imported before it is used
    from worker.actions.dead_letters import Standing, standing  # noqa: PLC0415 - as above

    async def work(opened: Services) -> tuple[list[dict[str, Any]], Standing]:
        name = await _whose(opened, workspace, of_nobody=of_nobody)
        rows = await opened.database.read(listed, name)
        return rows, await opened.database.read(standing, name, opened.environment.dead_letter_bounds)

    rows, found = run(work)
    print_rows(rows, COLUMNS, as_json=as_json, empty="No dead letters.")
    totals, bounds = found.totals, found.bounds
    if found.state == "good":
        if not as_json and totals.letters > len(rows):
            people.print(f"These are the last of {totals.letters:,}.", style="dim")
        return
    errors.print(
        f"dead_letters_full: no more are kept since {totals.full_since:%Y-%m-%d %H:%M:%S}: there are"
        f" {totals.letters:,} of at most {bounds.letters_max:,}, of {totals.bytes:,} of at most {bounds.bytes_max:,}"
        f" bytes. Since then {totals.refused:,} were not kept whole. {found.remedy}",
        style="red",
        soft_wrap=True,
    )
    raise typer.Exit(FINDING)


@app.command("show")
def show(
    number: int,
    *,
    of_nobody: OfNobodyOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one whole: what is wrong, what came beside the bytes, and the bytes."""
    from events.log.dead_letters import whole  # noqa: PLC0415 - nothing is imported before it is used

    async def work(opened: Services) -> dict[str, Any]:
        name = await _whose(opened, workspace, of_nobody=of_nobody)
        found = await opened.database.read(whole, name, number)
        if found is None:
            raise Unusable(f"There is no dead letter {number}: q2c dead-letters shows which there are.")
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
    numbers: Annotated[list[int] | None, typer.Argument(help="Their numbers.")] = None,
    *,
    reason: Annotated[str | None, typer.Option(help="All of this reason, such as schema_invalid.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    why: Annotated[str | None, typer.Option(help="Why; it is kept in the log.")] = None,
    of_nobody: OfNobodyOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete some for good, so that there is room for others; who did it stands in the log."""
    from events.log.dead_letters import Chosen  # noqa: PLC0415 - nothing is imported before it is used
    from worker.actions import dead_letters  # noqa: PLC0415 - as above

    if bool(numbers) + (reason is not None) + everything != 1:
        raise Unusable("Give numbers, --reason or --all.")

    async def work(opened: Services) -> dead_letters.Discarded:
        name = await _whose(opened, workspace, of_nobody=of_nobody)
        chosen = Chosen(name, tuple(numbers or ()), reason)
        return await dead_letters.discard(opened, chosen, f"cli:{getpass.getuser()}", why)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        people.print(f"{found.discarded:,} dead letters are discarded.")
    raise typer.Exit(0 if found.discarded else FINDING)


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


async def _whose(opened: Services, workspace: str | None, *, of_nobody: bool) -> str | None:
    if of_nobody and workspace is not None:
        raise Unusable("Give --workspace or --of-nobody, not both.")
    return None if of_nobody else await workspace_name(opened, workspace)
