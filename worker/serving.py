"""An ASGI application on a socket, with our own signals and a word when it listens."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

BACKLOG = 2048


class _Server(uvicorn.Server):
    """Uvicorn, leaving signals to us and saying when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(
    app: Any, *, host: str, port: int, ready: Callable[[str], None], stopping: asyncio.Event
) -> None:
    """Serve until told to stop; then answer what is being asked, and return.

    Args:
        app: An ASGI application.
        host: Where it listens.
        port: Its port; 0 picks a free one.
        ready: Told the URL once it listens.
        stopping: Set when it is to stop.
    """
    listener = socket.create_server((host, port), backlog=BACKLOG)
    url = f"http://{host}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=10
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    listening = asyncio.create_task(server.listening.wait())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        ready(url)
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for task in (listening, stopped):
        task.cancel()
    await serving
