"""Other workspaces at their rate limit: each posts drafts of deals over HTTP, as fast as its token may.

A fifth of each workspace's events are sent alone, the others in batches of fifty, over keep-alive connections, from a
separate process that takes no time from the measuring one. An event is due when the limit allows it, whether or not earlier
answers have arrived. `python -m benchmarks.neighbours PORT SECONDS TOKEN…` prints the results as JSON.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import perf_counter

import msgspec
from msgspec import Struct

from benchmarks.story import SOURCE_CRM
from worker.demo.stage import HOST

RATE = 200
BATCH = 50
ALONE = 12  # before each batch
CONNECTIONS = 4
REVISIONS = 3  # snapshots of a draft, sent soon after each other
LINES = 4


class Sent(Struct):
    """The numbers of sent events by result."""

    taken: int = 0
    limited: int = 0
    refused: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Accepted events a second."""
        return self.taken / self.seconds


@asynccontextmanager
async def running(port: int, seconds: float, tokens: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the neighbours as a process for `seconds`; `ended` reads their output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.neighbours",
        str(port),
        str(seconds),
        *tokens,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def ended(process: asyncio.subprocess.Process) -> Sent:
    """Wait until the neighbours have sent all; return the results."""
    said, _ = await process.communicate()
    return msgspec.json.decode(said, type=Sent)


async def _neighbour(port: int, token: str, name: str, until: float, sent: Sent) -> None:
    """Send due events, on the first free connection."""
    due = _due(name)
    began = perf_counter()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        for at, events in due:
            await asyncio.sleep(began + at - perf_counter())
            if perf_counter() >= until:
                break
            answered = await _post(reader, writer, token, events)
            if answered == 202:  # noqa: PLR2004 - accepted
                sent.taken += len(events)
            elif answered == 429:  # noqa: PLR2004 - over the rate limit
                sent.limited += len(events)
            else:
                sent.refused += len(events)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))


def _due(name: str) -> Iterator[tuple[float, list[bytes]]]:
    """Yield events with the times when they are due: some alone, then a batch of fifty, again and again."""
    drafts, sent = _drafts(name), 0
    while True:
        for size in (*[1] * ALONE, BATCH):
            sent += size
            yield sent / RATE, [next(drafts) for _ in range(size)]


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, events: list[bytes]
) -> int:
    """Post on a keep-alive connection; return the status."""
    alone = len(events) == 1
    body = events[0] if alone else b"[" + b",".join(events) + b"]"
    kind = "application/cloudevents+json" if alone else "application/cloudevents-batch+json"
    head = (
        f"POST /events HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = answer.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(answer.split(b" ", 2)[1])


def _drafts(name: str) -> Iterator[bytes]:
    """Yield drafts of deals without end, each in a few revisions."""
    template = json.dumps(_draft(name))
    number = 0
    while True:
        number += 1
        for revision in range(1, REVISIONS + 1):
            said = template.replace("NUMBER", str(number)).replace('"REVISION"', str(revision))
            yield said.replace("REVISION", str(revision)).encode()


def _draft(name: str) -> dict[str, object]:
    lines = [
        {
            "line_id": str(place),
            "product_id": f"P-{place}",
            "sku": f"SEAT-{place}",
            "name": f"Platform seat, tier {place}",
            "quantity": "10",
            "unit_price": "49.995",
        }
        for place in range(1, LINES + 1)
    ]
    return {
        "specversion": "1.0",
        "id": f"deal/{name}/NUMBER/REVISION",
        "source": SOURCE_CRM,
        "type": "com.coeffection.deal.updated.v1",
        "subject": f"D-{name}-NUMBER",
        "time": "2026-05-05T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {
            "deal_id": f"D-{name}-NUMBER",
            "account_id": "A-1",
            "name": "Renewal NUMBER",
            "currency": "USD",
            "owner": "kim@coeffection.example",
            "po_number": "PO-NUMBER",
            "revision": "REVISION",
            "stage": "quote_draft",
            "quote": {
                "quote_id": "Q-NUMBER",
                "revision": "REVISION",
                "tax_mode": "exclusive",
                "lines": lines,
                "total": "1999.80",
            },
        },
    }


async def _main(port: int, seconds: float, tokens: list[str]) -> None:
    began, sent = perf_counter(), Sent()
    marks = f"{began:.3f}"  # so that no turn repeats events of an earlier one
    await asyncio.gather(
        *(
            _neighbour(port, token, f"{marks}-{number}", began + seconds, sent)
            for number, token in enumerate(tokens)
        )
    )
    sent.seconds = perf_counter() - began
    sys.stdout.buffer.write(msgspec.json.encode(sent))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
