"""Profile one round of ours, in every thread."""

import contextlib
import cProfile
import io
import pstats
import threading
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Benchmark

LINES = 50


async def profiled(benchmark: Benchmark, directory: Path) -> str:
    """Run rounds of ours alone, one to warm up; return where the time was spent, most first."""
    profiles: list[cProfile.Profile] = []
    with _every_thread(profiles):
        async with benchmark.open(directory) as contenders:
            await contenders.ours()
            for each in profiles:
                each.clear()
            await contenders.ours()
    said = io.StringIO()
    busy = [
        each for each in profiles if each.getstats()
    ]  # pstats refuses the profile of a thread that did nothing
    stats = pstats.Stats(*busy, stream=said).strip_dirs()
    for order in ("tottime", "cumtime"):
        stats.sort_stats(order).print_stats(LINES)
    return said.getvalue()


@contextlib.contextmanager
def _every_thread(profiles: list[cProfile.Profile]) -> Iterator[None]:
    """Profile this thread, and each that starts from now on."""

    def start(*_: object) -> None:
        profiles.append(cProfile.Profile())
        profiles[-1].enable()

    threading.setprofile(start)
    start()
    try:
        yield
    finally:
        threading.setprofile(None)
        for each in profiles:
            each.disable()
