"""The demo: sample deals, invoiced in a sandbox."""

import asyncio
from typing import Annotated

import typer

from worker.cli.failing import FINDING
from worker.cli.options import JsonOption
from worker.cli.output import errors, people, print_exports, print_json
from worker.demo import play, report
from worker.roles.supervisor import stop_signals


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
