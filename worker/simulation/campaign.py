"""Run many seeds or crash points on all cores, and report the failures with the commands that replay them."""

import atexit
import functools
import gc
import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import structlog
from msgspec import Struct

from worker.simulation import crashpoints
from worker.simulation.ablations import BY_NAME, SAFEGUARDS, without
from worker.simulation.crashpoints import CrashPoint
from worker.simulation.database import Store
from worker.simulation.days import DaysReport, play
from worker.simulation.seed import Verdict, run_seed

CHUNK = 8
T = TypeVar("T")


class Report(Struct, frozen=True):
    """The result of a campaign; `seeds` is the number of seeds or of crash points."""

    seeds: int
    failed: tuple[Verdict, ...]
    faults: dict[str, int]
    deals: int
    requests: int
    virtual_s: float
    seconds: float

    @property
    def kills(self) -> int:
        """The number of kills of a worker."""
        return self.faults.get("kill", 0)


def run(
    seeds: Sequence[int],
    *,
    ablated: Sequence[str] = (),
    processes: int = 1,
    stop_at_first: bool = False,
) -> Report:
    """Run seeds, and add up their results."""
    return _campaign(_seeds, seeds, ablated, processes, stop_at_first=stop_at_first)


def run_crash_points(
    points: Sequence[CrashPoint], *, ablated: Sequence[str] = (), processes: int = 1
) -> Report:
    """Run crash points, and add up their results."""
    return _campaign(_crash_points, points, ablated, processes)


def spread(count: int, *, ablated: Sequence[str] = ()) -> list[CrashPoint]:
    """Return `count` crash points, spread over all workloads."""
    silence_logs()
    with without(ablated):
        return crashpoints.spread(_store(tuple(ablated)), count)


def run_days(days: int, seed: int, out: Path | None) -> DaysReport:
    """Play days of business, and write what is left into a folder."""
    silence_logs()
    return play(_store(()), seed, days, out)


def days_summary(report: DaysReport) -> str:
    """Return a report of days in a few lines."""
    requests = _named(report.requests)
    return (
        f"{report.days} days of business: {report.deals} deals, {report.won} to invoice, {report.invoices} invoices.\n"
        f"{report.changes} changes of {report.changed_objects} objects in QuickBooks;"
        f" {sum(report.requests.values())} requests ({requests}), {report.reads} reads on Intuit's meter.\n"
        f"Webhooks: {report.webhooks['delivered']} delivered, {report.webhooks['unanswered']} unanswered,"
        f" {report.webhooks['changes_lost']} changes lost. {report.syncs['sweeps']} sweeps.\n"
        f"People: {_named(report.people)}.\n"
        f"In step: {_named(report.in_step)}.\n"
        f"Decisions and both sides compared on {report.compared['nights']} nights and at the end:"
        f" {report.compared['I10']} findings of I10, {report.compared['I11']} of I11.\n"
        f"{len(report.findings)} findings."
    )


