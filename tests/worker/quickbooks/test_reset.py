"""A connection that is reset as soon as it is made, which uvloop and anyio handle differently."""

import socket
import struct
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvloop

from worker.quickbooks.http import http_client

REQUESTS = 1_500  # one in sixty is affected
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture
def address() -> Iterator[str]:
    """A server that resets every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_reset, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


def _reset(server: socket.socket) -> None:
    try:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            connection.close()
    except OSError:
        return  # it is closed


def test_a_connection_reset_at_once_is_an_error_of_the_connection(address: str) -> None:
    async def ask() -> set[type[BaseException]]:
        found: set[type[BaseException]] = set()
        async with http_client(5) as http:
            for _ in range(REQUESTS):
                with pytest.raises(httpx.HTTPError) as failed:
                    await http.post(address, content=b"x")
                found.add(failed.type)
        return found

    assert httpx.ReadError in uvloop.run(ask())
