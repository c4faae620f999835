"""`/livez` answers if the process runs, `/readyz` if it does its work; `/metrics` returns Prometheus metrics.

At the open front door, the answer has no reasons. The ops port and the log have them.
"""

import asyncio
import contextlib
from http import HTTPStatus

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from events.errors import DatabaseUnavailable
from events.log import log, subscriptions
from worker.actions import dead_letters
from worker.commands import standing
from worker.connections import standing as connections
from worker.services import SUBSCRIPTIONS, Services
from worker.sync import measuring
from worker.web.access import OPEN

DATABASE_SECONDS_MAX = 5
READERS = (*(subscription.name for subscription in SUBSCRIPTIONS), "relay")


@get("/livez", needs=OPEN, include_in_schema=False)
async def livez() -> dict[str, bool]:
    """Answer as long as the process runs; nothing outside can make it fail."""
    return {"live": True}


class Readiness(Struct, frozen=True):
    """The problems of this process, the head of the log, and how far each subscription is behind."""

    ready: bool
    problems: dict[str, str]
    head: int | None
    behind: dict[str, int]

    @property
    def status(self) -> HTTPStatus:
        """The status of the answer."""
        return HTTPStatus.OK if self.ready else HTTPStatus.SERVICE_UNAVAILABLE


@get("/readyz", needs=OPEN, include_in_schema=False)
async def readyz(services: NamedDependency[Services]) -> Response[dict[str, bool]]:
    """Answer 200 when the log can be read and every part of the process does its work, 503 otherwise."""
    found = await readiness(services)
    return Response({"ready": found.ready}, status_code=found.status)


@get("/readyz", needs=OPEN, include_in_schema=False)
async def readyz_of_ops(services: NamedDependency[Services]) -> Response[Readiness]:
    """Answer as `readyz` does, with the problems and how far each subscription is behind."""
    found = await readiness(services)
    return Response(found, status_code=found.status)


async def readiness(services: Services) -> Readiness:
    """Return this process's readiness. It does not depend on QuickBooks: a worker that waits for QuickBooks is ready."""
    problems = services.health.problems
    head: int | None = None
    behind: dict[str, int] = {}
    try:
        async with asyncio.timeout(DATABASE_SECONDS_MAX):
            head = await services.database.read(log.head)
            checkpoints = await services.database.read(subscriptions.checkpoints)
        behind = {name: head - checkpoints[name] for name in READERS if name in checkpoints}
    except (DatabaseUnavailable, TimeoutError) as error:
        problems["database"] = str(error) or f"The database did not answer within {DATABASE_SECONDS_MAX} s"
    return Readiness(not problems, problems, head, behind)


@get("/metrics", needs=OPEN, include_in_schema=False)
async def metrics(services: NamedDependency[Services]) -> Response[bytes]:
    """Return the metrics of this process and of the database; only on the ops port, never at the front door."""
    with contextlib.suppress(
        DatabaseUnavailable, TimeoutError
    ):  # /readyz reports it; the other metrics are returned
        async with asyncio.timeout(DATABASE_SECONDS_MAX):
            await services.database.read(standing.measure)
            await services.database.read(dead_letters.measure)
            await services.database.read(connections.measure, services.clock.now())
            await services.database.read(measuring.measure, services.clock.now())
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
