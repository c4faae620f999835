"""The simulation: seeds, crash points, and safeguards taken away."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from worker.cli.failing import FINDING, Unusable
from worker.cli.options import JsonOption
from worker.cli.output import errors, people, print_json
from worker.simulation import campaign, crashpoints
from worker.simulation.ablations import BY_NAME
from worker.simulation.campaign import Ablated
from worker.simulation.crashpoints import CrashPoint
from worker.simulation.days import DaysReport

SHOWN_MAX = 20


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
    days: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Instead of seeds, play this many days of business."),
    ] = None,
    seed: Annotated[int, typer.Option(help="With --days: the seed.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="With --days: write books.json, log.json and counts.json into this folder."
        ),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Number of parallel processes.")] = os.cpu_count()
    or 1,
    as_json: JsonOption = False,
) -> None:
    """Run the worker on a virtual clock, with random faults by seed.

    A failing seed prints the command that replays it exactly.
    """
    ablated = without or []
    if unknown := [name for name in ablated if name not in BY_NAME]:
        raise Unusable(f"Unknown safeguard {unknown[0]!r}; choose from {', '.join(BY_NAME)}.")
    if days is not None:
        _show_days(campaign.run_days(days, seed, out), as_json=as_json)
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


def _show_days(report: DaysReport, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        people.print(campaign.days_summary(report), markup=False)
    for finding in report.findings[:SHOWN_MAX]:
        errors.print(finding, markup=False)
    raise typer.Exit(FINDING if report.findings else 0)


def _show_ablations(found: Iterator[Ablated], *, as_json: bool) -> NoReturn:
    unnoticed = 0
    for ablated in found:
        unnoticed += not ablated.noticed
        if as_json:
            print_json({**msgspec.structs.asdict(ablated), "per_1000": ablated.per_1000})
            continue
        masks = f" (with {', '.join(ablated.masked_by)})" if ablated.masked_by else ""
        noticed = f"{ablated.noticed} of {ablated.seeds} seeds" if ablated.noticed else "NOT NOTICED"
        first = f"seed {ablated.first}" if ablated.first else ""
        people.print(
            f"{ablated.safeguard + masks:48} {noticed:18} {first:10} {ablated.violation or ''}", markup=False
        )
    raise typer.Exit(FINDING if unnoticed else 0)


def _crash_point(text: str) -> CrashPoint:
    try:
        return crashpoints.parse(text)
    except ValueError as error:
        raise Unusable(str(error)) from error


def _range(text: str) -> range:
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise Unusable(f"--seeds must be A:B with A less than B, such as 1:101, not {text!r}.")
    return range(int(first), int(last))
