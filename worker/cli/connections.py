"""The connection of a workspace to a QuickBooks company: connect, show, disconnect."""

from datetime import datetime
from typing import Annotated

import typer
from msgspec.structs import asdict

from worker.actions.connections import begin_consent, disconnect_company, stops
from worker.cli.context import admin, run, workspace_name
from worker.cli.failing import FINDING, Unusable
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import people, print_json
from worker.connections.disconnecting import Disconnection
from worker.connections.standing import ALARMS, ConnectionStanding, connection_of
from worker.quickbooks.gateway import open_gateway
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
    """Connect a workspace to a QuickBooks company, in a browser.

    Prints an address. Open it within ten minutes, as an admin of the company, while q2c up runs. To authorise the
    company again, choose the same one: every mapping and setting is kept. Another one is refused without
    --another-company.
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


def connection(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show the connection to QuickBooks, and its alarm.

    Exits with 1 where there is an alarm: the connection ends within 14 days, has ended, or QuickBooks refuses the company.
    """

    async def work(opened: Services) -> ConnectionStanding:
        name = await workspace_name(opened, workspace)
        return await opened.database.read(connection_of, name, opened.clock.now())

    found = run(work)
    if as_json:
        print_json(asdict(found))
    else:
        for name, value in asdict(found).items():
            if value is not None and name not in {"says", "remedy"}:
                shown = f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else value
                people.print(f"{name.replace('_', ' '):<20}{shown}", soft_wrap=True)
        people.print(found.says, style="bold")
        people.print(found.remedy or "")
    raise typer.Exit(FINDING if found.state in ALARMS else 0)


def disconnect(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    why: Annotated[str | None, typer.Option("--why", help="The reason, kept in the log.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Disconnect the QuickBooks company, and revoke its tokens.

    Says what stops, and asks; not with --yes or --json. Connecting again continues everything where it was.
    """

    async def work(opened: Services) -> Disconnection:
        acting = await admin(opened, workspace)
        stopping = await opened.database.read(stops, acting.workspace, opened.clock.now())
        if stopping and not yes and not as_json:
            people.print(stopping)
            if not typer.confirm("Disconnect?"):
                raise Unusable("Nothing was disconnected.")
        parts = (opened.environment, opened.database, opened.clock, opened.entropy, opened.vault)
        async with open_gateway(*parts) as gateway:
            return await disconnect_company(opened, gateway, acting, why)

    done = run(work)
    if as_json:
        print_json(asdict(done))
    else:
        people.print(
            f"{done.company or 'The company'} (QuickBooks company {done.realm}) is disconnected. {done.says}"
        )
