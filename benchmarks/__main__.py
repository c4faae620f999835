"""`python -m benchmarks [NAME]`: one benchmark, or all of them and the table of docs/benchmarks.md.

Run it on an idle machine. Figures go to stdout, progress to stderr.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import chart, machine, peer, profile, report
from benchmarks.all import BENCHMARKS
from benchmarks.measure import Benchmark, NotHere, Result, run
from benchmarks.report import Missing
from worker.runtime import logs
from worker.runtime.environment import Environment

DOCUMENT = peer.ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run the benchmarks that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=[each.name for each in BENCHMARKS], metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name every benchmark")
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    parser.add_argument("--rounds", type=int, help="the number of rounds")
    parser.add_argument("--profile", action="store_true", help="show where one round of ours spends its time")
    chosen = parser.parse_args()
    if chosen.list:
        for each in BENCHMARKS:
            print(f"{each.name:18} {each.figures[0].title}")
        return 0
    benchmarks = [each for each in BENCHMARKS if chosen.name in (None, each.name)]
    if chosen.profile:
        with quiet(), place() as directory:
            print(asyncio.run(profile.profiled(benchmarks[0], directory)))
        return 0
    with quiet():
        results, missing = measure(benchmarks, chosen.rounds)
    for result in results:
        show(result, as_json=chosen.json)
    for lacking in missing:
        print(f"{lacking.name}: not measured: {lacking.reason}", file=sys.stderr)
    if chosen.name is None:
        write(results, missing)
    return 1 if missing else 0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Log as a running worker does, but to /dev/null."""
    with Path(os.devnull).open("w") as nowhere:
        with contextlib.redirect_stderr(nowhere):
            logs.configure(Environment())
        yield


def measure(benchmarks: list[Benchmark], rounds: int | None) -> tuple[list[Result], list[Missing]]:
    """Run benchmarks one after another; return the results, and the benchmarks that can't run on this machine."""
    results: list[Result] = []
    missing: list[Missing] = []
    for benchmark in benchmarks:
        try:
            with place() as directory:
                results += asyncio.run(run(benchmark, directory, tell, rounds))
        except NotHere as error:
            missing.append(Missing(benchmark.name, str(error)))
    return results, missing


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """Yield a new directory on the project's disk that other users can enter, since servers run as another user."""
    with tempfile.TemporaryDirectory(dir=peer.cache(), prefix="run-") as made:
        directory = Path(made)
        directory.chmod(0o755)
        yield directory


def tell(what: str) -> None:
    """Print progress."""
    print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


def show(result: Result, *, as_json: bool) -> None:
    """Print a figure."""
    if as_json:
        print(report.as_json(result).decode(), flush=True)
        return
    tell("")
    spreads = (f"{name} {report.figure(each.median)}" for name, each in result.spreads.items())
    ratios = (f"{report.figure(each.median)} of the {name}" for name, each in result.ratios.items())
    words = {True: "reached", False: "NOT REACHED", None: "no floor"}
    marks = (words[verdict.reached] for verdict in result.verdicts)
    print(
        f"{result.figure.title}: {', '.join([*spreads, *ratios, *marks])} ({result.figure.unit})", flush=True
    )


def write(results: list[Result], missing: list[Missing]) -> None:
    """Write the table and the picture into the documents."""
    day = datetime.now(UTC).date().isoformat()
    measured = report.table(results, missing, machine.description(), day)
    DOCUMENT.write_text(report.rewritten(DOCUMENT.read_text(), measured))
    DOCUMENT.with_name(report.CHART).write_text(chart.drawn(results))


if __name__ == "__main__":
    sys.exit(main())
