"""Checking: the invariants on a live store, and the simulation."""

import os
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from worker.cli.context import JsonOption, Unusable, run
from worker.cli.output import FINDING, errors, people, print_json
from worker.services import Services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.simulation.campaign import Ablated
    from worker.simulation.crashpoints import CrashPoint

SHOWN_MAX = 20


def verify(
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Check the database only; send no request to QuickBooks.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the database and QuickBooks' books for broken invariants.

    Reads only. Exits with 1 if an invariant is broken.
    """
    from worker.quickbooks.gateway import open_gateway  # noqa: PLC0415 - nothing is imported before it is used
    from worker.verification import invariants  # noqa: PLC0415 - as above
    from worker.verification.books import Books, read_books  # noqa: PLC0415 - as above

    async def work(opened: Services) -> dict[str, list[str]]:
        books = Books()
        if not offline:
            async with open_gateway(
                opened.environment, opened.database, opened.clock, opened.entropy, opened.vault
            ) as gateway:
                books = await read_books(opened.database, gateway.client)
        return await opened.database.read(invariants.violations, opened.clock.now(), books)

    found = run(work)
    good = not any(found.values())
    if as_json:
        print_json({"good": good, "violations": found})
    else:
        for invariant in invariants.INVARIANTS:
            broken = found[invariant.name]
            people.print(f"{'✗' if broken else '✓'} {invariant.name}  {invariant.says}", markup=False)
            for violation in broken[:SHOWN_MAX]:
                people.print(f"      {violation}", markup=False)
            if len(broken) > SHOWN_MAX:
                people.print(f"      and {len(broken) - SHOWN_MAX} more", markup=False)
    raise typer.Exit(0 if good else FINDING)


def simulate(
    *,
    seeds: Annotated[str, typer.Option(metavar="A:B", help="Seeds to run: A to B - 1.")] = "1:101",
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="SAFEGUARD", help="Switch this safeguard off; may be repeated."),
    ] = None,
    crash_points: Annotated[
        int,
        typer.Option(min=0, help="Instead of seeds, run this many crash points: one kill at one step each."),
    ] = 0,
    ablations: Annotated[
        bool,
        typer.Option(
            "--ablations", help="Switch off each safeguard in turn; exit with 1 if no seed notices."
        ),
    ] = False,
    density: Annotated[
        bool, typer.Option("--density", help="With --ablations: run all --seeds and count those that notice.")
    ] = False,
    crash_at: Annotated[
        str | None, typer.Option(metavar="POINT", help="Run one crash point, such as calm:1:17.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Number of parallel processes.")] = os.cpu_count()
    or 1,
    as_json: JsonOption = False,
) -> None:
    """Run the worker on a virtual clock, with random faults by seed.

    A failing seed prints the command that replays it exactly.
    """
    from worker.simulation import campaign  # noqa: PLC0415 - nothing is imported before it is used
    from worker.simulation.ablations import BY_NAME  # noqa: PLC0415 - as above

    ablated = without or []
    if unknown := [name for name in ablated if name not in BY_NAME]:
        raise Unusable(f"Unknown safeguard {unknown[0]!r}; choose from {', '.join(BY_NAME)}.")
    if ablations:
        chosen = _range(seeds) if density else None
        _show_ablations(
            campaign.run_ablations(chosen, processes=processes, stop_at_first=not density), as_json=as_json
        )
    if crash_at is not None or crash_points:
        points = (
            campaign.spread(crash_points, ablated=ablated) if crash_at is None else [_crash_point(crash_at)]
        )
        report = campaign.run_crash_points(points, ablated=ablated, processes=processes)
    else:
        report = campaign.run(_range(seeds), ablated=ablated, processes=processes)
    if as_json:
        print_json(campaign.as_json(report))
    else:
        people.print(campaign.summary(report), markup=False)
    for verdict in report.failed[:SHOWN_MAX]:
        errors.print(f"{verdict.name}: {'; '.join(verdict.violations[:3])}", markup=False)
        errors.print(f"    replay: {campaign.replay_line(verdict, ablated)}", markup=False, soft_wrap=True)
    raise typer.Exit(FINDING if report.failed else 0)


def _show_ablations(found: "Iterator[Ablated]", *, as_json: bool) -> NoReturn:
    unnoticed = 0
    for ablated in found:
        unnoticed += not ablated.noticed
        if as_json:
            print_json({**msgspec.structs.asdict(ablated), "per_1000": ablated.per_1000})
            continue
        masks = f" (with {', '.join(ablated.masked_by)})" if ablated.masked_by else ""
        noticed = f"{ablated.noticed} of {ablated.seeds} seeds" if ablated.noticed else "NOT NOTICED"
        people.print(f"{ablated.safeguard + masks:48} {noticed:18} {ablated.violation or ''}", markup=False)
    raise typer.Exit(FINDING if unnoticed else 0)


def _crash_point(text: str) -> "CrashPoint":
    from worker.simulation import crashpoints  # noqa: PLC0415 - nothing is imported before it is used

    try:
        return crashpoints.parse(text)
    except ValueError as error:
        raise Unusable(str(error)) from error


def _range(text: str) -> range:
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise Unusable(f"--seeds must be A:B with A less than B, such as 1:101, not {text!r}.")
    return range(int(first), int(last))
