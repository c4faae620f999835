"""What commands share: opening the services, and knowing which workspace is meant."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer

from worker.actions.admin import Admin
from worker.runtime import logs
from worker.runtime.environment import environment
from worker.services import Services, open_services
from worker.workspaces import tenants

T = TypeVar("T")

WorkspaceOption = Annotated[
    str | None,
    typer.Option("--workspace", "-w", help="Workspace; default: Q2C_WORKSPACE, or the only workspace."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]


class Unusable(Exception):
    """An argument, an option or a name is wrong; the message names the right one."""


@asynccontextmanager
async def services() -> AsyncIterator[Services]:
    """Open the services by the environment, and close them in the end."""
    settings = environment()
    logs.configure(settings)
    opened = await open_services(settings)
    try:
        yield opened
    finally:
        await opened.database.close()


async def workspace_name(opened: Services, chosen: str | None) -> str:
    """Return the workspace that is meant.

    Raises:
        Unusable: None is, or it does not exist.
    """
    known = await opened.database.read(tenants.names)
    name = chosen or opened.environment.workspace
    if name is None:
        if len(known) == 1:
            return known[0]
        if not known:
            raise Unusable("There is no workspace yet: add one with q2c workspace add.")
        raise Unusable(f"Choose a workspace with --workspace or Q2C_WORKSPACE: {', '.join(known)}.")
    if name not in known:
        hint = f"choose from {', '.join(known)}" if known else "add one with q2c workspace add"
        raise Unusable(f"Unknown workspace {name!r}; {hint}.")
    return name


def person() -> str:
    """Name the person at the keyboard, as events and lists do."""
    return f"cli:{getpass.getuser()}"


async def admin(opened: Services, chosen: str | None) -> Admin:
    """Act as the person at the keyboard."""
    return Admin.of(opened, await workspace_name(opened, chosen), person())


def run(work: Callable[[Services], Awaitable[T]], *, quick: bool = False) -> T:
    """Run a command's work over open services; `quick` takes the faster event loop, for what runs for long."""

    async def main() -> T:
        async with services() as opened:
            return await work(opened)

    if quick:
        import uvloop  # noqa: PLC0415 - nothing is imported before it is used

        return uvloop.run(main())
    return asyncio.run(main())
