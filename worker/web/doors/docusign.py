"""`POST /webhooks/docusign/{workspace}`: receive DocuSign Connect's messages, verify them, and store them before answering."""

from http import HTTPStatus
from typing import Annotated, Any

from litestar import Request, post
from litestar.di import NamedDependency
from msgspec import Struct

from events.errors import InvalidEvent
from events.log import intake
from events.log.intake import Record
from worker.docusign import connect
from worker.docusign.reception import ACCEPTED, COMPLETED, IGNORED, REFUSALS, SIGNED, UNFINISHED
from worker.docusign.signatures import Verifier, signatures
from worker.docusign.tally import Tally
from worker.runtime.aside import aside
from worker.services import Services
from worker.sources.received import received_total
from worker.web import bodies
from worker.web.access import OPEN
from worker.web.bodies import MIB, Room
from worker.web.description import described, identifier
from worker.web.doors.bodies import DocusignOperation
from worker.web.doors.events import Stored, answer, store
from worker.web.problems import Problem, of_received
from worker.workspaces import docusign_keys
from worker.workspaces.docusign_keys import Opened

MESSAGE_BYTES_MAX = 32 * MIB
READ_BYTES_MAX = 2 * MESSAGE_BYTES_MAX
IN_FLIGHT_BYTES_MAX = 128 * MIB
USUAL_BYTES_MAX = MIB  # a message without documents, for which there is always room
WAIT_SECONDS_MAX = 5.0  # leaves time to answer before DocuSign's timeout
ORIGIN = "docusign"


class Door(Struct, frozen=True):
    """The state that the doors of all workspaces share."""

    tally: Tally
    room: Room


