"""The refusals of the front door, as problem+json (RFC 9457) with a stable reason."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

from events.contract.envelope import EVENT_BYTES_MAX
from events.contract.json import MISSING
from events.errors import DatabaseUnavailable
from events.log.intake import Received
from worker.actions.admin import ActionRefused
from worker.actions.invoices import DealUnknown
from worker.kafka.messages import BrokerUnavailable
from worker.quickbooks.errors import QuickBooksError
from worker.runtime.vault import Unsealable
from worker.workspaces.api_tokens import TokenUnknown
from worker.workspaces.docusign_keys import KeyRefused, KeyUnknown

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "5"
FULL_RETRY_AFTER_SECONDS = 60  # a person has to make room
logger = structlog.get_logger()


class Cause(Struct, frozen=True):
    """Why an event is unusable.

    Attributes:
        reason: A stable code.
        detail: One sentence for a person.
        field: The invalid field, if there is one.
    """

    reason: str | None
    detail: str | None
    field: str | None = None


class Flaw(Struct, frozen=True, omit_defaults=True):
    """One of several errors.

    Attributes:
        detail: One sentence for a person.
        field: The invalid field, if there is one.
        reason: A stable code, for an event of a batch.
        index: The place of the event in its batch, from 0.
        kept: False if the event was not stored as a dead letter.
    """

    detail: str | None
    field: str | None
    reason: str | None = None
    index: int | None = None
    kept: bool = True


class ProblemDetails(Struct, frozen=True, omit_defaults=True):
    """Why a request was refused (RFC 9457); programs match `reason`.

    Attributes:
        type: The reason as a URN.
        title: The meaning of the status.
        status: The status of the answer.
        detail: The error and its remedy, in sentences for a person.
        reason: A stable code.
        field: The invalid parameter, or the path of the invalid field in the body, if there is one.
        errors: Every error; for a batch, its first 20 unusable events.
        errors_total: The number of unusable events in a batch.
        needs: The scope that the token lacks.
        nearest: The IDs of deals that resemble the requested one.
        cause: Why the event is unusable, if it was not stored as a dead letter.
        appended: The number of new events in the batch, which are stored.
        duplicate: The number of events that were stored before.
        conflict: The number of events with the identity of another event.
        published: The number of events published to Kafka.
        dead: The number of unusable events stored as dead letters.
        refused: The number of unusable events that were not stored.
    """

    type: str
    title: str
    status: int
    detail: str
    reason: str
    field: str | None = None
    errors: tuple[Flaw, ...] = ()
    errors_total: int | None = None
    needs: str | None = None
    nearest: tuple[str, ...] | None = None
    cause: Cause | None = None
    appended: int | None = None
    duplicate: int | None = None
    conflict: int | None = None
    published: int | None = None
    dead: int | None = None
    refused: int | None = None


class Problem(Exception):
    """A refusal, raised anywhere below a route."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        retry_after: int | None = None,
        challenge: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after  # in seconds
        self.challenge = challenge  # the WWW-Authenticate header of RFC 6750
        self.more = more


class PartlyStored(Exception):
    """Kafka has the valid events of a request, but its unusable events could not be stored as dead letters."""

    def __init__(self, problem: str, published: int, of: int) -> None:
        super().__init__(problem)
        self.published = published
        self.of = of


def of_received(received: Received) -> Problem:
    """Return the problem of one event that was not accepted."""
    if received.outcome == "refused":
        cause = Cause(received.reason, received.detail, received.field)
        return dead_letters_full(
            f"The event is unusable, and was not stored as a dead letter either. Cause: {received.detail}",
            {"cause": cause},
        )
    if received.outcome == "conflict":
        status = HTTPStatus.CONFLICT
    elif received.reason == "workspace_mismatch":
        status = HTTPStatus.FORBIDDEN
    elif received.reason == "too_large":
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    else:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    more: dict[str, Any] = {"field": received.field} if received.field else {}
    return Problem(status, received.reason or "unusable", received.detail or "", **more)


def dead_letters_full(said: str, more: dict[str, Any]) -> Problem:
    """Return the problem that unusable events are no longer stored; valid events are still accepted."""
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "dead_letters_full",
        f"{said}: this workspace has reached its limit of dead letters. Keep these events, correct them, and send them"
        " again. An admin can make room with q2c dead-letters discard. Valid events are still accepted.",
        retry_after=FULL_RETRY_AFTER_SECONDS,
        **more,
    )


def answer(status: int, reason: str, detail: str, more: Mapping[str, Any]) -> Response[bytes]:
    """Return the answer of a problem, with further fields in `more`."""
    body = ProblemDetails(
        type=f"urn:coeffection:problem:{reason}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        reason=reason,
        **more,
    )
    return Response(msgspec.json.encode(body), status_code=status, media_type=MEDIA_TYPE)


