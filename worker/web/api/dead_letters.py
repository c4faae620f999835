"""`/api/v1/dead-letters`: what came in and could not become an event, with what to do; and making room for more."""

import base64
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from events.log import dead_letters
from events.log.dead_letters import Chosen, LettersWanted
from events.log.log import POSITION_MAX
from worker.actions.dead_letters import Discarded, discard
from worker.services import Services
from worker.web.api.paging import (
    NUMBER_KEY,
    ROWS_USUAL,
    Cursor,
    Limit,
    Listing,
    instant,
    instant_parameter,
    page,
    text_parameter,
)
from worker.web.description import described
from worker.web.problems import Problem
from worker.workspaces.api_tokens import Scope

DEAD_LETTERS = Listing("dead-letters", dead_letters.page, {"number": NUMBER_KEY})
NUMBERS_MAX = 1000
Number = Annotated[int, Meta(ge=1, le=POSITION_MAX)]


class DeadLetter(Struct, frozen=True, kw_only=True):
    """Something that came in and could not be used.

    Attributes:
        number: What it is called here.
        origin: Where it came from, such as `http`, `docusign` or `file:deals.jsonl:17`.
        reason: Why it can't be used, as a stable code.
        detail: The same in a sentence.
        remedy: What to do, in a sentence.
        field: What does not fit, if it is one thing.
        deal: The deal that it is about, if its bytes say so.
        raw_bytes: How many bytes came.
        kept: Whether its bytes are kept, and not only its place in Kafka.
        seen: How often it came.
        first_seen_at: When it came first.
        last_seen_at: When it came last.
    """

    number: int
    origin: str
    reason: str
    detail: str
    remedy: str
    field: str | None
    deal: str | None
    raw_bytes: int
    kept: bool
    seen: int
    first_seen_at: datetime
    last_seen_at: datetime


class Header(Struct, frozen=True):
    """A header that came beside the bytes and is part of the event.

    Attributes:
        name: Its name.
        value: Its value; what is no UTF-8 in it is replaced.
    """

    name: str
    value: str


class WholeDeadLetter(DeadLetter, frozen=True, kw_only=True, omit_defaults=True):
    """Something that came in and could not be used, with its bytes.

    Attributes:
        headers: What came beside the bytes and is part of the event.
        raw: The bytes, where they are text in UTF-8; beyond 1 MiB only the beginning is kept.
        raw_base64: The bytes in base64, where they are not.
    """

    headers: list[Header]
    raw: str | None = None
    raw_base64: str | None = None


class DeadLetters(Struct, frozen=True):
    """A page of dead letters, the highest number first.

    Attributes:
        items: The dead letters, without their bytes.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[DeadLetter]
    next_cursor: str | None


class DiscardWish(Struct, frozen=True):
    """Which dead letters are deleted: by numbers, of one reason, or all. Exactly one of the three is given.

    Attributes:
        numbers: Their numbers.
        reason: Their reason, such as `schema_invalid`.
        all: True for all of them.
        why: Why; it is kept in the log.
    """

    numbers: Annotated[list[Number], Meta(max_length=NUMBERS_MAX)] = []
    reason: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}(?!\n)$")] | None = None
    all: bool = False
    why: str | None = None


class DeadLettersApi(Controller):
    """The dead letters of the workspace of the token."""

    path = "/api/v1/dead-letters"
    tags = ("Dead letters",)

    @get(
        "/",
        **described(Scope.READ, 400),
        operation_id="listDeadLetters",
        summary="List what came in and could not be used",
    )
    async def letters(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        reason: Annotated[str | None, text_parameter("Only those of this reason.", "schema_invalid")] = None,
        deal: Annotated[str | None, text_parameter("Only those about this deal.", "D-17")] = None,
        origin: Annotated[str | None, text_parameter("Only those that came from there.", "http")] = None,
        since: Annotated[str | None, instant_parameter("Only those that came then or later.")] = None,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> DeadLetters:
        """Return a page of dead letters, without their bytes."""
        wanted = LettersWanted(reason, deal, origin, instant("since", since))
        rows, next_cursor = await page(services, workspace, DEAD_LETTERS, wanted, cursor, limit)
        return DeadLetters([DeadLetter(**row) for row in rows], next_cursor)

    @get(
        "/{number:int}",
        **described(Scope.READ, 400, 404),
        operation_id="readDeadLetter",
        summary="Read one dead letter whole",
    )
    async def letter(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        number: Annotated[int, PathParameter(description="Its number.")],
    ) -> WholeDeadLetter:
        """Return a dead letter with its bytes, and what came beside them."""
        found = (
            await services.database.read(dead_letters.whole, workspace, number)
            if 0 < number <= POSITION_MAX
            else None
        )
        if found is None:
            raise Problem(
                HTTPStatus.NOT_FOUND, "dead_letter_unknown", "There is no such dead letter", field="number"
            )
        raw = found.pop("raw")
        headers = [
            Header(name, (value or b"").decode(errors="replace")) for name, value in found.pop("headers")
        ]
        try:
            return WholeDeadLetter(**found, headers=headers, raw=raw.decode())
        except UnicodeDecodeError:
            return WholeDeadLetter(**found, headers=headers, raw_base64=base64.b64encode(raw).decode())

    @post(
        "/discard",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="discardDeadLetters",
        summary="Delete dead letters for good, so that there is room for others",
        status_code=HTTPStatus.OK,
    )
    async def discard(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        actor: NamedDependency[str],
        data: JSONBody[DiscardWish],
    ) -> Discarded:
        """Delete some; who did it stands in the log."""
        if bool(data.numbers) + (data.reason is not None) + data.all != 1:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "schema_invalid",
                "Give numbers, a reason, or all, and one of them alone",
                field="body",
            )
        chosen = Chosen(workspace, tuple(data.numbers), data.reason)
        return await discard(services, chosen, actor, data.why)
