"""Intuit as a process: sends webhook deliveries over keep-alive connections, each of a few new changes in one company.

With a rate, a delivery is due whether or not earlier ones are answered, and its time begins when it is due; without one,
each connection sends as fast as it is answered. Deliveries are written and signed before the first one is sent.
`python -m benchmarks.intuit PORT SECONDS RATE VERIFIER_TOKEN REALM` prints the results as JSON.
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime
from time import perf_counter
from uuid import uuid4

import msgspec
from msgspec import Struct

from benchmarks.story import BEGINNING
from worker.demo.stage import HOST
from worker.sandbox.books.journal import Change
from worker.sandbox.webhooks import quickbooks
from worker.sandbox.webhooks.quickbooks import Notice

CHANGES = 3
CONNECTIONS = 16
DELIVERIES_A_SECOND_MAX = 4_000


class Answers(Struct):
    """The times of the answers in milliseconds, the number of those that were not 200, and how long it all took."""

    milliseconds: list[float] = []
    refused: int = 0
    seconds: float = 0.0


async def run(port: int, seconds: float, rate: int, verifier_token: str, realm: str) -> Answers:
    """Send deliveries from a process of its own, at a rate or, with 0, as fast as they are answered."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.intuit",
        *(str(port), str(seconds), str(rate), verifier_token, realm),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return msgspec.json.decode(said, type=Answers)


async def _send(port: int, seconds: float, rate: int, deliveries: Iterator[bytes]) -> Answers:
    answers = Answers()
    due = enumerate(deliveries)
    began = perf_counter()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        for number, delivery in due:
            due_at = began + number / rate if rate else perf_counter()
            await asyncio.sleep(due_at - perf_counter())
            if perf_counter() >= began + seconds:
                break
            writer.write(delivery)
            status = await _status(reader)
            answers.milliseconds.append((perf_counter() - due_at) * 1000)
            answers.refused += status != 200  # noqa: PLR2004 - the only status that acknowledges
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    answers.seconds = perf_counter() - began
    return answers


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])


def _deliveries(count: int, verifier_token: str, realm: str, at: datetime) -> list[bytes]:
    """Write the requests of deliveries, each of changes that no other run has."""
    mark = uuid4().hex
    written = []
    for number in range(count):
        notices = [
            Notice(
                realm,
                Change(at, "Invoice", str(number * CHANGES + place), "Update", "2"),
                f"{mark}-{number}-{place}",
                nanoseconds=place,
            )
            for place in range(CHANGES)
        ]
        body = quickbooks.cloud_events(notices, "app")
        headers = {
            "host": HOST,
            **quickbooks.headers(body, verifier_token, at, mark),
            "content-length": str(len(body)),
        }
        lines = [
            "POST /webhooks/quickbooks HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
            "",
            "",
        ]
        written.append("\r\n".join(lines).encode() + body)
    return written


async def _main(port: int, seconds: float, rate: int, verifier_token: str, realm: str) -> None:
    count = int((rate or DELIVERIES_A_SECOND_MAX) * seconds)
    deliveries = iter(_deliveries(count, verifier_token, realm, BEGINNING))
    sys.stdout.buffer.write(msgspec.json.encode(await _send(port, seconds, rate, deliveries)))


if __name__ == "__main__":
    _PORT, _SECONDS, _RATE, _TOKEN, _REALM = sys.argv[1:]
    asyncio.run(_main(int(_PORT), float(_SECONDS), int(_RATE), _TOKEN, _REALM))