def on_problem(_: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    """Answer a problem that a route named."""
    problem.__traceback__ = (
        None  # its frames would keep the body and its objects in memory until the next garbage collection
    )
    response = answer(problem.status, problem.reason, problem.detail, problem.more)
    if problem.retry_after is not None:
        response.headers["retry-after"] = str(problem.retry_after)
    if problem.challenge is not None:
        response.headers["www-authenticate"] = problem.challenge
    return response


def on_action_refused(_: Request[Any, Any, Any], error: ActionRefused) -> Response[bytes]:
    """Answer a refused action."""
    status = HTTPStatus.NOT_FOUND if isinstance(error, DealUnknown) else HTTPStatus.UNPROCESSABLE_ENTITY
    return answer(status, error.reason, error.detail, {"field": error.field} if error.field else {})


def on_key_refused(_: Request[Any, Any, Any], error: KeyRefused) -> Response[bytes]:
    """Answer a DocuSign key that is invalid or does not exist."""
    status = HTTPStatus.NOT_FOUND if isinstance(error, KeyUnknown) else HTTPStatus.UNPROCESSABLE_ENTITY
    reason = "key_unknown" if isinstance(error, KeyUnknown) else "key_invalid"
    return answer(status, reason, str(error), {"field": "key"})


def on_token_unknown(_: Request[Any, Any, Any], error: TokenUnknown) -> Response[bytes]:
    """Answer a token that does not exist in the workspace."""
    return answer(HTTPStatus.NOT_FOUND, "token_unknown", str(error), {"field": "number"})


def on_unsealable(_: Request[Any, Any, Any], error: Unsealable) -> Response[bytes]:
    """Ask for a retry: a key was retired, and this process is about to restart with other keys."""
    logger.error("http.unsealable", problem=str(error))
    return _again(
        "key_unusable", "This process can't encrypt or decrypt a secret now. Please try again in a moment."
    )


def on_validation_exception(_: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    """Answer invalid parameters (400) or an invalid body (422), naming each."""
    found = error.extra if isinstance(error.extra, list) else []
    if not found:
        return answer(HTTPStatus.BAD_REQUEST, "bad_request", error.detail, {})
    errors = [_invalid(item) for item in found]
    detail = "; ".join(f"{flaw.field}: {flaw.detail}" for flaw in errors)
    more = {"field": errors[0].field, "errors": tuple(errors)}
    if any(item.get("source") == "body" for item in found):
        return answer(HTTPStatus.UNPROCESSABLE_ENTITY, "schema_invalid", detail, more)
    return answer(HTTPStatus.BAD_REQUEST, "parameter_invalid", detail, more)


def _invalid(item: Mapping[str, Any]) -> Flaw:
    field, message = _named(item), str(item["message"])
    missing = MISSING.fullmatch(message)
    if missing is not None:
        field = missing[1] if field == "data" else f"{field}.{missing[1]}"
    if field == "data":  # the framework's name for the body, and its whole message for a missing one
        return Flaw("Expected a JSON body" if message == repr(field) else message, "body")
    return Flaw(message, field)


def _named(item: Mapping[str, Any]) -> str:
    """Return the sender's name of an invalid parameter: the framework gives the name in the code."""
    key = str(item.get("key", "data"))
    match item.get("source"):
        case "header":
            return key.replace("_", "-")
        case "query":
            return key.rstrip("_")
        case _:
            return key


def on_database_unavailable(_: Request[Any, Any, Any], error: DatabaseUnavailable) -> Response[bytes]:
    """Ask the sender for a retry: nothing was stored."""
    logger.error("database.unavailable", problem=str(error))
    return _again("database_unavailable", "Nothing was stored. Please send the request again in a moment.")


def on_partly_stored(_: Request[Any, Any, Any], error: PartlyStored) -> Response[bytes]:
    """Ask the sender for a retry, and say how many events are stored already."""
    logger.error("database.unavailable", problem=str(error), published=error.published)
    return _again(
        "partly_stored",
        f"{error.published} of {error.of} events are stored. The others are unusable, and could not be stored as dead"
        " letters. Please send the whole batch again in a moment: no event is stored twice.",
    )


def on_broker_unavailable(_: Request[Any, Any, Any], error: BrokerUnavailable) -> Response[bytes]:
    """Ask the sender for a retry: repeated events are dropped."""
    logger.error("broker.unavailable", problem=str(error))
    return _again(
        "broker_unavailable",
        "Kafka has not confirmed that the events are stored. Please send them again in a moment.",
    )


def on_quickbooks_error(_: Request[Any, Any, Any], error: QuickBooksError) -> Response[bytes]:
    """Answer that QuickBooks failed a request that the route needs."""
    return answer(HTTPStatus.BAD_GATEWAY, "quickbooks_did_not_answer", str(error), {})


def _again(reason: str, detail: str) -> Response[bytes]:
    response = answer(HTTPStatus.SERVICE_UNAVAILABLE, reason, detail, {})
    response.headers["retry-after"] = RETRY_AFTER_SECONDS
    return response


def on_http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer the framework's own refusals: routes, methods, sizes, parameters."""
    reason = HTTPStatus(error.status_code).name.lower()
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return answer(
            error.status_code, "too_large", f"A request can have at most {EVENT_BYTES_MAX} bytes", {}
        )
    response = answer(error.status_code, reason, error.detail, {})
    response.headers.update(error.headers or {})  # for an unknown method, the allowed ones
    return response


def on_defect(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a defect of the code without details; the log has the whole traceback."""
    logger.error("http.defect", path=request.url.path, exc_info=error)
    return answer(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "The server failed, and may not have stored your request. Send it again.",
        {},
    )


HANDLERS: dict[Any, Any] = {
    Problem: on_problem,
    ActionRefused: on_action_refused,
    KeyRefused: on_key_refused,
    TokenUnknown: on_token_unknown,
    Unsealable: on_unsealable,
    ValidationException: on_validation_exception,
    DatabaseUnavailable: on_database_unavailable,
    PartlyStored: on_partly_stored,
    BrokerUnavailable: on_broker_unavailable,
    QuickBooksError: on_quickbooks_error,
    HTTPException: on_http_exception,
    Exception: on_defect,
}
