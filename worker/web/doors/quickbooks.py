"""`POST /webhooks/quickbooks`: receive Intuit's notices of changes in any company, verify them, and store them before answering.

A delivery with a right signature is answered 200 as soon as all of it is stored, its unusable parts as dead letters: Intuit
sends a refused delivery again for days, and holds every later one behind it, so a refusal helps only where a retry can.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, post
from litestar.di import NamedDependency
from msgspec import Struct
from prometheus_client import Counter as Metric
from prometheus_client import Gauge

from events.log.intake import Received, Record
from worker.quickbooks.holders import Holders
from worker.quickbooks.notices import (
    CHANGES_MAX,
    ChangeNotice,
    Part,
    Signature,
    TooManyChanges,
    UnusableNotice,
    event_of,
    read_delivery,
)
from worker.runtime.aside import aside
from worker.services import Services
from worker.sources.received import received_total
from worker.web import bodies
from worker.web.access import OPEN
from worker.web.bodies import MIB, Room
from worker.web.description import described
from worker.web.doors.bodies import QuickBooksOperation
from worker.web.doors.events import store
from worker.web.problems import Problem

ORIGIN = "quickbooks"
SIGNATURE = "intuit-signature"
DELIVERY_BYTES_MAX = 4 * MIB
READ_BYTES_MAX = 2 * DELIVERY_BYTES_MAX
IN_FLIGHT_BYTES_MAX = 32 * MIB
USUAL_BYTES_MAX = MIB // 4  # some hundreds of changes, for which there is always room
ANSWER_SECONDS_MAX = 2.5  # Intuit waits for three
STORED_AT_ONCE = 200  # so that a signed contract waits for no more
REALMS_NAMED_MAX = 5
ACCEPTED = "accepted"

deliveries_total = Metric("q2c_quickbooks_deliveries_total", "Webhook deliveries from Intuit", ["outcome"])
accepted_at = Gauge(
    "q2c_quickbooks_notice_timestamp_seconds",
    "When a notice of a change in QuickBooks was stored last",
    ["workspace"],
)
logger = structlog.get_logger()


class QuickBooksDoor(Struct, frozen=True):
    """The state that the requests of this process share."""

    holders: Holders
    room: Room


class ChangesStored(Struct, frozen=True):
    """The numbers of a delivery's changes by what became of them; a merge can count twice.

    Attributes:
        appended: The changes that are new in the log.
        duplicate: The changes that were stored before.
        published: The changes published to Kafka.
        realm_unknown: The changes in companies that no workspace has connected; they are not stored.
        conflict: The changes with the identity of another one, stored as dead letters.
        dead: The unusable parts, stored as dead letters.
        refused: The unusable parts that were not stored, because there are too many dead letters.
    """

    appended: int = 0
    duplicate: int = 0
    published: int = 0
    realm_unknown: int = 0
    conflict: int = 0
    dead: int = 0
    refused: int = 0


def open_quickbooks_door(services: Services) -> QuickBooksDoor:
    """Create the state that the requests of this process share."""
    return QuickBooksDoor(
        Holders(services.database, services.clock),
        Room(IN_FLIGHT_BYTES_MAX, wait_seconds=ANSWER_SECONDS_MAX / 2),
    )


@post(
    "/webhooks/quickbooks",
    **described(OPEN, 401, 413, operation=QuickBooksOperation),  # it is signed
    tags=["Events"],
    operation_id="receiveQuickbooksNotices",
    status_code=HTTPStatus.OK,
    summary="Receive Intuit's notices of changes in QuickBooks",
    request_max_body_size=None,  # the door reads the body itself, with its own limits
)
async def post_quickbooks(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    quickbooks_door: NamedDependency[QuickBooksDoor],
) -> ChangesStored:
    """Verify the signature of the raw body with the app's verifier token, then store each change for its workspace."""
    outcome = "not_stored"
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            taken = await _take(request, services, quickbooks_door)
        outcome = ACCEPTED
    except TimeoutError as error:
        outcome = "too_slow"
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            outcome,
            f"The changes are not all stored after {ANSWER_SECONDS_MAX} s. Send the delivery again: no change is stored"
            " twice",
            retry_after=1,
        ) from error
    except Problem as problem:
        outcome = problem.reason
        raise
    finally:
        deliveries_total.labels(outcome).inc()
    return taken


async def _take(request: Request[Any, Any, Any], services: Services, door: QuickBooksDoor) -> ChangesStored:
    """Read, verify and store a delivery.

    Raises:
        Problem: It is refused.
    """
    size = _room_for(request.headers.get("content-length"))
    async with door.room.reserved(size) as there_is_room:
        raw = await _verified(request, services, there_is_room=there_is_room)
        return await store_delivery(services, door.holders, raw)