def _named(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


class Ablated(Struct, frozen=True):
    """The number of seeds that noticed the absence of a safeguard, and the first of them."""

    safeguard: str
    masked_by: tuple[str, ...]
    seeds: int
    noticed: int
    first: str | None
    violation: str | None

    @property
    def per_1000(self) -> float:
        """The expected number of 1,000 seeds that notice."""
        return round(1000 * self.noticed / self.seeds, 1)


def run_ablations(
    seeds: Sequence[int] | None, *, processes: int = 1, stop_at_first: bool = True
) -> Iterator[Ablated]:
    """Remove each safeguard in turn, in `seeds` or in the safeguard's own seeds."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [
            pool.submit(_ablate, safeguard.name, seeds or safeguard.seeds, stop_at_first)
            for safeguard in SAFEGUARDS
        ]
        for future in futures:
            yield future.result()


def _ablate(name: str, seeds: Sequence[int], stop_at_first: bool) -> Ablated:
    report = run(seeds, ablated=[name], stop_at_first=stop_at_first)
    first = report.failed[0] if report.failed else None
    return Ablated(
        safeguard=name,
        masked_by=BY_NAME[name].masked_by,
        seeds=report.seeds,
        noticed=len(report.failed),
        first=first.name if first else None,
        violation=first.violations[0] if first else None,
    )


def replay_line(verdict: Verdict, ablated: Sequence[str] = ()) -> str:
    """Return the command that replays a seed or a crash point."""
    options = "".join(f" --without {name}" for name in ablated)
    what = (
        f"--crash-at {verdict.name}" if ":" in verdict.name else f"--seeds {verdict.seed}:{verdict.seed + 1}"
    )
    return f"q2c simulate {what}{options}"


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as the command line prints it."""
    return {
        "seeds": report.seeds,
        "failed": [
            {"seed": verdict.name, "violations": verdict.violations, "trace": verdict.trace}
            for verdict in report.failed
        ],
        "kills": report.kills,
        "faults": report.faults,
        "deals": report.deals,
        "requests": report.requests,
        "virtual_s": report.virtual_s,
        "seconds": report.seconds,
    }


def summary(report: Report) -> str:
    """Return a report in a few lines."""
    faults = _named(report.faults)
    return (
        f"{report.seeds} played in {report.seconds} s ({report.seeds / max(report.seconds, 0.1):.1f}/s):"
        f" {report.deals} deals, {report.requests} requests to QuickBooks,"
        f" {report.virtual_s / 3600:.1f} virtual hours.\n"
        f"Faults: {faults}.\n"
        f"{len(report.failed)} failed."
    )


def silence_logs() -> None:
    """Log only critical messages, since a simulation causes many warnings."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _campaign(
    play: Callable[[Store, T], Verdict],
    work: Sequence[T],
    ablated: Sequence[str],
    processes: int,
    *,
    stop_at_first: bool = False,
) -> Report:
    started = time.monotonic()
    verdicts: list[Verdict] = []
    for found in _verdicts(play, work, ablated, processes, 1 if stop_at_first else CHUNK):
        verdicts += found
        if stop_at_first and any(verdict.violations for verdict in found):
            break
    faults: Counter[str] = Counter()
    for verdict in verdicts:
        faults.update(verdict.faults)
    return Report(
        seeds=len(verdicts),
        failed=tuple(verdict for verdict in verdicts if verdict.violations),
        faults=dict(sorted(faults.items())),
        deals=sum(verdict.deals for verdict in verdicts),
        requests=sum(verdict.requests for verdict in verdicts),
        virtual_s=round(sum(verdict.virtual_s for verdict in verdicts), 1),
        seconds=round(time.monotonic() - started, 1),
    )


def _verdicts(
    play: Callable[[Store, T], Verdict],
    work: Sequence[T],
    ablated: Sequence[str],
    processes: int,
    size: int,
) -> Iterator[list[Verdict]]:
    chunks = [work[start : start + size] for start in range(0, len(work), size)]
    if processes == 1 or len(chunks) == 1:
        yield from (_play_chunk(play, chunk, ablated) for chunk in chunks)
        return
    # A fresh process has none of this one's locks, threads and patches.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_play_chunk, play, chunk, ablated) for chunk in chunks]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _play_chunk(
    play: Callable[[Store, T], Verdict], chunk: Sequence[T], ablated: Sequence[str]
) -> list[Verdict]:
    silence_logs()
    with without(ablated), _collected_after():
        store = _store(tuple(ablated))
        return [play(store, item) for item in chunk]


@contextmanager
def _collected_after() -> Iterator[None]:
    """Collect garbage once after a chunk instead of while seeds run, and only the chunk's objects."""
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()


def _seeds(store: Store, seed: int) -> Verdict:
    return run_seed(store, seed)


def _crash_points(store: Store, point: CrashPoint) -> Verdict:
    return crashpoints.kill_at(store, point)


@functools.cache
def _store(_ablated: tuple[str, ...]) -> Store:
    """Open one store for each process, since compiling its statements takes longer than a seed.

    A removed safeguard may be part of the tables, so each ablation has its own store.
    """
    directory = tempfile.mkdtemp(prefix="q2c-simulation-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Store(Path(directory))
