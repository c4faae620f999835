"""The proxy causes exactly the requested faults."""

import asyncio
import time
from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio

from tests.chaos.proxy import Kind, Proxy
from tests.servers.processes import LOOPBACK, free_port

ANSWER = b"x" * 200_000
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy in front of a server that answers each line with 200,000 bytes, and of a missing server."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(ANSWER)
        writer.close()

    upstream, absent = free_port(), free_port()
    server = await asyncio.start_server(answer, LOOPBACK, upstream)
    made = Proxy("test", [(LOOPBACK, absent), (LOOPBACK, upstream)], Random(1), free_port())
    async with server, made.running():
        yield made


async def connected(proxy: Proxy) -> Connection:
    return await asyncio.open_connection(LOOPBACK, proxy.port)


async def asked(connection: Connection, seconds: float = 10) -> bytes:
    reader, writer = connection
    writer.write(b"?\n")
    async with asyncio.timeout(seconds):
        return await reader.readexactly(len(ANSWER))


async def test_without_trouble_everything_passes(proxy: Proxy) -> None:
    for _ in range(3):
        connection = await connected(proxy)
        assert await asked(connection) == ANSWER
        assert await asked(connection) == ANSWER
        connection[1].close()


async def test_latency_and_bandwidth_take_time_and_nothing_else(proxy: Proxy) -> None:
    connection = await connected(proxy)
    trials: list[tuple[Kind, float]] = [("latency", 0.1), ("bandwidth", 2.0)]
    for kind, seconds in trials:
        proxy.begin(kind)
        started = time.monotonic()
        assert await asked(connection) == ANSWER
        assert time.monotonic() - started > seconds
        proxy.end()
    connection[1].close()


async def test_a_blackhole_holds_bytes_back_until_it_ends(proxy: Proxy) -> None:
    before = await connected(proxy)
    proxy.begin("blackhole")
    during = await connected(proxy)
    for connection in (before, during):
        with pytest.raises(TimeoutError):
            await asked(connection, 0.2)
    proxy.end()
    for reader, writer in (before, during):
        assert await reader.read(1) == b"x"
        writer.close()


async def test_a_reset_breaks_old_and_new_connections(proxy: Proxy) -> None:
    before = await connected(proxy)
    assert await asked(before) == ANSWER
    proxy.begin("reset")
    during = await connected(proxy)
    for reader, writer in (before, during):
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 5)
        writer.close()
    proxy.end()
    after = await connected(proxy)
    assert await asked(after) == ANSWER
    after[1].close()
    assert proxy.counts["reset"] == 1


async def test_a_cut_ends_an_answer_in_its_middle(proxy: Proxy) -> None:
    before = await connected(proxy)
    assert await asked(before) == ANSWER
    proxy.begin("cut")
    during = await connected(proxy)
    for connection in (before, during):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)) as found:
            await asked(connection)
        assert len(getattr(found.value, "partial", b"")) < len(ANSWER)
        connection[1].close()


async def test_a_slow_close_reaches_the_client_late(proxy: Proxy) -> None:
    reader, writer = await connected(proxy)
    assert await asked((reader, writer)) == ANSWER
    started = time.monotonic()
    proxy.begin("slow_close")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    assert time.monotonic() - started > 0.4
    writer.close()
