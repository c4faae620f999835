"""`GET /feeds/{topic}`: what goes out, for those without Kafka, in order, from any position."""

from http import HTTPStatus
from typing import Annotated, Any

import sqlalchemy as sa
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from events.contract import catalog, json
from events.contract.envelope import as_cloudevent
from events.log import log
from worker.services import Services
from worker.web.access import Access
from worker.web.problems import Problem
from worker.workspaces.api_tokens import Scope

PAGE_EVENTS_MAX = 1000
WAIT_SECONDS_MAX = 30.0


class Page(Struct, frozen=True):
    """Events after a position; `next` is where to go on."""

    topic: str
    events: list[dict[str, Any]]
    next: int


def read_page(connection: sa.Connection, workspace: str, topic: str, after: int, limit: int) -> Page:
    """Read a page of a topic. Each event carries its position as `sequence`."""
    found = log.read(connection, after=after, limit=limit, workspace=workspace, topic=topic)
    events = [{**as_cloudevent(recorded.event), "sequence": str(recorded.position)} for recorded in found]
    return Page(topic, events, found[-1].position if found else after)


@get("/feeds/{topic:str}", needs=Scope.READ, summary="Read what goes out on a topic")
async def get_feed(
    request: Request[Any, Any, Any],
    access: NamedDependency[Access],
    services: NamedDependency[Services],
    workspace: NamedDependency[str],
    topic: FromPath[str],
    after: Annotated[int, QueryParameter(ge=0, le=log.POSITION_MAX)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_EVENTS_MAX)] = 100,
    wait: Annotated[float, QueryParameter(ge=0, le=WAIT_SECONDS_MAX)] = 0,
) -> Response[bytes]:
    """Return the events after a position at once, or wait up to `wait` seconds for the first."""
    if topic not in catalog.TOPICS_OUT:
        raise Problem(
            HTTPStatus.NOT_FOUND, "topic_unknown", f"There are the topics {', '.join(catalog.TOPICS_OUT)}"
        )
    deadline = services.clock.monotonic() + wait
    page = await services.database.read(read_page, workspace, topic, after, limit)
    while not page.events and (left := deadline - services.clock.monotonic()) > 0:
        await services.wake.wait(services.clock, min(left, 1.0))
        await access.token_of(request)  # one that was revoked meanwhile is given nothing more
        page = await services.database.read(read_page, workspace, topic, after, limit)
    return Response(json.encode(page).encode(), media_type="application/json")
