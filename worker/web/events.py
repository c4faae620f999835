"""`POST /events`: CloudEvents from producers, in structured, binary and batch form."""

from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from litestar import Request, Response, post
from litestar.datastructures import Headers
from litestar.di import NamedDependency

from events import intake
from events.dead_letters import Headers as Kept
from events.envelope import Event, from_binary, from_structured, split_batch
from events.errors import DatabaseUnavailable, Unusable
from events.intake import Received, Record
from worker import received
from worker.messages import encode
from worker.services import Services
from worker.web.problems import PartlyStored, Problem, of_received

ORIGIN = "http"
BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"


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
        records = [record(services, workspace, raw, attributes, _kept(request.headers))]
    elif media_type in {STRUCTURED, "application/json"}:
        records = [record(services, workspace, raw)]
    else:
        problem = Unusable("content_type_unsupported", f"We read {STRUCTURED}, not {media_type!r}")
        records = [Record(raw, ORIGIN, workspace, problem, _kept(request.headers))]
    results = await store(services, records, "events")
    if not is_batch:
        return _single_answer(results[0])
    expected = ("appended", "duplicate", "conflict") if services.publisher is None else ("published",)
    return _batch_answer(results, expected)


async def store(services: Services, records: list[Record], door: str) -> list[Received]:
    """Keep records before they are answered for: in the log, or by Kafka's brokers where there is Kafka.

    Raises:
        BrokerUnavailable: Kafka did not take them; the sender has to send all of it again.
        DatabaseUnavailable: The database did not take them; the same.
        PartlyStored: Kafka took its part and the database did not; the same.
    """
    taken = await _publish(services, records) if services.publisher is not None else {}
    rest = [item for index, item in enumerate(records) if index not in taken]
    try:
        stored = iter(
            await services.database.transaction(intake.receive, rest, services.clock.now()) if rest else []
        )
    except DatabaseUnavailable as error:
        if not taken:
            raise
        raise PartlyStored(str(error), len(taken), len(records)) from error
    services.wake.all()
    results = [taken[index] if index in taken else next(stored) for index in range(len(records))]
    received.note(door, results, workspace=records[0].workspace if records else None)
    return results


async def _publish(services: Services, records: list[Record]) -> dict[int, Received]:
    """Publish the events among records; return what became of them by their place."""
    events = {index: item.content for index, item in enumerate(records) if isinstance(item.content, Event)}
    if services.publisher is not None and events:
        topic = services.environment.topic
        messages = [encode(event, topic(event.topic)) for event in events.values() if event.topic is not None]
        await services.publisher.publish(messages)
    return dict.fromkeys(events, Received("published"))


def record(
    services: Services,
    workspace: str,
    raw: bytes,
    attributes: Mapping[str, str] | None = None,
    headers: Kept = (),
) -> Record:
    """Decode one event; attributes come beside it in binary form, from headers that are kept with it."""
    now = services.clock.now()

    def decode(body: bytes) -> Event:
        if attributes is not None:
            return from_binary(attributes, body, now=now, workspace=workspace)
        return from_structured(body, now=now, workspace=workspace)

    return intake.record(raw, ORIGIN, workspace, decode, headers)


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


def _kept(headers: Headers) -> list[tuple[str, bytes]]:
    """Return the headers that are part of an event; others, such as a token, are nobody's to keep."""
    return [
        (name.lower(), value.encode())
        for name, value in headers.items()
        if name.lower().startswith("ce-") or name.lower() == "content-type"
    ]


def _single_answer(result: Received) -> Response[Any]:
    if result.reason is not None:
        raise of_received(result)
    return Response(answer(result), status_code=HTTPStatus.ACCEPTED)


def answer(result: Received) -> dict[str, Any]:
    """Say what became of an event, and where it is, if it has a position already."""
    position = {} if result.position is None else {"position": result.position}
    return {"outcome": result.outcome, **position}


def _batch_answer(results: list[Received], expected: Sequence[str]) -> Response[Any]:
    counts = Counter(dict.fromkeys((*expected, "dead"), 0))
    counts.update(result.outcome for result in results)
    errors = [
        {"index": index, "reason": result.reason, "detail": result.detail, "field": result.field}
        for index, result in enumerate(results)
        if result.reason is not None
    ]
    if not errors:
        return Response(counts, status_code=HTTPStatus.ACCEPTED)
    only_conflicts = counts["dead"] == 0
    raise Problem(
        HTTPStatus.CONFLICT if only_conflicts else HTTPStatus.UNPROCESSABLE_ENTITY,
        "batch_partly_unusable",
        f"{len(errors)} of {len(results)} events could not be used; the others are stored",
        errors=errors,
        **counts,
    )
