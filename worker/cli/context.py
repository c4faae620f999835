"""What commands share: opening the services, and knowing which workspace is meant."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer

from worker.actions.administration import Administration
from worker.runtime import logs
from worker.runtime.environment import environment
from worker.services import Services, open_services
from worker.workspaces import tenants

T = TypeVar("T")

WorkspaceOption = Annotated[
    str | None,
    typer.Option("--workspace", "-w", help="The workspace; by default Q2C_WORKSPACE, or the only one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else there.")]


class Unusable(Exception):
    """What was asked for does not fit; the message says what would."""


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
        wanted = "add one with q2c workspace add" if not known else f"choose one of {', '.join(known)}"
        raise Unusable(f"Which workspace? Use --workspace or Q2C_WORKSPACE; {wanted}.")
    if name not in known:
        raise Unusable(f"There is no workspace {name!r}; there is {', '.join(known) or 'none yet'}.")
    return name


def person() -> str:
    """Name the person at the keyboard, as events and lists do."""
    return f"cli:{getpass.getuser()}"


async def administration(opened: Services, chosen: str | None) -> Administration:
    """Act as the person at the keyboard."""
    name = await workspace_name(opened, chosen)
    return Administration(opened.database, opened.clock, opened.entropy, name, by=person())


def run(work: Callable[[Services], Awaitable[T]], *, quick: bool = False) -> T:
    """Run a command's work over open services; `quick` takes the faster event loop, for what runs for long."""

    async def main() -> T:
        async with services() as opened:
            return await work(opened)

    if quick:
        import uvloop  # noqa: PLC0415 - nothing is imported before it is used

        return uvloop.run(main())
    return asyncio.run(main())