async def store_delivery(services: Services, holders: Holders, raw: bytes) -> ChangesStored:
    """Store the changes of a delivery whose signature was verified, each for the workspace that holds its company.

    Raises:
        Problem: It has too many changes.
        DatabaseUnavailable: They are not all stored; Intuit has to send the delivery again.
    """
    try:
        parts = await aside(len(raw), lambda: read_delivery(raw))
    except TooManyChanges as error:
        detail = (
            f"A delivery can have at most {CHANGES_MAX} changes. In your Intuit app, choose fewer entities"
        )
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_many_changes", detail) from error
    held = await holders.of({realm for part in parts if (realm := _realm(part)) is not None})
    records = await aside(len(raw), lambda: _records(parts, held))
    counts = Counter(realm_unknown=_note_unknown(parts, held))
    for workspace, of_workspace in records.items():
        results = await _store(services, of_workspace)
        counts.update(result.outcome for result in results)
        if workspace is not None:
            accepted_at.labels(workspace).set(services.clock.now().timestamp())
    return ChangesStored(**counts)


async def _verified(request: Request[Any, Any, Any], services: Services, *, there_is_room: bool) -> bytes:
    """Read a delivery and verify its signature.

    Raises:
        Problem: It is too large or not signed, or this installation has no verifier token.
    """
    token = services.environment.quickbooks_verifier_token
    if token is None:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "verifier_token_missing",
            "This installation can't verify Intuit's webhooks: set Q2C_QUICKBOOKS_VERIFIER_TOKEN to the verifier token of"
            " your Intuit app (Webhooks), and restart the role web",
            retry_after=60,
        )
    given = request.headers.get(SIGNATURE)
    signature = Signature(token.get_secret_value())
    kept_bytes_max = DELIVERY_BYTES_MAX if there_is_room else 0
    body = await bodies.read(request, kept_bytes_max, READ_BYTES_MAX, signature.update, 1)
    if body.content is None:
        raise _too_large() if there_is_room else _too_busy()
    if given is None:
        detail = f"The delivery has no header {SIGNATURE}; only Intuit's webhooks are accepted here"
        raise Problem(HTTPStatus.UNAUTHORIZED, "signature_missing", detail)
    if not signature.fits(given):
        detail = (
            "The signature does not match: check that Q2C_QUICKBOOKS_VERIFIER_TOKEN is the verifier token of your Intuit"
            " app (Webhooks)"
        )
        raise Problem(HTTPStatus.UNAUTHORIZED, "signature_invalid", detail)
    return body.content


def _records(parts: Sequence[Part], holders: Mapping[str, str]) -> dict[str | None, list[Record]]:
    """Return the records of a delivery by workspace, in its order; parts without a readable company are of nobody.

    Parts of companies that no workspace holds are left out: nobody could ever read them, and as dead letters they would
    be stored for ever, from a company that was disconnected here and not at Intuit, or that another installation with
    the same app connected. Once the company is connected, all of it is read anyway.
    """
    records: dict[str | None, list[Record]] = {}
    for part in parts:
        workspace = holders.get(_realm(part) or "")
        if isinstance(part, UnusableNotice):
            if workspace is None and part.realm is not None:
                continue
            record = Record(part.written, ORIGIN, workspace, part.problem)
        elif workspace is None:
            continue
        else:
            record = Record(part.written, ORIGIN, workspace, event_of(part, workspace))
        records.setdefault(workspace, []).append(record)
    return records


def _note_unknown(parts: Sequence[Part], holders: Mapping[str, str]) -> int:
    """Count and log the changes in companies without a workspace."""
    unknown = [realm for part in parts if (realm := _realm(part)) is not None and realm not in holders]
    if unknown:
        received_total.labels(ORIGIN, "realm_unknown").inc(len(unknown))
        realms = sorted(set(unknown))
        logger.warning(
            "quickbooks.realm_unknown",
            changes=len(unknown),
            realms=realms[:REALMS_NAMED_MAX],
            realms_total=len(realms),
            remedy="Connect the company with q2c connect, or disconnect the app in QuickBooks (Apps, My apps)",
        )
    return len(unknown)


async def _store(services: Services, records: Sequence[Record]) -> list[Received]:
    """Store a workspace's records, some at a time, without waiting until earlier events are handled.

    Roles are not woken: they look for events some times a second anyway, and many deliveries a second would wake each of
    them for a few events.
    """
    results: list[Received] = []
    for start in range(0, len(records), STORED_AT_ONCE):
        batch = list(records[start : start + STORED_AT_ONCE])
        results += await store(services, batch, ORIGIN, urgent=True, wake=False)
    return results


def _realm(part: Part) -> str | None:
    return part.changed.realm if isinstance(part, ChangeNotice) else part.realm


def _too_large() -> Problem:
    detail = (
        f"A delivery can have at most {DELIVERY_BYTES_MAX} bytes. In your Intuit app, choose fewer entities"
    )
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail)


def _too_busy() -> Problem:
    detail = (
        f"Deliveries of {IN_FLIGHT_BYTES_MAX} bytes are already being read. Send this one again in a moment"
    )
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too_busy", detail, retry_after=1)


def _room_for(content_length: str | None) -> int:
    """Return how much memory to reserve for a delivery, by its Content-Length; 0 for a usual size."""
    size = int(content_length) if content_length and content_length.isdecimal() else DELIVERY_BYTES_MAX
    return 0 if size <= USUAL_BYTES_MAX else min(size, DELIVERY_BYTES_MAX)
