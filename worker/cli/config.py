"""The configuration: showing and checking it."""

import asyncio

import typer
from pydantic import ValidationError

from events.clock import SystemEntropy
from events.errors import DatabaseUnavailable
from worker.cli.failing import FINDING, USAGE
from worker.cli.options import JsonOption
from worker.cli.output import people, print_json
from worker.migrations import schema
from worker.runtime.environment import ConfigurationError, Environment, problems
from worker.runtime.installed import check_database_file, token_keys
from worker.runtime.vault import Vault, check_token_keys
from worker.services import check_ours, open_database
from worker.workspaces import keyring


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
    """Return a setting's value as text for a person."""
    if value is None or value == []:
        return "(not set)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _checked() -> tuple[Environment | None, list[str]]:
    """Read the environment; return the settings, and the problems with which every other command would refuse to start."""
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
    """Return the problems of a SQLite file and of the keys for it; create and migrate nothing."""
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
