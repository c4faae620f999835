"""`POST /events`: CloudEvents from producers, in structured, binary and batch form."""

from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import structlog
from litestar import Request, Response, post
from litestar.datastructures import Headers
from litestar.di import NamedDependency
from prometheus_client import Counter as Metric

from events import intake
from events.envelope import Event, from_binary, from_structured, split_batch
from events.errors import Unusable
from events.intake import Received, Record
from worker.services import Services
from worker.web.problems import Problem, of_received

ORIGIN = "http"
BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"

received_total = Metric("q2c_events_received_total", "Events received", ["door", "outcome"])
logger = structlog.get_logger()


@post("/events", status_code=HTTPStatus.ACCEPTED, summary="Send CloudEvents")
async def post_events(
    request: Request[Any, Any, Any], services: NamedDependency[Services], workspace: NamedDependency[str]
) -> Response[Any]:
    """Store events before answering. What can't be used is kept as a dead letter, and named here."""
    raw = await request.body()
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    binary = any(name.lower().startswith("ce-") for name in request.headers)
    is_batch = media_type == BATCH or (not binary and raw.lstrip()[:1] == b"[")
    if is_batch:
        records = _batch(services, workspace, raw)
    elif binary and media_type != STRUCTURED:
        attributes = _attributes(request.headers, media_type)
        records = [record(services, workspace, raw, attributes)]
    elif media_type in {STRUCTURED, "application/json"}:
        records = [record(services, workspace, raw)]
    else:
        problem = Unusable("content_type_unsupported", f"We read {STRUCTURED}, not {media_type!r}")
        records = [Record(raw, ORIGIN, workspace, problem)]
    received = await store(services, records, "events")
    return _batch_answer(received) if is_batch else _single_answer(received[0])


async def store(services: Services, records: list[Record], door: str) -> list[Received]:
    """Store records, wake what follows the log, and say in one line what came."""
    received = await services.database.transaction(intake.receive, records, services.clock.now())
    services.wake.all()
    outcomes = Counter(result.outcome for result in received)
    for outcome, count in outcomes.items():
        received_total.labels(door, outcome).inc(count)
    logger.info(
        "events.received",
        door=door,
        workspace=records[0].workspace if records else None,
        outcomes=dict(outcomes),
        reasons=sorted({result.reason for result in received if result.reason}),
    )
    return received


def record(
    services: Services, workspace: str, raw: bytes, attributes: Mapping[str, str] | None = None
) -> Record:
    """Decode one event; attributes come beside it in binary form."""
    now = services.clock.now()

    def decode(body: bytes) -> Event:
        if attributes is not None:
            return from_binary(attributes, body, now=now, workspace=workspace)
        return from_structured(body, now=now, workspace=workspace)

    return intake.record(raw, ORIGIN, workspace, decode)


def _batch(services: Services, workspace: str, raw: bytes) -> list[Record]:
    try:
        items = split_batch(raw)
    except Unusable as error:
        return [Record(raw, ORIGIN, workspace, error)]
    return [record(services, workspace, item) for item in items]


def _attributes(headers: Headers, media_type: str) -> dict[str, str]:
    # The HTTP binding percent-encodes what a header can't hold.
    attributes = {
        name.lower().removeprefix("ce-"): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    return {**attributes, "datacontenttype": media_type}


def _single_answer(received: Received) -> Response[Any]:
    if received.reason is not None:
        raise of_received(received)
    return Response(
        {"outcome": received.outcome, "position": received.position}, status_code=HTTPStatus.ACCEPTED
    )


def _batch_answer(received: list[Received]) -> Response[Any]:
    counts = Counter(appended=0, duplicate=0, conflict=0, dead=0)
    counts.update(result.outcome for result in received)
    errors = [
        {"index": index, "reason": result.reason, "detail": result.detail, "field": result.field}
        for index, result in enumerate(received)
        if result.reason is not None
    ]
    if not errors:
        return Response(counts, status_code=HTTPStatus.ACCEPTED)
    only_conflicts = counts["dead"] == 0
    raise Problem(
        HTTPStatus.CONFLICT if only_conflicts else HTTPStatus.UNPROCESSABLE_ENTITY,
        "batch_partly_unusable",
        f"{len(errors)} of {len(received)} events could not be used; the others are stored",
        errors=errors,
        **counts,
    )