class RefusedMessage(Exception):
    """A message is refused.

    Attributes:
        outcome: The outcome under which it is counted.
        problem: The answer.
    """

    def __init__(self, outcome: str, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.outcome = outcome
        self.problem = problem


class Authentic(Struct, frozen=True):
    """A verified message of DocuSign's, and the numbers of the keys that match its signatures."""

    raw: bytes
    keys: list[int]


def open_door(services: Services) -> Door:
    """Create the state that the doors of all workspaces share."""
    return Door(
        Tally(services.database, services.clock), Room(IN_FLIGHT_BYTES_MAX, wait_seconds=WAIT_SECONDS_MAX)
    )


@post(
    "/webhooks/docusign/{name:str}",
    **described(OPEN, 400, 401, 404, 408, 409, 413, 422, 429, operation=DocusignOperation),  # it is signed
    tags=["Events"],
    operation_id="receiveDocusignMessage",
    status_code=HTTPStatus.OK,
    summary="Receive a DocuSign Connect message",
    request_max_body_size=None,  # the door reads the body itself, with its own limits
)
async def post_docusign(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    door: NamedDependency[Door],
    name: Annotated[str, identifier("The workspace's name.", "acme")],
) -> Stored:
    """Verify the signature of the raw body with the workspace's keys, then store the event."""
    records = await services.database.read(docusign_keys.sealed, name)
    if records is None:
        raise Problem(HTTPStatus.NOT_FOUND, "workspace_unknown", f"There is no workspace {name[:64]!r}")
    try:
        async with door.room.reserved(_room_for(request.headers.get("content-length"))) as there_is_room:
            message = await _authenticated(
                request, docusign_keys.opened(services.vault, name, records), there_is_room=there_is_room
            )
            record, outcomes = await aside(len(message.raw), lambda: _decoded(name, message.raw))
    except RefusedMessage as refused:
        received_total.labels("docusign", "refused").inc()
        await door.tally.note(name, refused.outcome)
        raise refused.problem from refused
    if record is None:
        await door.tally.note(name, *outcomes, verified=message.keys)
        return Stored("ignored")
    (result,) = await store(services, [record], "docusign", urgent=True)
    await door.tally.note(name, *outcomes, verified=message.keys)
    if result.reason is not None:
        raise of_received(result)
    return answer(result)


def record(workspace: str, raw: bytes) -> Record:
    """Decode one message to a record without its documents."""
    return intake.record(
        connect.without_documents(raw),
        ORIGIN,
        workspace,
        lambda _: connect.read_message(raw, workspace=workspace),
    )


def _decoded(workspace: str, raw: bytes) -> tuple[Record | None, tuple[str, ...]]:
    """Decode a message; return the record to store, if any, and the outcomes under which it is counted."""
    kept = connect.without_documents(raw)
    try:
        connect.check_rest(kept)
        message = connect.parse(raw)
        if not message.is_needed:
            further = (UNFINISHED,) if message.tells_of_a_completion else ()
            return None, (ACCEPTED, IGNORED, *further)
        event = connect.contract_event(message, workspace=workspace)
    except InvalidEvent as error:
        reason = error.reason if error.reason in REFUSALS else "unusable"
        identity = connect.without_repetition(kept)
        return intake.invalid(identity, ORIGIN, workspace, error), (SIGNED, reason)
    outcomes = (ACCEPTED, COMPLETED) if message.is_completed else (ACCEPTED,)
    return Record(kept, ORIGIN, workspace, event), outcomes


async def _authenticated(request: Request[Any, Any, Any], known: Opened, *, there_is_room: bool) -> Authentic:
    """Read a message and verify its signatures.

    Raises:
        RefusedMessage: No signature matches a key, or the message is too large.
    """
    given = signatures(request.headers.multi_items())
    verifier = Verifier(known.keys if given else {})
    kept_bytes_max = MESSAGE_BYTES_MAX if there_is_room else 0
    try:
        body = await bodies.read(request, kept_bytes_max, READ_BYTES_MAX, verifier.update, verifier.count)
    except TimeoutError as error:
        detail = f"The message did not arrive in {bodies.READ_SECONDS_MAX} s; send it again"
        raise RefusedMessage("unusable", Problem(HTTPStatus.REQUEST_TIMEOUT, "too_slow", detail)) from error
    fitting = verifier.fitting(given)
    if body.content is None:
        # It is counted under the problem with its signature, but the answer names its size first.
        outcome = "too_large" if fitting or not body.whole else _unsigned(known, given).outcome
        raise RefusedMessage(outcome, _too_large(there_is_room=there_is_room))
    if not fitting:
        raise _unsigned(known, given)
    return Authentic(body.content, fitting)


def _unsigned(known: Opened, given: list[str]) -> RefusedMessage:
    if known.unreadable:
        numbers = ", ".join(map(str, known.unreadable))
        detail = f"Key {numbers} can't be decrypted: put its token key back into Q2C_TOKEN_KEYS"
        return RefusedMessage(
            "key_unreadable", Problem(HTTPStatus.SERVICE_UNAVAILABLE, "key_unreadable", detail)
        )
    if not known.keys:
        detail = "This workspace has no DocuSign key: q2c workspace docusign-key add KEY"
        outcome = "key_missing"
    elif not given:
        detail = "The message has no X-DocuSign-Signature header: switch on HMAC signatures in the Connect configuration"
        outcome = "signature_missing"
    else:
        detail = "No X-DocuSign-Signature of the message matches a key of the workspace"
        outcome = "signature_invalid"
    return RefusedMessage(outcome, Problem(HTTPStatus.UNAUTHORIZED, "signature_invalid", detail))


def _too_large(*, there_is_room: bool) -> Problem:
    if there_is_room:
        detail = f"A message can have at most {MESSAGE_BYTES_MAX} bytes; leave out the documents in the Connect configuration"
    else:
        detail = (
            f"Messages of {IN_FLIGHT_BYTES_MAX} bytes are already being read; send this one again in a moment"
        )
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail)


def _room_for(content_length: str | None) -> int:
    """Return how much memory to reserve for a message, by its Content-Length; 0 for a usual size."""
    size = int(content_length) if content_length and content_length.isdecimal() else MESSAGE_BYTES_MAX
    return 0 if size <= USUAL_BYTES_MAX else min(size, MESSAGE_BYTES_MAX)
