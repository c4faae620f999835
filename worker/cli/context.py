"""Helpers of all commands: open the services, find the workspace, act as the person at the keyboard."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

from worker.actions.admin import Admin
from worker.cli.failing import Unusable
from worker.cli.output import people, print_json
from worker.runtime import logs
from worker.runtime.environment import environment
from worker.services import Services, open_services
from worker.workspaces import tenants

T = TypeVar("T")


@asynccontextmanager
async def services() -> AsyncIterator[Services]:
    """Open the services with the settings of the environment, and close them at the end."""
    settings = environment()
    logs.configure(settings)
    opened = await open_services(settings)
    try:
        yield opened
    finally:
        await opened.database.close()


async def workspace_name(opened: Services, chosen: str | None) -> str:
    """Return the workspace of a command: the chosen one, the one in the environment, or the only one.

    Raises:
        Unusable: There is more than one and none was chosen, or the workspace does not exist.
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
    """Return the name of the person at the keyboard, as events and lists show it."""
    return f"cli:{getpass.getuser()}"


async def admin(opened: Services, chosen: str | None) -> Admin:
    """Return an `Admin` for the person at the keyboard."""
    return Admin.of(opened, await workspace_name(opened, chosen), person())


def run(
    work: Callable[[Services], Awaitable[T]],
    *,
    loop: Callable[[Coroutine[None, None, T]], T] = asyncio.run,
) -> T:
    """Run a command's work with open services; `loop` runs it, such as a faster event loop for a long-running command."""

    async def main() -> T:
        async with services() as opened:
            return await work(opened)

    return loop(main())


def accepted(position: int, sentence: str, *, as_json: bool) -> None:
    """Print that an action was recorded: a sentence for a person, the event's position for a program."""
    if as_json:
        print_json({"position": position})
    else:
        people.print(sentence)
