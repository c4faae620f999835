"""The sandbox: objects created a second at `Sandbox.handle`, without sockets, and the memory of a hundred thousand customers.

Tests, the simulation and other benchmarks drive the sandbox, so it must never be the part that they measure. There is no
limit and no peer, because no other emulator of QuickBooks Online exists.
"""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from tests.worker.sandbox.app import App, invoice, line

CREATED = 3_000
MANY = 100_000
MEGABYTE = 1024 * 1024


@asynccontextmanager
async def _open(_directory: Path) -> AsyncIterator[Contenders]:
    async def ours() -> Measured:
        before = _resident_bytes()
        full = App()
        _create(full, "customer", (_customer(number) for number in range(MANY)))
        memory = (_resident_bytes() - before) / MEGABYTE
        return {
            "customers": _rate("customer", [_customer(number) for number in range(CREATED)]),
            "invoices": _rate("invoice", [_invoice()] * CREATED),
            "memory": memory,
        }

    yield Contenders(ours=ours)


def _rate(entity: str, bodies: list[dict[str, Any]]) -> float:
    app = App()
    started = perf_counter()
    _create(app, entity, bodies)
    return len(bodies) / (perf_counter() - started)


def _create(app: App, entity: str, bodies: Iterable[dict[str, Any]]) -> None:
    for number, body in enumerate(bodies):
        reply = app.call("POST", entity, body, requestid=f"r-{number}")
        if reply.status != HTTPStatus.OK:
            raise RuntimeError(f"The sandbox refuses a {entity}: {reply.body!r}")


def _customer(number: int) -> dict[str, Any]:
    return {
        "DisplayName": f"Customer {number}",
        "CompanyName": f"Customer {number} Ltd",
        "PrimaryEmailAddr": {"Address": f"ap@customer-{number}.example"},
        "BillAddr": {"Line1": "1 Main Street", "City": "Springfield", "PostalCode": "12345"},
    }


def _invoice() -> dict[str, Any]:
    taxed = {"TaxCodeRef": {"value": "TAX"}}
    return invoice(line(100, Qty=2, UnitPrice=50, **taxed), line(30, **taxed), line(5))


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


SANDBOX = Benchmark(
    name="sandbox",
    figures=(
        Figure(
            "customers",
            "Sandbox: customers created, without sockets",
            "a second",
            (Goal("none", None, 2000),),
        ),
        Figure(
            "invoices", "Sandbox: invoices created, without sockets", "a second", (Goal("none", None, 2000),)
        ),
        Figure("memory", "Sandbox: 100,000 customers", "MB", (Goal("none", None, 500, at_most=True),)),
    ),
    open=_open,
    rounds=3,
)
