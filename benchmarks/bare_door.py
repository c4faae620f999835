"""The least that a webhook door can do, as a process: a Litestar handler that verifies the signature, and answers.

It is served as the worker's front door is. `python -m benchmarks.bare_door PORT VERIFIER_TOKEN` prints a line when it listens.
"""

import asyncio
import base64
import hashlib
import hmac
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import uvloop
from litestar import Litestar, Request, Response, post

from worker.demo.stage import HOST
from worker.runtime.serving import serve


@asynccontextmanager
async def running(port: int, verifier_token: str) -> AsyncIterator[None]:
    """Run it as a process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.bare_door",
        *(str(port), verifier_token),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is not None:
            await process.stdout.readline()
        yield
    finally:
        process.terminate()
        await process.wait()


def create(verifier_token: str) -> Litestar:
    """Build the application."""

    @post("/webhooks/quickbooks", status_code=HTTPStatus.OK)
    async def door(request: Request[Any, Any, Any]) -> Response[dict[str, int]]:
        digest = hmac.digest(verifier_token.encode(), await request.body(), hashlib.sha256)
        given = request.headers.get("intuit-signature", "")
        if hmac.compare_digest(base64.b64encode(digest), given.encode()):
            return Response({"appended": 0})
        return Response({"appended": 0}, status_code=HTTPStatus.UNAUTHORIZED)

    return Litestar([door], openapi_config=None, logging_config=None)


async def _main(port: int, verifier_token: str) -> None:
    def ready(url: str) -> None:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    await serve(create(verifier_token), host=HOST, port=port, ready=ready, stopping=asyncio.Event())


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), sys.argv[2]))
