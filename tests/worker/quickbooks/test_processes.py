"""Several real processes on one file make only one refresh."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.worker.quickbooks.intuit import REALM, bench, connect

ROOT = Path(__file__).parents[3]
REFRESH_SECONDS = 0.7


class TokenServer(ThreadingHTTPServer):
    """Counts refreshes, and the largest number in flight at once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.guard = threading.Lock()
        self.refreshes = 0
        self.in_flight = 0
        self.in_flight_max = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_GET(self) -> None:
        endpoints = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
        self._say({name: f"{self.server.url}/{name}" for name in endpoints})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        with self.server.guard:
            self.server.refreshes += 1
            number = self.server.refreshes
            self.server.in_flight += 1
            self.server.in_flight_max = max(self.server.in_flight_max, self.server.in_flight)
        time.sleep(REFRESH_SECONDS)
        with self.server.guard:
            self.server.in_flight -= 1
        self._say(
            {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 3600}
        )

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _say(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as opened:
        thread = threading.Thread(target=opened.serve_forever)
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


async def test_four_processes_and_fifty_calls_make_one_refresh(tmp_path: Path, server: TokenServer) -> None:
    async with bench(tmp_path) as one:
        # The fake clock is in the past, so for real processes these tokens have expired.
        await connect(one, good_for=0)
        file = str(tmp_path / "q2c.sqlite3")
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.worker.quickbooks.refresher"),
                *(file, server.url, REALM, str(calls)),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for calls in (13, 13, 12, 12)
        ]
        try:
            async with asyncio.timeout(60):
                for process in processes:
                    assert process.stdout is not None
                    assert (await process.stdout.readline()).strip() == b"ready"
                answers = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    got = [token for out, _ in answers for line in out.decode().splitlines() for token in line.split()]
    tokens = [token for token in got if token.startswith("access-")]
    assert tokens == ["access-1"] * 50
    assert (server.refreshes, server.in_flight_max) == (1, 1)
