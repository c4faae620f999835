"""Running: the system, the sandbox, the demo; waiting until nothing is due."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from worker.cli.context import JsonOption, Unusable, run
from worker.cli.output import FINDING, errors, people, print_exports, print_json
from worker.runtime.environment import environment
from worker.services import Services

HOST = "127.0.0.1"
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
    from worker.roles import role, supervisor  # noqa: PLC0415 - nothing is imported before it is used

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

    status = run(work, quick=True)
    # What libraries leave behind, a thread of Faust's that hangs say, keeps nobody from leaving.
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
    from worker.roles.idle import Idleness, wait_until_idle  # noqa: PLC0415 - nothing is imported before it is used

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


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address the sandbox listens on.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0 picks a free one.")] = 8089,
    company: Annotated[
        list[str] | None, typer.Option(help="Kind of company: us, us-ast, uk or ca; may be repeated.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            envvar="Q2C_SANDBOX_SEED", help="Seed of the companies and faults; the same seed repeats them."
        ),
    ] = 1,
    client_id: Annotated[
        str | None,
        typer.Option(
            envvar="Q2C_SANDBOX_CLIENT_ID", help="Client ID of its app; default: made from the seed."
        ),
    ] = None,
    client_secret: Annotated[
        str | None, typer.Option(envvar="Q2C_SANDBOX_CLIENT_SECRET", help="Client secret of its app.")
    ] = None,
    faults: Annotated[float, typer.Option(min=0, max=1, help="Share of requests that fail, 0 to 1.")] = 0,
    public_url: Annotated[
        str | None, typer.Option(help="URL of its consent page for browsers, if the worker uses another.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a QuickBooks and DocuSign to test against."""
    from events.clock import SystemClock  # noqa: PLC0415 - nothing is imported before it is used
    from worker.roles.supervisor import stop_signals  # noqa: PLC0415 - as above
    from worker.sandbox import seeds, server  # noqa: PLC0415 - as above
    from worker.sandbox.service import Sandbox  # noqa: PLC0415 - as above
    from worker.sandbox.trouble import Plan  # noqa: PLC0415 - as above

    kinds = company or ["us"]
    if unknown := [kind for kind in kinds if kind not in seeds.KINDS]:
        raise Unusable(f"Unknown company {unknown[0]!r}; choose from {', '.join(seeds.KINDS)}.")
    if (client_id is None) != (client_secret is None):
        raise Unusable("Set --client-id and --client-secret together, or neither.")
    app = (client_id, client_secret) if client_id and client_secret else None
    clock = SystemClock()
    box = Sandbox(clock, kinds=kinds, seed=seed, plan=Plan(rate=faults), public_url=public_url, app=app)

    def ready(url: str) -> None:
        if as_json:
            print_json(server.ready_line(box, url))
            return
        companies = ", ".join(f"{found.traits.name} ({realm})" for realm, found in box.companies.items())
        people.print(f"QuickBooks is at {url}, with {companies}. Stop with Ctrl-C.", soft_wrap=True)
        people.print("Its DocuSign signs with these keys; add them to your workspace once:", soft_wrap=True)
        for key in box.docusign_keys:
            people.print(f"q2c workspace docusign-key add {key}", soft_wrap=True)
        people.print("To point a worker at it:")
        print_exports(server.exports(box, url))

    async def work() -> None:
        with stop_signals() as stopping:
            await server.run(box, clock, host=host, port=port, ready=ready, stopping=stopping)

    asyncio.run(work())


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep it running afterwards, to look around.")] = False,
    faults: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of requests to QuickBooks that fail, 0 to 0.9.")
    ] = 0.3,
    deals: Annotated[int, typer.Option(min=1, max=2000, help="Number of deals.")] = 36,
    as_json: JsonOption = False,
) -> None:
    """Sell sample deals and invoice them in a sandbox, with faults.

    Takes under a minute. Ends with a table of the deals and a proof read from the sandbox's books.
    """
    from worker.demo import play, report  # noqa: PLC0415 - nothing is imported before it is used
    from worker.roles.supervisor import stop_signals  # noqa: PLC0415 - as above

    good = False

    def curtain(performance: play.Performance) -> None:
        nonlocal good
        good = report.is_good(performance)
        if as_json:
            print_json(report.as_json(performance, kept=keep))
        else:
            report.show(performance, people)
        if keep and not as_json:
            people.print(
                f"\nThe worker keeps running at {performance.url}, QuickBooks at {performance.sandbox_url}."
            )
            people.print("Stop with Ctrl-C. To look around, in another shell:")
            print_exports(performance.environment)

    async def until_stopped() -> None:
        with stop_signals() as stopping:
            await stopping.wait()

    def say(sentence: str) -> None:
        errors.print(f"· {sentence}", style="dim")

    asyncio.run(
        play.play(deals=deals, faults=faults, say=say, curtain=curtain, keep=until_stopped if keep else None)
    )
    raise typer.Exit(0 if good else FINDING)
