"""Run mutations in copies of the tree: first the tests, then the simulation if no test fails."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Literal

from msgspec import Struct

from tests.mutations.mutation import ROOT, Mutation, mutated

SEEDS = 300
UNMUTATED_SECONDS_MAX = 3600
# A run that takes this many times as long as without a mutation hangs, and counts as noticed.
HANGS = 3
SEEDS_SECONDS_MAX = 3600
# The tests of every mutation: request bodies, and the rules.
TESTS = (
    "tests/golden",
    *(
        f"tests/worker/quote_to_cash/test_decide_{name}.py"
        for name in ("contracts", "cut_over", "once", "companies", "invoice")
    ),
    *(f"tests/worker/quote_to_cash/test_{name}.py" for name in ("totals", "referred", "gates")),
)
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
_PLAY = """
import sys
from worker.simulation import campaign
if __name__ == "__main__":
    report = campaign.run(range(1, int(sys.argv[1]) + 1), stop_at_first=True)
    for verdict in report.failed[:1]:
        print(f"seed {verdict.name}: {verdict.violations[0]}")
    sys.exit(1 if report.failed else 0)
"""


class Verdict(Struct, frozen=True):
    """The test or seed that noticed a mutation, or neither."""

    mutation: Mutation
    by: Literal["test", "seed", "nothing"]
    evidence: str = ""


class Unsound(Exception):
    """A mutation could not be tried: the tree fails without it, or a process was killed."""


def run(chosen: Sequence[Mutation], *, seeds: int = SEEDS, processes: int = 2) -> Iterator[Verdict]:
    """Try mutations, at most so many at once; verdicts come in the order of `chosen`.

    Raises:
        OutOfDate: A mutation no longer fits its file; nothing is tried.
        Unsound: The tests fail without any mutation, or a process was killed.
    """
    for mutation in chosen:
        mutated(mutation)
    with _copies(processes) as copies, ThreadPoolExecutor(processes) as pool:
        began = time.monotonic()
        failure = _tested(copies[0], tests_of(*chosen), UNMUTATED_SECONDS_MAX)
        if failure:
            raise Unsound(f"The tests fail without a mutation: {failure}")
        seconds_max = HANGS * (time.monotonic() - began)
        free: SimpleQueue[Path] = SimpleQueue()
        for copy in copies:
            free.put(copy)
        yield from pool.map(lambda mutation: _tried(free, mutation, seeds, seconds_max), chosen)


def tests_of(*mutations: Mutation) -> list[str]:
    """Return the tests that mutations have to pass, each once."""
    always = [path for path in TESTS if (ROOT / path).exists()] if any(m.seeds for m in mutations) else []
    return list(dict.fromkeys([*always, *(path for mutation in mutations for path in mutation.tests)]))


def _tried(free: "SimpleQueue[Path]", mutation: Mutation, seeds: int, seconds_max: float) -> Verdict:
    copy = free.get()
    try:
        with _applied(copy, mutation):
            if failure := _tested(copy, tests_of(mutation), seconds_max):
                return Verdict(mutation, "test", failure)
            if mutation.seeds and (violation := _played(copy, seeds)):
                return Verdict(mutation, "seed", violation)
            return Verdict(mutation, "nothing")
    finally:
        free.put(copy)


@contextmanager
def _copies(count: int) -> Iterator[list[Path]]:
    """Copy the repository's files, compiled, so that only a mutated file has to be compiled again."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the one on the path
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    with TemporaryDirectory(prefix="q2c-mutations-") as directory:
        copies = [Path(directory) / str(number) for number in range(count)]
        for copy in copies:
            _copy(files, copy)
            rooms = ("events", "projections", "worker", "tests")
            _python(copy, "-m", "compileall", "-q", *rooms, seconds_max=UNMUTATED_SECONDS_MAX)
        yield copies


def _copy(files: Iterable[str], to: Path) -> None:
    for name in files:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


@contextmanager
def _applied(copy: Path, mutation: Mutation) -> Iterator[None]:
    path = copy / mutation.file
    before = path.with_suffix(".before")
    text = mutated(mutation, copy)
    shutil.copy2(path, before)
    path.write_text(text)
    try:
        yield
    finally:
        before.replace(path)


def _tested(copy: Path, paths: Sequence[str], seconds_max: float) -> str | None:
    """Run tests until one fails; return which, and why."""
    options = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", "-W", "error")
    finished = _python(copy, *options, *paths, seconds_max=seconds_max)
    if finished is None:
        return f"not done in {seconds_max:.0f} s"
    if finished.returncode == 0:
        return None
    found = _FAILED.search(finished.stdout)
    if found is None:
        raise Unsound(f"The tests ended with status {finished.returncode}: {finished.stdout[-500:]}")
    return found[1]


def _played(copy: Path, seeds: int) -> str | None:
    """Run seeds until one fails; return its name and the violated rule."""
    finished = _python(copy, "-c", _PLAY, str(seeds), seconds_max=SEEDS_SECONDS_MAX)
    if finished is None:
        return f"not done in {SEEDS_SECONDS_MAX} s"
    if finished.returncode == 0:
        return None
    said = (finished.stdout.strip() or finished.stderr.strip()).splitlines()
    if finished.returncode != 1 or not said:
        raise Unsound(f"The simulation ended with status {finished.returncode}: {finished.stderr[-500:]}")
    return said[-1][:200]


def _python(copy: Path, *arguments: str, seconds_max: float) -> subprocess.CompletedProcess[str] | None:
    """Run Python on a copy, and not on an installed package; None if it took too long."""
    compiles = "compileall" in arguments
    environment = {**os.environ, "PYTHONPATH": str(copy), "HYPOTHESIS_STORAGE_DIRECTORY": str(copy / ".h")}
    if not compiles:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        return subprocess.run(
            ["nice", sys.executable, *arguments],  # noqa: S607 - as above
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds_max,
        )
    except subprocess.TimeoutExpired:
        return None
