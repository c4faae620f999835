"""`POST /events`: CloudEvents from producers, in structured, binary and batch form."""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

import structlog
from litestar import Request, Response, post
from litestar.di import NamedDependency
from msgspec import Struct
from prometheus_client import Counter as Metric

from events.contract import media
from events.contract.envelope import BATCH_EVENTS_MAX, Event, from_binary, from_structured, split_batch
from events.contract.headers import (
    CONTENT_TYPE,
    HTTP_PREFIX,
    Headers,
    content_type,
    http_attributes,
    is_attribute,
    is_binary,
)
from events.errors import DatabaseUnavailable, InvalidEvent
from events.log import intake
from events.log.intake import Received, Record
from worker.kafka.messages import encode
from worker.runtime.aside import Turns, aside
from worker.services import Services
from worker.sources import received
from worker.web.description import described
from worker.web.doors.bodies import EventsOperation
from worker.web.doors.rate import Rate
from worker.web.problems import Flaw, PartlyStored, Problem, dead_letters_full, of_received
from worker.workspaces.api_tokens import Scope, Token

ORIGIN = "http"
ERRORS_NAMED_MAX = 20
limited_total = Metric("q2c_requests_limited_total", "Requests to POST /events beyond their token's rate")
logger = structlog.get_logger()


class Stored(Struct, frozen=True, omit_defaults=True):
    """The result of storing an event.

    Attributes:
        outcome: `appended` to the log, a `duplicate` of a stored event, or `published` to Kafka; from DocuSign also
            `ignored`, if the message cannot change a deal.
        position: Its position in the log, if it has one already.
    """

    outcome: Literal["appended", "duplicate", "published", "ignored", "conflict", "dead", "refused"]
    position: int | None = None


class BatchStored(Struct, frozen=True, omit_defaults=True):
    """The results of storing a batch without unusable events.

    Attributes:
        dead: The number of unusable events; here 0.
        appended: The number of new events, now in the log.
        duplicate: The number of events that were stored before.
        conflict: The number of events with the identity of another event; here 0.
        published: The number of events published to Kafka.
    """

    dead: int
    appended: int | None = None
    duplicate: int | None = None
    conflict: int | None = None
    published: int | None = None


@post(
    "/events",
    **described(Scope.PRODUCE, 400, 409, 413, 422, 429, operation=EventsOperation),
    tags=["Events"],
    status_code=HTTPStatus.ACCEPTED,
    operation_id="sendEvents",
    summary="Send one CloudEvent or a batch of them",
)
async def post_events(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    token: NamedDependency[Token],
    rate: NamedDependency[Rate],
    turns: NamedDependency[Turns],
) -> Response[Stored | BatchStored]:
    """Store events, then answer. Invalid events are stored as dead letters, and the answer names them."""
    # `request.body()` would stay in memory with the request until the next garbage collection.
    raw = b"".join([part async for part in request.stream()])
    workspace, headers = token.workspace, _event_headers(request)
    is_batch = _is_batch(raw, headers)
    items = _split(raw, headers) if is_batch else [raw]
    _see_to_rate(rate, token, 1 if isinstance(items, InvalidEvent) else len(items))
    beside = () if is_batch else headers

    def read() -> list[Record]:
        if isinstance(items, InvalidEvent):
            return [intake.invalid(raw, ORIGIN, workspace, items)]
        return [record(services, workspace, item, beside) for item in items]

    async with turns.turn(workspace, len(raw)):
        results = await store(services, await aside(len(raw), read), "events")
    if not is_batch:
        return _single_answer(results[0])
    expected = ("appended", "duplicate", "conflict") if services.publisher is None else ("published",)
    return _batch_answer(results, expected)


async def store(
    services: Services, records: list[Record], door: str, *, urgent: bool = False, wake: bool = True
) -> list[Received]:
    """Store records before the answer: in the log, or with Kafka in its topics.

    Urgent records do not wait until earlier events are handled. Without `wake`, the roles of this process handle them
    when they next look.

    Raises:
        BrokerUnavailable: Kafka did not store them; the sender has to send all of them again.
        DatabaseUnavailable: The database did not store them; the sender has to send all of them again.
        PartlyStored: Kafka stored its part, the database did not; the sender has to send all of them again.
    """
    taken = await _publish(services, records) if services.publisher is not None else {}
    rest = [item for index, item in enumerate(records) if index not in taken]
    try:
        stored = iter(
            await services.arrivals.store(
                services.database,
                rest,
                services.clock.now(),
                services.environment.dead_letter_limits,
                urgent=urgent,
            )
            if rest
            else []
        )
    except DatabaseUnavailable as error:
        if not taken:
            raise
        raise PartlyStored(str(error), len(taken), len(records)) from error
    if wake:
        services.wake.all()
    results = [taken[index] if index in taken else next(stored) for index in range(len(records))]
    received.note(door, results, workspace=records[0].workspace if records else None)
    return results


