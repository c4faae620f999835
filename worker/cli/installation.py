"""Setting up: workspaces, the connection, the configuration."""

import asyncio
from typing import Annotated

import typer
from msgspec.structs import asdict
from pydantic import ValidationError

from events.clock import SystemEntropy
from events.errors import DatabaseUnavailable
from worker.actions.connections import begin_consent
from worker.actions.workspaces import Added, add_workspace
from worker.cli.context import JsonOption, WorkspaceOption, person, run, workspace_name
from worker.cli.groups import GroupedCommands
from worker.cli.output import FINDING, USAGE, counted, people, print_json
from worker.runtime.environment import ConfigurationError, Environment, environment, problems
from worker.runtime.installed import check_database_file
from worker.runtime.vault import Vault, check_token_keys
from worker.services import Services
from worker.workspaces import tenants

workspace = typer.Typer(
    cls=GroupedCommands,
    no_args_is_help=True,
    help="Add and list workspaces, API tokens and DocuSign keys.",
)


@workspace.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, - and _.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Add a workspace, and print its first API token once.

    The token has every scope. Add DocuSign's keys with docusign-key.
    """

    async def work(opened: Services) -> Added:
        return await add_workspace(opened, name, person())

    made = run(work)
    if as_json:
        print_json(made)
        return
    people.print(f"Added workspace {name}. Keep the token: it is not shown again.\n", style="bold")
    for key, value in asdict(made).items():
        people.print(f"  {key:13} {value}", soft_wrap=True)
    people.print(
        "\nEnter docusign_url in DocuSign Connect (JSON SIM, HMAC signatures), then add the key that DocuSign shows:"
        f"\n  q2c workspace docusign-key add KEY --workspace {name}",
        soft_wrap=True,
    )


@workspace.command("list")
def list_workspaces(*, as_json: JsonOption = False) -> None:
    """List the workspaces."""

    async def work(opened: Services) -> list[str]:
        return list(await opened.database.read(tenants.names))

    for name in run(work):
        if as_json:
            print_json({"workspace": name})
        else:
            people.print(name)


def connect(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Connect a workspace to a QuickBooks company, in a browser.

    Prints an address. Open it within ten minutes, as an admin of the company, while q2c up runs.
    """

    async def work(opened: Services) -> str:
        return await begin_consent(opened, await workspace_name(opened, workspace))

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


def migrate(*, as_json: JsonOption = False) -> None:
    """Create or upgrade the tables; workers refuse any other schema.

    To undo an upgrade, restore a backup. New read models are filled while workers of the previous version keep
    running.
    """
    from events.clock import SystemClock  # noqa: PLC0415 - nothing is imported before it is used
    from worker import services  # noqa: PLC0415 - as above
    from worker.migrations import schema  # noqa: PLC0415 - as above

    settings = environment()
    check_database_file(settings)

    async def work() -> list[str]:
        database = services.open_database(settings, migrating=True)
        try:
            await services.check_ours(settings, database)
            return await services.migrate(database, SystemClock(), SystemEntropy(), counted(as_json=as_json))
        finally:
            await database.close()

    done = asyncio.run(work())
    if as_json:
        print_json({"revision": schema.HEAD, "done": done})
        return
    for sentence in done or [f"The tables already have revision {schema.HEAD}"]:
        people.print(f"{sentence}.")


def config(*, as_json: JsonOption = False) -> None:
    """Show and check this installation's settings, with secrets masked.

    Exits with 2 if a setting is wrong, and with 1 if QuickBooks' client ID or secret is missing.
    """
    found, wrong = _checked()
    status = USAGE if wrong else 0
    shown = found.shown() if found else {}
    if found and not (found.quickbooks_client_id and found.quickbooks_client_secret):
        wrong.append(
            "Q2C_QUICKBOOKS_CLIENT_ID and Q2C_QUICKBOOKS_CLIENT_SECRET: not set, so no workspace can connect"
        )
        status = status or FINDING
    if as_json:
        print_json({"settings": shown, "problems": wrong})
    else:
        for name, value in shown.items():
            about = Environment.model_fields[name].description
            people.print(f"Q2C_{name.upper():26} {_said(value)}", soft_wrap=True)
            people.print(f"    {about}", style="dim", soft_wrap=True)
        for problem in wrong:
            people.print(f"! {problem}", style="bold red", soft_wrap=True)
    raise typer.Exit(status)


def _said(value: object) -> str:
    """Write a setting for a person."""
    if value is None or value == []:
        return "(not set)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _checked() -> tuple[Environment | None, list[str]]:
    """Read the environment; name what every other command would refuse to start with."""
    try:
        found = Environment()
    except ValidationError as error:
        return None, problems(error)
    wrong = []
    for check in (check_database_file, check_token_keys):
        try:
            check(found)
        except ConfigurationError as error:
            wrong.append(str(error))
    if not wrong and found.embedded and found.database_path.exists() and found.database_path.stat().st_size:
        wrong += asyncio.run(_checked_database(found))
    return found, wrong


async def _checked_database(settings: Environment) -> list[str]:
    """Name what is wrong with a SQLite file or with the keys to it; nothing is made or migrated."""
    from worker.migrations import schema  # noqa: PLC0415 - nothing is imported before it is used
    from worker.runtime.installed import token_keys  # noqa: PLC0415 - as above
    from worker.services import check_ours, open_database  # noqa: PLC0415 - as above
    from worker.workspaces import keyring  # noqa: PLC0415 - nothing is imported before it is used

    database = open_database(settings)
    try:
        await check_ours(settings, database)
        if await database.read(schema.problem) is None:
            state = await database.read(keyring.state)
            if state.begun:
                keys = Vault(token_keys(settings, make=False), SystemEntropy())
                keyring.check(settings, keys.key_ids, state.known)
    except (ConfigurationError, DatabaseUnavailable) as error:
        return [str(error)]
    finally:
        await database.close()
    return []
