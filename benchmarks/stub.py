"""A stub of QuickBooks that answers every request with the same invoice in nearly 0 ms, but for those to large companies.

It runs as a separate process, so that it takes no time from the measured one, and prints its URL. It ignores requests
except for the arrival of invoices: `GET /arrivals` returns their times so far, by the machine's monotonic clock, which all
processes share.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from benchmarks import large_company

INVOICE: dict[str, Any] = {
    "Invoice": {
        "Id": "1",
        "DocNumber": "1001",
        "SyncToken": "0",
        "TxnDate": "2026-05-05",
        "DueDate": "2026-06-04",
        "CurrencyRef": {"value": "USD"},
        "CustomerRef": {"value": "1", "name": "A customer"},
        "TotalAmt": 1080.00,
        "Balance": 1080.00,
        "TxnTaxDetail": {"TotalTax": 80.00},
        "Line": [
            {
                "Id": str(place),
                "Amount": 250.00,
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "Qty": 5, "UnitPrice": 50},
            }
            for place in range(1, 5)
        ],
    },
    "time": "2026-05-05T12:00:00.000-07:00",
}
_HEAD_END = b"\r\n\r\n"


class Stub(asyncio.Protocol):
    """One connection: HTTP/1.1, kept alive, one request after another."""

    arrivals: list[float]

    def __init__(self, arrivals: list[float]) -> None:
        self.arrivals = arrivals
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._read += data
        while _HEAD_END in self._read:
            head, _, rest = self._read.partition(_HEAD_END)
            length = _length(head)
            if len(rest) < length:
                return
            self._read = rest[length:]
            body = self._answered(head, rest[:length])
            answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            self._transport.write(answer % (len(body), body))  # type: ignore[attr-defined] # it is one that writes

    def _answered(self, head: bytes, body: bytes) -> bytes:
        method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
        if target == "/arrivals":
            return json.dumps(self.arrivals).encode()
        if method == "POST" and urlsplit(target).path.endswith("/invoice"):
            self.arrivals.append(time.perf_counter())
            return _BODY
        return large_company.answer(target, body) or _BODY


_BODY = json.dumps(INVOICE).encode()


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)


@asynccontextmanager
async def running() -> AsyncIterator[str]:
    """Run it as a process; give its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.stub", stdout=asyncio.subprocess.PIPE
    )
    try:
        line = await process.stdout.readline() if process.stdout else b""
        yield line.decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def _main() -> None:
    arrivals: list[float] = []
    server = await asyncio.get_running_loop().create_server(lambda: Stub(arrivals), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
