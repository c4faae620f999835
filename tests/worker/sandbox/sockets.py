"""Real servers on real sockets: the sandbox's own, and one that takes webhooks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from events.clock import SystemClock
from tests.worker.sandbox.app import App
from worker.runtime.serving import serve
from worker.sandbox import server

HOST = "127.0.0.1"
PATIENCE_SECONDS = 30.0


@asynccontextmanager
async def running(start: Callable[..., Any], *args: Any) -> AsyncIterator[str]:
    """Run a server on a free port; give its URL."""
    stopping = asyncio.Event()
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    options = {"host": HOST, "port": 0, "ready": listening.set_result, "stopping": stopping}
    task = asyncio.create_task(start(*args, **options))
    try:
        yield await listening
    finally:
        stopping.set()
        await task


@asynccontextmanager
async def served(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an app's sandbox; give a client that holds the app's token. Slow answers take real time."""
    async with running(server.run, app.sandbox, SystemClock()) as url:
        headers = {"authorization": f"Bearer {app.tokens['access_token']}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_SECONDS) as http:
            yield http


class Receiver:
    """Takes every message, and answers as it is told."""

    def __init__(self) -> None:
        self.status = 202
        self.delay_seconds = 0.0
        self.taken: list[tuple[str, list[tuple[str, str]], bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one."""
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        self.taken.append((scope["path"], headers, body + message["body"]))
        await asyncio.sleep(self.delay_seconds)
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"as you say"})


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Receiver, str]]:
    """Serve a receiver; give it and its URL."""
    receiver = Receiver()
    async with running(serve, receiver) as url:
        yield receiver, url
