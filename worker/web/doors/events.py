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
    """What became of an event.

    Attributes:
        outcome: `appended` to the log, a `duplicate` of one that is there, or `published` to Kafka; from DocuSign also
            `ignored`, where it says nothing that an invoice waits for.
        position: Where it is in the log, if that is known by now.
    """

    outcome: Literal["appended", "duplicate", "published", "ignored", "conflict", "dead", "refused"]
    position: int | None = None


class BatchStored(Struct, frozen=True, omit_defaults=True):
    """How many events of a batch became what, where none is wrong.

    Attributes:
        dead: How many can't be used; here 0.
        appended: How many were new, and are in the log.
        duplicate: How many were there already.
        conflict: How many have the identity of another event; here 0.
        published: How many were handed to Kafka.
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
    # `request.body()` would be kept with the request, for as long as nobody looks for cycles.
    raw = b"".join([part async for part in request.stream()])
    workspace, headers = token.workspace, _kept(request)
    is_batch = _is_batch(raw, headers)
    items = _split(raw, headers) if is_batch else [raw]
    _see_to_rate(rate, token, 1 if isinstance(items, InvalidEvent) else len(items))
    beside = () if is_batch else headers

    def read() -> list[Record]:
        if isinstance(items, InvalidEvent):
            return [intake.invalid(raw, ORIGIN, workspace, items)]
        return [record(services, workspace, item, beside) for item in items]

    async with turns.taken(workspace, len(raw)):
        results = await store(services, await aside(len(raw), read), "events")
    if not is_batch:
        return _single_answer(results[0])
    expected = ("appended", "duplicate", "conflict") if services.publisher is None else ("published",)
    return _batch_answer(results, expected)


async def store(
    services: Services, records: list[Record], door: str, *, urgent: bool = False
) -> list[Received]:
    """Keep records before they are answered for: in the log, or by Kafka's brokers where there is Kafka.

    What is urgent does not wait until what came before is handled.

    Raises:
        BrokerUnavailable: Kafka did not take them; the sender has to send all of it again.
        DatabaseUnavailable: The database did not take them; the same.
        PartlyStored: Kafka took its part and the database did not; the same.
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


def record(services: Services, workspace: str, raw: bytes, headers: Headers = ()) -> Record:
    """Decode one event; `headers` are those that are part of it, and say in which mode it is."""
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
    """Take a batch apart, its events unread, or say why it can't be.

    Raises:
        Problem: 413 where there are too many of them.
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
    """Let a token send so many events, all or none.

    Raises:
        Problem: 429 where that is too many by now.
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
            f" {rate.said}",
            retry_after=seconds,
        )


def _kept(request: Request[Any, Any, Any]) -> list[tuple[str, bytes | None]]:
    """Return the headers that are part of an event, as they came; others, such as a token, are nobody's to keep."""
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
    """Say what became of an event, and where it is, if it has a position already."""
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
    """Name the first that are wrong, those that are not kept before all others: nobody else has them."""
    by_need = sorted(wrong, key=lambda one: one[1].outcome != "refused")
    return tuple(
        Flaw(result.detail, result.field, result.reason, index, kept=result.outcome != "refused")
        for index, result in sorted(by_need[:ERRORS_NAMED_MAX], key=lambda one: one[0])
    )
