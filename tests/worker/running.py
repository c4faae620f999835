"""Run `q2c` from outside, and read its output."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
Q2C = Path(sys.executable).with_name("q2c")
ROOT = Path(__file__).parents[2]
SECONDS_MAX = 60.0


class Forks:
    """Runs the real command in a new process each time, without the second that its imports take."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(
        self, arguments: tuple[str | bytes, ...], environment: Mapping[str, str], directory: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end.

        Raises:
            TimeoutError: The command took longer than a minute.
        """
        stdout, stderr = (
            directory.parent / f"{directory.name}.stdout",
            directory.parent / f"{directory.name}.stderr",
        )
        asked = {
            "arguments": [os.fsdecode(argument) for argument in arguments],
            "environment": dict(environment),
            "directory": str(directory),
            "stdout": str(stdout),
            "stderr": str(stderr),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], SECONDS_MAX)[0]:
            raise TimeoutError(f"q2c {arguments} is still running")
        status = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, stdout.read_text(), stderr.read_text())


@contextmanager
def forking() -> Iterator[Forks]:
    """Start the forking process."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.worker.forking"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        bufsize=0,
    ) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()


def lines(finished: subprocess.CompletedProcess[str]) -> list[Any]:
    return [json.loads(line) for line in finished.stdout.splitlines()]
