"""Roles: the whole system or some roles in this process; waiting until nothing is due."""

import os
import sys
from typing import Annotated

import typer
import uvloop

from worker.cli.context import run
from worker.cli.failing import FINDING, Unusable
from worker.cli.options import HOST, JsonOption
from worker.cli.output import people, print_json
from worker.roles import role, supervisor
from worker.roles.idle import Idleness, wait_until_idle
from worker.runtime.environment import environment
from worker.services import Services

ROLES_HELP = "web, ingest, process, dispatch, relay, schedule"


def up(
    *,
    host: Annotated[str, typer.Option(help="Address the web server listens on.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0 picks a free one.")] = 8000,
    as_json: JsonOption = False,
) -> None:
    """Run the whole system in one process, until SIGTERM or Ctrl-C."""
    _run(None, host=host, port=port, as_json=as_json)


def run_roles(
    roles: Annotated[list[str], typer.Argument(metavar="ROLE...", help=ROLES_HELP)],
    *,
    host: Annotated[str, typer.Option(help="Address the web role listens on.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0 picks a free one.")] = 8000,
    as_json: JsonOption = False,
) -> None:
    """Run one or more roles in this process; needs PostgreSQL."""
    _run(roles, host=host, port=port, as_json=as_json)


def _run(names: list[str] | None, *, host: str, port: int, as_json: bool) -> None:
    settings = environment()
    chosen = role.all_that_fit(settings) if names is None else role.chosen(settings, names)

    def ready(url: str | None) -> None:
        if as_json:
            print_json({"ready": True, "url": url, "roles": chosen})
        else:
            where = f" at {url}" if url else ""
            people.print(f"Ready{where}: {', '.join(chosen)}. Stop with Ctrl-C.", style="bold")

    async def work(opened: Services) -> int:
        return await supervisor.run(opened, chosen, host=host, port=port, ready=ready)

    status = run(work, loop=uvloop.run)
    # A thread that a library left behind, such as a hanging one of Faust's, must not prevent the exit.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def wait(
    *,
    idle: Annotated[bool, typer.Option("--idle", help="Wait until no work is left. Required.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Give up after this many seconds.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Wait until every event is processed and no command is due.

    Exits with 1 after the timeout.
    """
    if not idle:
        raise Unusable("Add --idle: q2c wait --idle.")

    async def work(opened: Services) -> Idleness:
        return await wait_until_idle(opened, timeout)

    found = run(work)
    if as_json:
        print_json(found)
    elif found.idle:
        people.print(f"Idle at position {found.position} after {found.waited_s:.1f} s.")
    else:
        people.print(f"Still busy after {found.waited_s:.1f} s: {found.waiting_for}.")
    raise typer.Exit(0 if found.idle else FINDING)