async def _publish(services: Services, records: list[Record]) -> dict[int, Received]:
    """Publish the events among records; return their results by index."""
    events = {index: item.content for index, item in enumerate(records) if isinstance(item.content, Event)}
    if services.publisher is not None and events:
        topic = services.environment.topic
        messages = [encode(event, topic(event.topic)) for event in events.values() if event.topic is not None]
        await services.publisher.publish(messages)
    return dict.fromkeys(events, Received("published"))


def record(services: Services, workspace: str, raw: bytes, headers: Headers = ()) -> Record:
    """Decode one event; `headers` are the headers that are part of it, and determine its mode."""
    now = services.clock.now()

    def decode(body: bytes) -> Event:
        if is_binary(headers, HTTP_PREFIX):
            return from_binary(http_attributes(headers), body, now=now, workspace=workspace)
        said = content_type(headers)
        kind = media.media_type(said)
        if not media.is_structured(kind):
            raise InvalidEvent(
                "content_type_unsupported",
                f"Send {media.STRUCTURED}, {media.BATCH} or JSON, not {kind[:100]!r}",
                CONTENT_TYPE,
            )
        return from_structured(media.in_utf8(body, said), now=now, workspace=workspace)

    return intake.record(raw, ORIGIN, workspace, decode, headers)


def _split(raw: bytes, headers: Headers) -> list[bytes] | InvalidEvent:
    """Split a batch into undecoded events, or return why it can't be split.

    Raises:
        Problem: 413 if it has too many events.
    """
    try:
        return split_batch(media.in_utf8(raw, content_type(headers)))
    except InvalidEvent as error:
        if error.reason != "too_many_events":
            return error.without_traceback()
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            error.reason,
            f"A batch can have at most {BATCH_EVENTS_MAX} events; no event was stored. Send several batches.",
        ) from error


def _see_to_rate(rate: Rate, token: Token, events: int) -> None:
    """Take all events of a request from the token's rate limit, or none.

    Raises:
        Problem: 429 if the events exceed the limit.
    """
    seconds = rate.take((token.workspace, token.number), events)
    if seconds:
        limited_total.inc()
        logger.info(
            "events.limited",
            workspace=token.workspace,
            number=token.number,
            events=events,
            retry_after=seconds,
        )
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "rate_limited",
            f"This token has reached its rate limit; no event was stored. Send the request again in {seconds} s."
            f" {rate.sentence}",
            retry_after=seconds,
        )


def _event_headers(request: Request[Any, Any, Any]) -> list[tuple[str, bytes | None]]:
    """Return the headers that are part of an event, as received; others, such as a token, must not be stored."""
    named = [(name.decode("latin-1").lower(), value) for name, value in request.scope["headers"]]
    return [(name, value) for name, value in named if is_attribute(name, HTTP_PREFIX)]


def _is_batch(raw: bytes, headers: Headers) -> bool:
    kind = media.media_type(content_type(headers))
    in_array = raw.removeprefix(media.MARK).lstrip()[:1] == b"["
    return kind == media.BATCH or (
        in_array and media.is_structured(kind) and not is_binary(headers, HTTP_PREFIX)
    )


def _single_answer(result: Received) -> Response[Stored | BatchStored]:
    if result.reason is not None:
        raise of_received(result)
    return Response(answer(result), status_code=HTTPStatus.ACCEPTED)


def answer(result: Received) -> Stored:
    """Return the answer about a stored event."""
    return Stored(result.outcome, result.position)


def _batch_answer(results: list[Received], expected: Sequence[str]) -> Response[Stored | BatchStored]:
    counts = Counter(dict.fromkeys((*expected, "dead"), 0))
    counts.update(result.outcome for result in results)
    wrong = [(index, result) for index, result in enumerate(results) if result.reason is not None]
    if not wrong:
        return Response(BatchStored(**counts), status_code=HTTPStatus.ACCEPTED)
    said = f"{len(wrong)} of {len(results)} events are unusable; the others are stored"
    more: dict[str, Any] = {"errors": _errors(wrong), "errors_total": len(wrong), **counts}
    if counts["refused"]:
        raise dead_letters_full(
            f"{said}. {counts['refused']} of the unusable events were not stored as dead letters", more
        )
    only_conflicts = counts["dead"] == 0
    status = HTTPStatus.CONFLICT if only_conflicts else HTTPStatus.UNPROCESSABLE_ENTITY
    raise Problem(status, "batch_partly_unusable", said, **more)


def _errors(wrong: Sequence[tuple[int, Received]]) -> tuple[Flaw, ...]:
    """Return the first errors of a batch; events that are not stored come first, since only their sender has them."""
    by_need = sorted(wrong, key=lambda one: one[1].outcome != "refused")
    return tuple(
        Flaw(result.detail, result.field, result.reason, index, kept=result.outcome != "refused")
        for index, result in sorted(by_need[:ERRORS_NAMED_MAX], key=lambda one: one[0])
    )
