"""Slow clients, malicious or not, do not block other clients."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from worker.runtime.serving import Patience, serve

IMPATIENT = Patience(request_seconds=0.4, body_seconds=0.5, answer_seconds=0.6, look_seconds=0.05)
LARGE = b"x" * 64 * 1024 * 1024
REQUEST = b"GET /quick HTTP/1.1\r\nhost: here\r\n\r\n"
POST = b"POST /body HTTP/1.1\r\nhost: here\r\ncontent-length: 1000\r\n\r\n"
SOON = 20.0

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class App:
    """Answers at once, after the body, with a large body, or when released."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.cut_short = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path, said = scope["path"], b"hello"
        if path == "/body":
            while (message := await receive()).get("more_body"):
                pass
            if message["type"] == "http.disconnect":
                self.cut_short += 1
                return
        elif path == "/large":
            said = LARGE
        elif path == "/slow":
            await self.go.wait()
        status = 401 if path == "/refused" else 200
        headers = [(b"content-length", str(len(said)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": said})


class Place:
    """The address of a served application, and its connections."""

    def __init__(self, app: App, port: int, stack: AsyncExitStack) -> None:
        self.app = app
        self.port = port
        self._stack = stack

    async def connect(self, sent: bytes = b"") -> Stream:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._stack.callback(writer.close)
        writer.write(sent)
        return reader, writer

    async def serves_others(self) -> bool:
        reader, _ = await self.connect(REQUEST)
        async with asyncio.timeout(SOON):
            return (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def served(patience: Patience = IMPATIENT, app: Any = None) -> AsyncIterator[Place]:
    usual, stopping = App(), asyncio.Event()
    urls: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.create_task(
        serve(
            app or usual,
            host="127.0.0.1",
            port=0,
            ready=urls.put_nowait,
            stopping=stopping,
            patience=patience,
        )
    )
    async with AsyncExitStack() as stack:
        yield Place(usual, urlsplit(await urls.get()).port or 0, stack)
        usual.go.set()
    stopping.set()
    await asyncio.wait_for(serving, SOON)


async def drip(stream: Stream, sent: bytes, seconds: float = 0.02) -> bytes:
    """Send byte by byte until the server closes; return its answer."""
    reader, writer = stream
    answer = asyncio.create_task(_all_of(reader))
    for number in range(10**6):
        if answer.done() or writer.is_closing():
            break
        writer.write(sent[number % len(sent)].to_bytes())
        await asyncio.sleep(seconds)
    return await asyncio.wait_for(answer, SOON)


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    """Read to the end, or until the connection is reset because bytes were sent after its close."""
    said = b""
    with suppress(ConnectionResetError):
        while part := await reader.read(1000):
            said += part
    return said


async def closed(stream: Stream) -> bytes:
    """Wait until the server closes; return its answer."""
    return await asyncio.wait_for(stream[0].read(), SOON)


async def test_headers_that_come_byte_by_byte_are_cut_off() -> None:
    async with served() as place:
        slow = asyncio.create_task(drip(await place.connect(REQUEST[:20]), b"x-more: 1\r\n"))
        assert await place.serves_others()
        assert (await slow).startswith(b"HTTP/1.1 408")


async def test_a_connection_that_sends_nothing_is_closed_without_an_answer() -> None:
    async with served() as place:
        assert await closed(await place.connect()) == b""


async def test_a_body_that_comes_byte_by_byte_is_cut_off() -> None:
    async with served() as place:
        with capture_logs() as said:
            slow = asyncio.create_task(drip(await place.connect(POST), b"x"))
            assert await place.serves_others()
            assert (await slow).startswith(b"HTTP/1.1 408")
        assert place.app.cut_short == 1
    assert said == []  # not a defect of ours


async def test_a_body_that_is_sent_on_after_it_was_refused_is_cut_off() -> None:
    async with served() as place:
        answer = await drip(await place.connect(POST.replace(b"/body", b"/refused")), b"x")
    assert answer.startswith(b"HTTP/1.1 401")
    assert answer.endswith(b"hello")  # and nothing after it


async def test_an_answer_that_is_not_taken_is_dropped() -> None:
    async with served() as place:
        reader, _ = await place.connect(REQUEST.replace(b"/quick", b"/large"))
        await asyncio.sleep(6 * IMPATIENT.answer_seconds)
        assert await place.serves_others()
        with pytest.raises(asyncio.IncompleteReadError):
            await reader.readexactly(len(LARGE))


async def test_an_answer_that_is_taken_slowly_but_surely_arrives() -> None:
    async with served() as place:
        reader, _ = await place.connect(REQUEST.replace(b"/quick", b"/large"))
        await reader.readuntil(b"\r\n\r\n")
        read = 0
        while read < len(LARGE):
            read += len(await reader.read(2**20))
            await asyncio.sleep(IMPATIENT.answer_seconds / 32)  # two seconds in all
        assert read == len(LARGE)


async def test_a_slow_application_is_waited_for() -> None:
    async with served() as place:
        reader, _ = await place.connect(REQUEST.replace(b"/quick", b"/slow"))
        await asyncio.sleep(3 * IMPATIENT.body_seconds)
        place.app.go.set()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")


async def test_a_connection_that_is_kept_is_used_on() -> None:
    async with served() as place:
        reader, writer = await place.connect()
        for _ in range(20):
            writer.write(REQUEST)
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(IMPATIENT.request_seconds / 4)


@pytest.mark.parametrize("begun", [b"", REQUEST[:20], POST])
async def test_idle_connections_do_not_block_other_clients(begun: bytes) -> None:
    patience = Patience(
        connections_max=200, look_seconds=0.05
    )  # long time limits; only the number of connections is limited
    async with served(patience) as place:
        for _ in range(5):
            for _ in range(80):
                await place.connect(begun)
            await asyncio.sleep(3 * patience.look_seconds)
            assert await place.serves_others()


async def test_connections_beyond_the_limit_get_503() -> None:
    async with served(Patience(connections_max=4, look_seconds=60)) as place:
        busy = [await place.connect(REQUEST.replace(b"/quick", b"/slow")) for _ in range(5)]
        reader, _ = await place.connect(REQUEST)
        assert await reader.readline() == b"HTTP/1.1 503 Service Unavailable\r\n"
        place.app.go.set()
        assert (await busy[0][0].readline()).startswith(b"HTTP/1.1 200")


async def test_an_answer_does_not_name_the_server() -> None:
    async with served() as place:
        reader, _ = await place.connect(REQUEST)
        assert b"server:" not in (await reader.readuntil(b"\r\n\r\n")).lower()


async def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_first_part() -> None:
    held: asyncio.Queue[socket.socket] = asyncio.Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        held.put_nowait(send.__self__.transport.get_extra_info("socket"))
        await App()(scope, receive, send)

    async with served(app=app) as place:
        await place.connect(REQUEST)
        accepted = await held.get()
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
