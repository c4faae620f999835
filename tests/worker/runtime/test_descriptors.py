"""A process that runs out of file descriptors reports it, and continues once some are free."""

import json
import resource
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

from worker.runtime import descriptors

ROOT = Path(__file__).parents[3]
LIMIT = 100
OPEN = Path("/proc/self/fd")
SERVING = """
import asyncio, resource, sys
from worker.runtime import descriptors, logs
from worker.runtime.health import Health
from worker.runtime.serving import Patience, serve
from worker.runtime.environment import Environment
from events.clock import SystemClock
import uvloop

async def app(scope, receive, send):
    status = 503 if health.problems else 200
    said = next(iter(health.problems.values()), "good").encode()
    headers = [(b"content-length", str(len(said)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said})

async def main():
    logs.configure(Environment())
    descriptors.SAY_SECONDS = 1000
    descriptors.LOOK_SECONDS = 0.1
    asyncio.create_task(descriptors.watch(SystemClock(), health))
    ready = lambda url: print(url, flush=True)
    # As many connections as there are descriptors, so that it is those that run out.
    patience = Patience(request_seconds=1000, connections_max=10)
    await serve(app, host="127.0.0.1", port=0, ready=ready, stopping=asyncio.Event(), patience=patience)

health = Health()
limit = %d
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
taken = []
def take():
    while True:
        try:
            taken.append(open("/dev/null"))
        except OSError:
            return
async def both():
    serving = asyncio.create_task(main())
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line == "take\\n":
            take()
        else:
            taken.clear()
        print("done", flush=True)
    serving.cancel()
    sys.exit(0)
uvloop.run(both())
"""


def test_a_process_out_of_descriptors_reports_it_once_and_continues_when_some_are_free() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVING % LIMIT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin and stdout and stderr  # noqa: PT018 - it was asked for all of them

    def tell(line: str) -> None:
        stdin.write(f"{line}\n")
        stdin.flush()
        assert stdout.readline() == "done\n"

    try:
        url = stdout.readline().strip()
        assert asked(url) == (200, "good")
        tell("take")
        entry = json.loads(stderr.readline())
        assert (entry["event"], entry["level"], entry["limit"]) == ("descriptors.exhausted", "error", LIMIT)
        assert "ulimit -n" in entry["remedy"]
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))):
            pass  # the server may not accept it
        tell("free")
        assert json.loads(stderr.readline())["event"] == "descriptors.free_again"
        assert asked(url) == (200, "good")
    finally:
        process.kill()
        process.communicate()


def asked(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_a_process_raises_its_limit_to_the_hard_limit() -> None:
    code = (
        "import resource; from worker.runtime import descriptors; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256));"
        " descriptors.raise_limit(); print(descriptors.limit())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, text=True)
    assert said.stdout.split() == ["256"]


def test_the_check_leaves_no_descriptor_open() -> None:
    before = len(list(OPEN.iterdir()))
    assert descriptors.are_available(20)
    assert not descriptors.are_available(resource.getrlimit(resource.RLIMIT_NOFILE)[0] + 1)
    assert len(list(OPEN.iterdir())) == before
