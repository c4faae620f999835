"""Events from a file."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from worker.cli.context import run, workspace_name
from worker.cli.failing import FINDING, Unusable
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import errors, people, print_json
from worker.services import Services
from worker.sources.files import FileUnusable
from worker.sources.inline import emit_file


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
                opened.environment.dead_letter_limits,
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
