"""`GET /feeds/{topic}`: return outgoing events in order from any position, for consumers without Kafka."""

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
    """An outgoing event, as a CloudEvent 1.0.

    Attributes:
        specversion: The version of CloudEvents.
        id: Unique for its source.
        source: The part of the worker that made it.
        type: Its type, which defines its data.
        time: When it happened.
        workspace: Its workspace.
        sequence: Its position in the log, as digits.
        data: Its data.
        datacontenttype: The media type of its data.
        subject: The deal, account or invoice that it is about.
        partitionkey: Events with the same one keep their order.
        causationid: The ID of the event that caused it.
        correlationid: The ID of the first event in the chain of causes.
        traceparent: Its trace, as W3C Trace Context.
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
    """A page of a topic's events after a position.

    Attributes:
        topic: The topic.
        events: The events, in order.
        next: The `after` of the next page.
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
        await access.token_of(request)  # a token that was revoked meanwhile gets no events
        page = await services.database.read(read_page, workspace, topic, after, limit)
    return page


def _shown(event: Event, position: int) -> CloudEvent:
    written = {**as_cloudevent(event), "sequence": str(position)}
    return CloudEvent(**{name: written[name] for name in CloudEvent.__struct_fields__ if name in written})
