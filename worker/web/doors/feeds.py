"""`GET /feeds/{topic}`: what goes out, for those without Kafka, in order, from any position."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import sqlalchemy as sa
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from events.contract import catalog
from events.contract.envelope import Event, as_cloudevent
from events.log import log
from worker.services import Services
from worker.web.access import Access
from worker.web.api.paging import position_parameter
from worker.web.description import described
from worker.web.problems import Problem
from worker.workspaces.api_tokens import Scope

PAGE_EVENTS_MAX = 1000
WAIT_SECONDS_MAX = 30.0


class CloudEvent(Struct, frozen=True, omit_defaults=True):
    """An event that goes out, as CloudEvents 1.0 has it.

    Attributes:
        specversion: The version of CloudEvents.
        id: Unique for its source.
        source: What made it.
        type: Its type, which says what its data holds.
        time: When it happened.
        workspace: Whose it is.
        sequence: Its position in the log, as digits.
        data: What it says.
        datacontenttype: What its data is written in.
        subject: The deal, account or invoice that it is about.
        partitionkey: Events with the same one keep their order.
        causationid: The id of the event that it followed from.
        correlationid: The id of the event that all of it began with.
        traceparent: The trace that it belongs to, as W3C writes it.
    """

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    workspace: str
    sequence: str
    data: Any
    datacontenttype: str
    subject: str | None = None
    partitionkey: str | None = None
    causationid: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None


class FeedPage(Struct, frozen=True):
    """What went out on a topic after a position.

    Attributes:
        topic: The topic.
        events: The events, in their order.
        next: The position to go on from, as `after`.
    """

    topic: str
    events: list[CloudEvent]
    next: int


def read_page(connection: sa.Connection, workspace: str, topic: str, after: int, limit: int) -> FeedPage:
    """Read a page of a topic. Each event carries its position as `sequence`."""
    found = log.read(connection, after=after, limit=limit, workspace=workspace, topic=topic)
    events = [_shown(recorded.event, recorded.position) for recorded in found]
    return FeedPage(topic, events, found[-1].position if found else after)


@get(
    "/feeds/{topic:str}",
    **described(Scope.READ, 400, 404),
    tags=["Events"],
    operation_id="readFeed",
    summary="Read a topic's outgoing events, or wait for them",
)
async def get_feed(
    request: Request[Any, Any, Any],
    access: NamedDependency[Access],
    services: NamedDependency[Services],
    workspace: NamedDependency[str],
    topic: Annotated[
        str,
        PathParameter(
            description="The topic.",
            schema_extra={"enum": list(catalog.TOPICS_OUT), "examples": [catalog.DEAL_UPDATES]},
        ),
    ],
    after: Annotated[int, position_parameter("`next` of the previous page; 0 for the first page.")] = 0,
    limit: Annotated[
        int, QueryParameter(ge=1, le=PAGE_EVENTS_MAX, description="Most events to return.")
    ] = 100,
    wait: Annotated[
        float,
        QueryParameter(
            ge=0,
            le=WAIT_SECONDS_MAX,
            description="Seconds to wait for the first event, if there is none yet.",
        ),
    ] = 0,
) -> FeedPage:
    """Return the events after a position; if there are none, wait up to `wait` seconds for the first one."""
    if topic not in catalog.TOPICS_OUT:
        raise Problem(
            HTTPStatus.NOT_FOUND, "topic_unknown", f"Choose a topic from {', '.join(catalog.TOPICS_OUT)}"
        )
    deadline = services.clock.monotonic() + wait
    page = await services.database.read(read_page, workspace, topic, after, limit)
    while not page.events and (left := deadline - services.clock.monotonic()) > 0:
        await services.wake.wait(services.clock, min(left, 1.0))
        await access.token_of(request)  # one that was revoked meanwhile is given nothing more
        page = await services.database.read(read_page, workspace, topic, after, limit)
    return page


def _shown(event: Event, position: int) -> CloudEvent:
    written = {**as_cloudevent(event), "sequence": str(position)}
    return CloudEvent(**{name: written[name] for name in CloudEvent.__struct_fields__ if name in written})
