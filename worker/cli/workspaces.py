"""Workspaces: adding and listing them; their tokens and DocuSign keys."""

from typing import Annotated

import typer
from msgspec.structs import asdict

from worker.actions.workspaces import AddedWorkspace, add_workspace
from worker.cli import docusign, tokens
from worker.cli.context import person, run
from worker.cli.lazy import commands
from worker.cli.options import JsonOption
from worker.cli.output import people, print_json
from worker.services import Services
from worker.workspaces import tenants

workspace = commands("Add and list workspaces, API tokens and DocuSign keys.")
workspace.command("docusign")(docusign.status)
workspace.add_typer(docusign.keys, name="docusign-key")
workspace.add_typer(tokens.tokens, name="token")


@workspace.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, - and _.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Add a workspace, and print its first API token once.

    The token has every scope. Add DocuSign's keys with docusign-key.
    """

    async def work(opened: Services) -> AddedWorkspace:
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
