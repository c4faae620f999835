"""`/livez` says that the process runs, `/readyz` that it does its work; `/metrics` are Prometheus'."""

import asyncio
import contextlib
from http import HTTPStatus

from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from events import log, subscriptions
from events.errors import DatabaseUnavailable
from worker import dead_letters
from worker.commands import standing
from worker.services import SUBSCRIPTIONS, Services
from worker.web.access import OPEN

DATABASE_SECONDS_MAX = 5
READERS = (*(subscription.name for subscription in SUBSCRIPTIONS), "relay")


@get("/livez", needs=OPEN, include_in_schema=False)
async def livez() -> dict[str, bool]:
    """Answer as long as the process runs; nothing outside can make it fail."""
    return {"live": True}


@get("/readyz", needs=OPEN, include_in_schema=False)
async def readyz(services: NamedDependency[Services]) -> Response[dict[str, object]]:
    """Answer 200 when the log can be read and every part of the process does its work, 503 otherwise.

    Either way say what is wrong, and how far each subscription is behind. QuickBooks plays no part in it:
    a worker that waits for QuickBooks does what it should.
    """
    problems = services.health.problems
    head: int | None = None
    behind: dict[str, int] = {}
    try:
        async with asyncio.timeout(DATABASE_SECONDS_MAX):
            head = await services.database.read(log.head)
            checkpoints = await services.database.read(subscriptions.checkpoints)
        behind = {name: head - checkpoints[name] for name in READERS if name in checkpoints}
    except (DatabaseUnavailable, TimeoutError) as error:
        problems["database"] = str(error) or f"It gave no answer in {DATABASE_SECONDS_MAX} s"
    status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
    content = {"ready": not problems, "problems": problems, "head": head, "behind": behind}
    return Response(content, status_code=status)


@get("/metrics", needs=OPEN, include_in_schema=False)
async def metrics(services: NamedDependency[Services]) -> Response[bytes]:
    """Show the metrics of this process, and of the store; only where ops listen, never at the front door."""
    with contextlib.suppress(DatabaseUnavailable, TimeoutError):  # /readyz says so; the rest is worth showing
        async with asyncio.timeout(DATABASE_SECONDS_MAX):
            await services.database.read(standing.measure)
            await services.database.read(dead_letters.measure)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
