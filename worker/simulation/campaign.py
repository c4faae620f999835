"""Many seeds over all cores; what they found, and the line that replays a failure."""

import atexit
import functools
import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import structlog
from msgspec import Struct

from worker.simulation.ablations import without
from worker.simulation.database import Store
from worker.simulation.seed import Verdict, run_seed

CHUNK_SEEDS = 8


class Report(Struct, frozen=True):
    """What a campaign came to."""

    seeds: int
    failed: tuple[Verdict, ...]
    faults: dict[str, int]
    deals: int
    requests: int
    virtual_s: float
    seconds: float

    @property
    def kills(self) -> int:
        """How often a worker was killed."""
        return self.faults.get("kill", 0)


def run(
    seeds: range, *, ablated: Sequence[str] = (), processes: int = 1, stop_at_first: bool = False
) -> Report:
    """Run seeds, and add up what happened in them."""
    started = time.monotonic()
    verdicts: list[Verdict] = []
    for found in _verdicts(seeds, ablated, processes):
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


def replay_line(seed: int, ablated: Sequence[str] = ()) -> str:
    """Return the command that plays a seed again, with everything it logs."""
    options = "".join(f" --without {name}" for name in ablated)
    return f"q2c simulate --seeds {seed}:{seed + 1}{options}"


def run_chunk(seeds: Sequence[int], ablated: Sequence[str]) -> list[Verdict]:
    """Run some seeds in this process; the log keeps silent."""
    quiet()
    with without(ablated):
        store = _store(tuple(ablated))
        return [run_seed(store, seed) for seed in seeds]


@functools.cache
def _store(_ablated: tuple[str, ...]) -> Store:
    """Open one store a process, since compiling its statements takes longer than a seed.

    What is taken away may be part of the tables, so each ablation has its own.
    """
    directory = tempfile.mkdtemp(prefix="q2c-simulation-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Store(Path(directory))


def quiet() -> None:
    """Log nothing but what is critical: a simulation is full of warnings."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _verdicts(seeds: range, ablated: Sequence[str], processes: int) -> Iterator[list[Verdict]]:
    rest = iter(seeds)
    chunks = iter(lambda: list(islice(rest, CHUNK_SEEDS)), [])
    if processes == 1:
        yield from (run_chunk(chunk, ablated) for chunk in chunks)
        return
    # A fresh process knows nothing of this one's locks, threads and patches.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run_chunk, chunk, ablated) for chunk in chunks]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
