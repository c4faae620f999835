"""API tokens of a workspace: add, list, revoke."""

import sys
from typing import Annotated

import typer
from msgspec.structs import asdict

from worker.actions.tokens import add_token, revoke_token
from worker.cli.context import admin, run, workspace_name
from worker.cli.lazy import commands
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import people, print_json, print_rows
from worker.services import Services
from worker.workspaces import api_tokens
from worker.workspaces.api_tokens import Scope, Token

FROM_STDIN = "-"

tokens = commands("Add, list and revoke API tokens. A token is printed once, when it is added.")


@tokens.command("add")
def add(
    *,
    label: Annotated[
        str | None, typer.Option("--label", "-l", help="Name of the token, such as crm-producer.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            "--scopes",
            "-s",
            help=f"Scope: {', '.join(Scope)}; may be repeated or comma-separated. Default: every scope.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a token, and print it once.

    Scopes: produce sends events, read reads the feeds and the API, act changes data through the API.
    """
    scopes = api_tokens.scopes_of(scope or ())

    async def work(opened: Services) -> tuple[Token, str]:
        text = api_tokens.new(opened.entropy)
        return await add_token(await admin(opened, workspace), text, label, scopes), text

    made, text = run(work)
    if as_json:
        print_json({**asdict(made), "token": text})
        return
    people.print(
        f"Token {made.number} of {made.workspace} may {', '.join(made.scopes)}."
        " Keep it: it is not shown again.\n",
        style="bold",
    )
    people.print(f"  {text}", soft_wrap=True)


@tokens.command("list")
def list_tokens(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the tokens, with scopes and last use.

    Tokens are shown by their last characters; revoked ones are included.
    """

    async def work(opened: Services) -> list[dict[str, object]]:
        name = await workspace_name(opened, workspace)
        return [asdict(token) for token in await opened.database.read(api_tokens.listed, name)]

    columns = ("number", "label", "scopes", "hint", "created_at", "created_by", "last_used_at", "revoked_at")
    rows = run(work)
    if not as_json:
        rows = [{**row, "scopes": " ".join(map(str, row["scopes"]))} for row in rows]  # type: ignore[call-overload] # they are a tuple
    print_rows(rows, columns, as_json=as_json, empty="No token: q2c workspace token add.")


@tokens.command("revoke")
def revoke(
    which: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER", help="Its number in the list, or the token itself; - reads it from stdin."
        ),
    ],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a token, at once and in every process."""
    text = sys.stdin.readline() if which == FROM_STDIN else which

    async def work(opened: Services) -> Token:
        return await revoke_token(await admin(opened, workspace), text)

    found = run(work)
    if as_json:
        print_json({**asdict(found), "revoked": True})
        return
    people.print(
        f"Token {found.number} ({found.hint}) of {found.workspace} was revoked at {found.revoked_at:%Y-%m-%d %H:%M} UTC."
    )
