"""`/api/v1/dead-letters`: list, read and discard the messages that could not become events."""

import base64
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from events.log import dead_letters
from events.log.dead_letters import LetterFilter, LetterSelection
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
    """A message that could not become an event.

    Attributes:
        number: The dead letter's number.
        origin: The source of the message, such as `http`, `docusign` or `file:deals.jsonl:17`.
        reason: Why the message is unusable, as a stable code.
        detail: Why it is unusable, in a sentence.
        remedy: What to do, in a sentence.
        field: The invalid field, if there is one.
        deal: The deal that the message names, if any.
        raw_bytes: The size of the message in bytes.
        kept: Whether its content is stored; if not, only its place in Kafka is.
        seen: How often the message arrived.
        first_seen_at: When it first arrived.
        last_seen_at: When it last arrived.
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
    """A header of the message that is part of the event.

    Attributes:
        name: The header's name.
        value: Its value; invalid UTF-8 is replaced.
    """

    name: str
    value: str


class WholeDeadLetter(DeadLetter, frozen=True, kw_only=True, omit_defaults=True):
    """A message that could not become an event, with its content.

    Attributes:
        headers: The message's headers that are part of the event.
        raw: The content, if it is text in UTF-8; beyond 1 MiB, only its beginning is stored.
        raw_base64: The content in base64, if it is not text.
    """

    headers: list[Header]
    raw: str | None = None
    raw_base64: str | None = None


class DeadLetters(Struct, frozen=True):
    """A page of dead letters, the highest number first.

    Attributes:
        items: The dead letters, without their content.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[DeadLetter]
    next_cursor: str | None


class DiscardWish(Struct, frozen=True):
    """The dead letters to delete: by numbers, by reason, or all. Give exactly one of the three.

    Attributes:
        numbers: The dead letters with these numbers.
        reason: The dead letters with this reason, such as `schema_invalid`.
        all: True for all dead letters.
        why: Why you delete them; kept in the log.
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
        summary="List dead letters",
    )
    async def letters(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        reason: Annotated[
            str | None, text_parameter("Only dead letters with this reason.", "schema_invalid")
        ] = None,
        deal: Annotated[str | None, text_parameter("Only dead letters of this deal.", "D-17")] = None,
        origin: Annotated[str | None, text_parameter("Only dead letters with this origin.", "http")] = None,
        since: Annotated[
            str | None, instant_parameter("Only dead letters that arrived at this instant or later.")
        ] = None,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> DeadLetters:
        """Return a page of dead letters, without their content."""
        wanted = LetterFilter(reason, deal, origin, instant("since", since))
        rows, next_cursor = await page(services, workspace, DEAD_LETTERS, wanted, cursor, limit)
        return DeadLetters([DeadLetter(**row) for row in rows], next_cursor)

    @get(
        "/{number:int}",
        **described(Scope.READ, 400, 404),
        operation_id="readDeadLetter",
        summary="Read one dead letter",
    )
    async def letter(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        number: Annotated[int, PathParameter(description="The dead letter's number.")],
    ) -> WholeDeadLetter:
        """Return a dead letter with its content and headers."""
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
        summary="Delete dead letters for good",
        status_code=HTTPStatus.OK,
    )
    async def discard(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        actor: NamedDependency[str],
        data: JSONBody[DiscardWish],
    ) -> Discarded:
        """Delete dead letters, to make room for new ones. The log records who deleted them."""
        if bool(data.numbers) + (data.reason is not None) + data.all != 1:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "schema_invalid",
                "Give exactly one of numbers, reason and all",
                field="body",
            )
        chosen = LetterSelection(workspace, tuple(data.numbers), data.reason)
        return await discard(services, chosen, actor, data.why)
