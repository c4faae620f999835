"""The connection of a workspace to a QuickBooks company."""

from typing import Annotated

import typer

from worker.actions.connections import begin_consent
from worker.cli.context import admin, run
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import people, print_json
from worker.services import Services


def connect(
    *,
    another_company: Annotated[
        bool,
        typer.Option(
            "--another-company",
            help="Allow another company than before; its mappings are kept for its return.",
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Connect a workspace to a QuickBooks company, in a browser; or authorise its company again.

    Prints an address. Open it within ten minutes, as an admin of the company, while q2c up runs. Another company than
    before is refused without --another-company.
    """

    async def work(opened: Services) -> str:
        return await begin_consent(opened, await admin(opened, workspace), another_company=another_company)

    url = run(work)
    if as_json:
        print_json({"authorize_url": url})
        return
    people.print(
        "Open this address within ten minutes, as an admin of the QuickBooks company, while q2c up runs:\n"
    )
    people.print(url, soft_wrap=True)
    people.print(
        "\nThe address works once, in one browser. Keep it to yourself: opening it starts the connection.",
        style="dim",
    )
