"""Run the demo's sandbox in this process, and its worker in a separate process that can be killed."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from events.clock import SystemClock
from worker.sandbox import server
from worker.sandbox.service import Sandbox

HOST = "127.0.0.1"
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 30.0


class WorkerFailed(Exception):
    """The worker did not start; the message names its log."""


class Worker:
    """`q2c up` as a process."""

    def __init__(self, directory: Path, environment: dict[str, str], port: int) -> None:
        self._log = directory / "worker.log"
        self._environment = {**os.environ, **environment}
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        self.restarts = -1

    async def start(self) -> None:
        """Start the worker, and wait until it answers.

        Raises:
            WorkerFailed: It ended, or did not answer in time.
        """
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                "from worker.cli import main; main()",
                *("up", "--json", "--host", HOST, "--port", str(self._port)),
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self.restarts += 1
        stdout = self._process.stdout
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                line = await stdout.readline() if stdout else b""
        except TimeoutError:
            line = b""
        if not line or not json.loads(line).get("ready"):
            raise WorkerFailed(f"The worker did not start; its log is {self._log}")

    async def kill(self) -> None:
        """Kill the worker with SIGKILL, and start it again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        await self.start()

    async def stop(self) -> None:
        """Let the worker drain and exit."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running_sandbox(sandbox: Sandbox) -> AsyncIterator[str]:
    """Serve a sandbox on a free port; yield its URL."""
    stopping = asyncio.Event()
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        server.run(sandbox, SystemClock(), host=HOST, port=0, ready=listening.set_result, stopping=stopping)
    )
    try:
        yield await listening
    finally:
        stopping.set()
        await task


def free_port() -> int:
    """Return a port on which no process listens now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port
