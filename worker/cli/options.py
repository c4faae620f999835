"""Options that many commands have."""

from typing import Annotated

import typer

HOST = "127.0.0.1"

WorkspaceOption = Annotated[
    str | None,
    typer.Option("--workspace", "-w", help="Workspace; default: Q2C_WORKSPACE, or the only workspace."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]
