"""The integration log."""

from typing import Annotated, Any

import typer

from projections import queries
from worker.cli.context import run, workspace_name
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import print_rows
from worker.services import Services


def log(
    *,
    about: Annotated[
        str | None, typer.Option(help="Only entries about this subject, such as deal/D-17.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the integration log: what was done, refused and corrected."""

    async def work(opened: Services) -> list[dict[str, Any]]:
        name = await workspace_name(opened, workspace)
        return await opened.database.read(queries.list_log, name, wanted=queries.LogWanted(about=about))

    print_rows(
        run(work), ("at", "level", "about", "message", "remedy"), as_json=as_json, empty="Nothing yet."
    )
