"""Run peers in a separate environment, as processes that take turns with ours.

`peers.txt` pins the installed versions. A peer is a module of `benchmarks.peers`: it reads one JSON object a line
(`{"call": …, …}`), carries it out, measures it by its own clock and answers with one. Data is passed in files, so that
the protocol is not part of a figure.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import NotHere

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".benchmarks"
ENVIRONMENT = CACHE / "peers"
REQUIREMENTS = Path(__file__).parent / "peers.txt"
STOP_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 1024 * 1024


class PeerFailed(Exception):
    """A peer failed a request; the message is its traceback."""


class Peer:
    """A running peer."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Send a request to the peer; return its answer.

        Raises:
            PeerFailed: The peer failed, or has ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise PeerFailed("It has no pipes")
        stdin.write(json.dumps({"call": name, **arguments}).encode() + b"\n")
        await stdin.drain()
        line = await stdout.readline()
        if not line:
            raise PeerFailed(f"It ended with {await self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerFailed(answer["error"])
        return answer


@asynccontextmanager
async def running(
    module: str, requirements: Path = REQUIREMENTS, environment: Path = ENVIRONMENT
) -> AsyncIterator[Peer]:
    """Start a module of `benchmarks.peers` in an environment, and end it."""
    python = await asyncio.to_thread(prepared, requirements, environment)
    process = await asyncio.create_subprocess_exec(
        python,
        "-m",
        f"benchmarks.peers.{module}",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=ANSWER_BYTES_MAX,
    )
    try:
        yield Peer(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def prepared(requirements: Path = REQUIREMENTS, environment: Path = ENVIRONMENT) -> Path:
    """Create an environment unless it has the pinned versions; return its Python.

    Raises:
        NotHere: The environment could not be created.
    """
    python = environment / "bin" / "python"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    stamp = environment / "made-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    cache()
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(environment)],
        [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            str(requirements),
        ],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        if done.returncode:
            raise NotHere(
                f"{environment.name}: the environment could not be created: {done.stderr.strip()[-500:]}"
            )
    stamp.write_text(wanted)
    return python


def cache() -> Path:
    """Return the directory for the benchmarks' files: on the project's disk, ignored by git."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    return CACHE
