"""`procrastinate`: its worker on tasks that do nothing, sixteen at once."""

import asyncio
import logging
from time import perf_counter
from typing import Any

import procrastinate

from benchmarks.peers.line import Answer, serve

CONCURRENCY = 16  # with 128, as many as our dispatcher has in flight, it is slower
JOBS_PER_INSERT = 500

logging.getLogger("procrastinate").setLevel(logging.ERROR)
_apps: list[procrastinate.App] = []
_loop = asyncio.new_event_loop()


async def _nothing(number: int) -> None:
    """Do nothing with a number."""


def open_app(url: str) -> Answer:
    """Create the peer's tables, and open its connections."""
    connector = procrastinate.PsycopgConnector(conninfo=url)
    app = procrastinate.App(connector=connector)
    app.task(name="nothing")(_nothing)
    _loop.run_until_complete(_opened(app))
    _apps.append(app)
    return {}


def work(jobs: int) -> Answer:
    """Add jobs, then let the worker run them all; only the run is timed."""
    return _loop.run_until_complete(_worked(_apps[-1], jobs))


async def _opened(app: Any) -> None:
    await app.open_async()
    await app.schema_manager.apply_schema_async()


async def _worked(app: Any, jobs: int) -> Answer:
    task = app.tasks["nothing"]
    for start in range(0, jobs, JOBS_PER_INSERT):
        numbers = range(start, min(start + JOBS_PER_INSERT, jobs))
        await task.batch_defer_async(*({"number": number} for number in numbers))
    started = perf_counter()
    await app.run_worker_async(wait=False, concurrency=CONCURRENCY, install_signal_handlers=False)
    return {"seconds": perf_counter() - started}


if __name__ == "__main__":
    serve({"open": open_app, "work": work})
    for opened in _apps:
        _loop.run_until_complete(opened.close_async())
