"""Serve an ASGI application on a socket, without uvicorn's signals, and close the connections of slow clients.

An idle connection costs its client nothing and us a descriptor. So a connection is closed if no request comes, if the body
does not end, or if the client does not read the answer.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h11
import structlog
import uvicorn
from msgspec import Struct
from uvicorn.protocols.http.h11_impl import H11Protocol

from events.clock import SystemClock
from worker.runtime import descriptors

BACKLOG = 2048
PORTION_BYTES = 65_536
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
logger = structlog.get_logger()


class Patience(Struct, frozen=True):
    """The time limits of a connection, and the limit of connections.

    Attributes:
        request_seconds: From the connection's beginning, or the end of an answer, to the next request's headers.
        body_seconds: From there to the end of the body; single doors may have a lower limit.
        answer_seconds: For the client to read each portion of an answer.
        connections_max: Beyond it, requests are refused; from half of it on, the connections that have waited longest
            for their client are closed. At most half of the descriptors.
        look_seconds: The interval of the checks.
    """

    request_seconds: float = 20
    body_seconds: float = 65
    answer_seconds: float = 30
    connections_max: int = 4000
    look_seconds: float = 1


class KeyPair(Struct, frozen=True):
    """The files of a certificate and of its private key, in PEM format."""

    certificate: Path
    private_key: Path


What = Literal["request", "body", "answer"]


class _Wait(NamedTuple):
    """The thing that a connection waits for from its client, and marks that change with progress."""

    what: What
    cycle: object
    portions: int = 0


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers, which sets `listening` once it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then set `listening`."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


class _Sweeper:
    """Closes the connections of a server that make no progress."""

    def __init__(self, server: _Server, patience: Patience, connections_max: int) -> None:
        self._connections: set[Any] = server.server_state.connections
        self._seconds: dict[What, float] = {
            "request": patience.request_seconds,
            "body": patience.body_seconds,
            "answer": patience.answer_seconds,
        }
        self._usual_max = connections_max // 2
        self._since: dict[H11Protocol, tuple[_Wait, float]] = {}

    async def sweep(self, every_seconds: float) -> None:
        """Check the connections at intervals, until cancelled."""
        clock = SystemClock()  # sockets have no virtual time
        while True:
            self._look(clock.monotonic())
            await clock.sleep(every_seconds)

    def _look(self, now: float) -> None:
        since: dict[H11Protocol, tuple[_Wait, float]] = {}
        for connection in self._connections:
            wait = _waits_for(connection)
            if wait is not None:
                before, began = self._since.get(connection, (None, now))
                since[connection] = (wait, began if before == wait else now)
        self._since = since
        late = {one for one, (wait, began) in since.items() if now - began >= self._seconds[wait.what]}
        for connection in (late := late | self._too_many(late)):
            _close(connection, since[connection][0].what)
        if late:
            closed = Counter(since[connection][0].what for connection in late)
            logger.info("http.slow_closed", waited_for=dict(closed), connections=len(self._connections))

    def _too_many(self, late: set[H11Protocol]) -> set[H11Protocol]:
        """Return the connections to close so that others are served: first those without a request."""
        excess = len(self._connections) - len(late) - self._usual_max
        if excess <= 0:
            return set()
        order = list(self._seconds)
        waiting = [(order.index(wait.what), began, one) for one, (wait, began) in self._since.items()]
        waiting.sort(key=lambda found: found[:2])
        return {one for _, _, one in waiting if one not in late and (excess := excess - 1) >= 0}


def _waits_for(connection: H11Protocol) -> _Wait | None:
    """Return the thing that a connection waits for from its client; None if it does not wait for its client."""
    if unsent := connection.transport.get_write_buffer_size():
        return _Wait("answer", connection.cycle, unsent // PORTION_BYTES)
    if connection.conn.their_state is h11.IDLE:
        return _Wait("request", connection.cycle)
    return _Wait("body", connection.cycle) if connection.conn.their_state is h11.SEND_BODY else None


def _close(connection: H11Protocol, what: What) -> None:
    if what == "answer":
        connection.transport.abort()
        return
    begun, _ = connection.conn.trailing_data if what == "request" else (b"", False)
    if begun or (what == "body" and not connection.cycle.response_started):
        connection.transport.write(TOO_SLOW)
    connection.transport.close()


async def serve(
    app: Any,
    *,
    host: str,
    port: int,
    ready: Callable[[str], None],
    stopping: asyncio.Event,
    patience: Patience = Patience(),  # noqa: B008 - it never changes
    key_pair: KeyPair | None = None,
) -> None:
    """Serve until `stopping` is set; then finish the requests in flight and return.

    Args:
        app: An ASGI application.
        host: The address to listen on.
        port: The port to listen on; 0 picks a free one.
        ready: Called with the URL once the server listens.
        stopping: Set to stop the server.
        patience: The time limits of connections.
        key_pair: The server's certificate and key, for https; None for http.
    """
    listener = socket.create_server((host, port), backlog=BACKLOG)
    # Connections inherit it. asyncio doesn't set it on sockets that are made without a protocol number, and each answer,
    # which is written in two parts, would wait 40 ms for its client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"{'http' if key_pair is None else 'https'}://{host}:{listener.getsockname()[1]}"
    connections_max = max(2, min(patience.connections_max, descriptors.limit() // 2))
    config = uvicorn.Config(
        app,
        http=H11Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        limit_concurrency=connections_max,
        timeout_graceful_shutdown=10,
        ssl_certfile=key_pair.certificate if key_pair else None,
        ssl_keyfile=key_pair.private_key if key_pair else None,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    listening = asyncio.create_task(server.listening.wait())
    stopped = asyncio.create_task(stopping.wait())
    sweeping = asyncio.create_task(_Sweeper(server, patience, connections_max).sweep(patience.look_seconds))
    await asyncio.wait({serving, listening, sweeping}, return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        ready(url)
    await asyncio.wait({serving, stopped, sweeping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for task in (listening, stopped):
        task.cancel()
    await serving
    if sweeping.done():
        sweeping.result()
    sweeping.cancel()
