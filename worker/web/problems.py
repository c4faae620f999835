"""Every "no" of the front door, as problem+json (RFC 9457) with a stable reason."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from events.envelope import EVENT_BYTES_MAX
from events.errors import DatabaseUnavailable
from events.intake import Received

MEDIA_TYPE = "application/problem+json"
logger = structlog.get_logger()


class Problem(Exception):
    """An answer that says what is wrong; raised anywhere below a route."""

    def __init__(self, status: int, reason: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.more = more


def of_received(received: Received) -> Problem:
    """Say why one event was not taken."""
    if received.outcome == "conflict":
        status = HTTPStatus.CONFLICT
    elif received.reason == "workspace_mismatch":
        status = HTTPStatus.FORBIDDEN
    elif received.reason == "too_large":
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    else:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return Problem(
        status,
        received.reason or "unusable",
        received.detail or "",
        **({"field": received.field} if received.field else {}),
    )


def answer(status: int, reason: str, detail: str, more: Mapping[str, Any]) -> Response[bytes]:
    """Write a problem."""
    body = {
        "type": f"urn:coeffection:problem:{reason}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": reason,
        **more,
    }
    return Response(msgspec.json.encode(body), status_code=status, media_type=MEDIA_TYPE)


def on_problem(_: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    """Answer a problem that a route named."""
    return answer(problem.status, problem.reason, problem.detail, problem.more)


def on_database_unavailable(_: Request[Any, Any, Any], error: DatabaseUnavailable) -> Response[bytes]:
    """Ask the sender to try again: nothing was stored."""
    logger.error("database.unavailable", problem=str(error))
    response = answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database_unavailable",
        "Nothing was stored. Please send it again in a moment.",
        {},
    )
    response.headers["retry-after"] = "5"
    return response


def on_http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework itself refused: routes, methods, sizes, parameters."""
    reason = HTTPStatus(error.status_code).name.lower()
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return answer(error.status_code, "too_large", f"A request has at most {EVENT_BYTES_MAX} bytes", {})
    return answer(error.status_code, reason, error.detail, {})


def on_defect(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a defect of ours without showing anything of it; the log has it whole."""
    logger.error("http.defect", path=request.url.path, exc_info=error)
    return answer(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something went wrong here. What you sent may not have been stored; send it again.",
        {},
    )


HANDLERS: dict[Any, Any] = {
    Problem: on_problem,
    DatabaseUnavailable: on_database_unavailable,
    HTTPException: on_http_exception,
    Exception: on_defect,
}
