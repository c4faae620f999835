"""A TCP proxy between the workers and their servers, which simulates network faults."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, Literal, get_args

from tests.servers.processes import LOOPBACK

Kind = Literal["latency", "bandwidth", "blackhole", "reset", "cut", "slow_close"]
KINDS: Sequence[Kind] = get_args(Kind)

CHUNK_BYTES = 64 * 1024
CONNECT_SECONDS_MAX = 3.0
# The parameters of each kind of fault; they are drawn anew for each chunk or connection.
LATENCY_SECONDS = (0.05, 0.4)
BYTES_PER_SECOND = 64 * 1024
SLICE_BYTES = 4 * 1024
CUT_AFTER_BYTES = (0, 4 * 1024)
CLOSE_SECONDS = (0.5, 3.0)
RESET_NOT_CLOSED = struct.pack("ii", 1, 0)  # SO_LINGER: on, for 0 s

Address = tuple[str, int]


class Link:
    """One connection: a client's side and a server's."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.bytes_left: int | None = None
        """The bytes of the server's answers that still pass before the connection breaks."""

    def reset(self) -> None:
        _reset(self.client)
        _reset(self.server)


class Proxy:
    """Forwards connections to the first of its upstreams that answers, and causes faults on request.

    - `latency`: bytes arrive later;
    - `bandwidth`: bytes arrive slowly;
    - `blackhole`: no bytes arrive, but connections stay open;
    - `reset`: every connection breaks, and so does each new one;
    - `cut`: each connection breaks after some more bytes of an answer;
    - `slow_close`: servers close their connections, and clients learn of it late.
    """

    def __init__(self, name: str, upstreams: Sequence[Address], random: Random, port: int) -> None:
        self.name = name
        self.port = port
        self.counts: Counter[Kind] = Counter()
        """The number of affected connections, by kind of fault."""
        self._upstreams = list(upstreams)
        self._random = random
        self._trouble: Kind | None = None
        self._passable = asyncio.Event()
        self._passable.set()
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def begin(self, kind: Kind) -> None:
        """Cause a kind of fault until `end`, also for existing connections."""
        self.end()
        self._trouble = kind
        self.counts[kind] += len(self._links)
        if kind == "blackhole":
            self._passable.clear()
        for link in list(self._links):
            if kind == "reset":
                link.reset()
            elif kind == "cut":
                link.bytes_left = self._random.randint(*CUT_AFTER_BYTES)
            elif kind == "slow_close":
                _reset(link.server)

    def end(self) -> None:
        """End the fault; broken connections stay broken."""
        self._trouble = None
        self._passable.set()
        for link in self._links:
            link.bytes_left = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        try:
            yield self
        finally:
            server.close()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(
            asyncio.CancelledError
        ):  # at our end; Python's streams log a cancelled task as an error
            await self._passed(reader, client)
        self._tasks.discard(task)

    async def _passed(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        await self._passable.wait()
        upstream = None if self._trouble == "reset" else await self._connected()
        if upstream is None:
            _reset(client)
            return
        answers, server = upstream
        link = Link(client, server)
        self._links.add(link)
        if self._trouble is not None:
            self.counts[self._trouble] += 1
        if self._trouble == "cut":
            link.bytes_left = self._random.randint(*CUT_AFTER_BYTES)
        pumps = {
            asyncio.ensure_future(self._pump(reader, server)),
            asyncio.ensure_future(self._pump(answers, client, link)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if self._trouble == "slow_close":
                await asyncio.sleep(self._random.uniform(*CLOSE_SECONDS))
        finally:
            self._links.discard(link)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            client.close()
            server.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to an upstream; the first one tried changes each time, as with a load balancer."""
        for host, port in list(self._upstreams):
            self._upstreams.append(self._upstreams.pop(0))
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS_MAX):
                    return await asyncio.open_connection(host, port)
        return None

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: Link | None = None
    ) -> None:
        """Forward bytes until the connection ends or breaks; `cut` is the link if these are its answers."""
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._passable.wait()
                if self._trouble == "latency":
                    await asyncio.sleep(self._random.uniform(*LATENCY_SECONDS))
                if cut is not None and cut.bytes_left is not None:
                    data, cut.bytes_left = data[: cut.bytes_left], max(0, cut.bytes_left - len(data))
                await self._write(writer, data)
                if cut is not None and cut.bytes_left == 0:
                    return

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while data and self._trouble == "bandwidth":
            piece, data = data[:SLICE_BYTES], data[SLICE_BYTES:]
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(len(piece) / BYTES_PER_SECOND)
        if data:
            writer.write(data)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection, as if the other side's machine had disappeared."""
    ours = writer.get_extra_info("socket")
    if ours is not None and not writer.transport.is_closing():
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_NOT_CLOSED)
    writer.transport.abort()
