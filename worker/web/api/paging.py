"""Pages of a list: a cursor names the key after which the next page begins, in one workspace, one list and its filters.

A cursor is no secret and grants no right: each request reads only the rows of its token's workspace. A checksum detects a
cursor that was truncated, mixed up or used with other filters, which would skip rows.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
import sqlalchemy as sa
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from events.contract import json
from events.contract.values import Instant
from events.errors import InvalidEvent
from events.log.log import POSITION_MAX
from projections import queries
from projections.queries import ROWS_MAX, Key, Row
from worker.services import Services
from worker.web.problems import Problem

T = TypeVar("T", bound=Struct)
Wanted = TypeVar("Wanted", bound=Struct)

ROWS_USUAL = 100
CHECK_BYTES = 9
TEXT_CHARACTERS_MAX = 200
TEXT = r"^[^\u0000]*$"  # no database stores U+0000
TEXT_KEY = Annotated[str, Meta(pattern=TEXT)]
NUMBER_KEY = Annotated[int, Meta(ge=0, le=POSITION_MAX)]
INSTANT_EXAMPLE = "2026-05-05T16:30:12Z"

Limit = Annotated[int, QueryParameter(ge=1, le=ROWS_MAX, description="Most rows to return.")]
Cursor = Annotated[
    str | None,
    QueryParameter(
        max_length=4096,
        description="`next_cursor` of the previous page, with the same filters; without it, the first page.",
    ),
]


def text_parameter(description: str, example: str, name: str | None = None) -> QueryParameter:
    """Describe a filter that is a text; `name` is its name if Python reserves it."""
    return QueryParameter(
        name=name,
        description=description,
        max_length=TEXT_CHARACTERS_MAX,
        pattern=TEXT,
        schema_extra={"examples": [example]},
    )


def position_parameter(description: str) -> QueryParameter:
    """Describe a position in the log."""
    exactly = {"maximum": POSITION_MAX}  # the framework would write it as a float
    return QueryParameter(description=description, ge=0, le=POSITION_MAX, schema_extra=exactly)


def instant_parameter(description: str) -> QueryParameter:
    """Describe a filter that is an instant; `instant` reads it."""
    return QueryParameter(
        description=f"{description} RFC 3339, with an offset from UTC.",
        max_length=40,
        schema_extra={"format": "date-time", "examples": [INSTANT_EXAMPLE]},
    )


def instant(field: str, text: str | None) -> datetime | None:
    """Read an instant.

    Raises:
        Problem: 400 if the text is no instant.
    """
    if text is None:
        return None
    try:
        return json.convert(text, Instant).astimezone(UTC)
    except (InvalidEvent, OverflowError) as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "parameter_invalid",
            f"{field}: Expected an instant with an offset from UTC, such as {INSTANT_EXAMPLE}",
            field=field,
        ) from error


class Listing(Struct, frozen=True):
    """A list that is read page by page.

    Attributes:
        name: The list's name.
        read: Returns a number of a workspace's rows that match the filters, after a key or from the beginning.
        key: The fields that order the rows, each with its type, `TEXT_KEY` or `NUMBER_KEY`.
    """

    name: str
    read: Callable[[sa.Connection, str, int, Any, Key | None], list[Row]]
    key: dict[str, Any]


async def page(
    services: Services, workspace: str, listing: Listing, wanted: Struct, cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """Return rows, and the cursor of the next page; None on the last page.

    Raises:
        Problem: 400 `cursor_invalid` if the cursor does not belong to this list with these filters.
    """
    bound = (workspace, listing.name, wanted)
    after = None if cursor is None else _opened(cursor, bound, listing)
    rows = await services.database.read(listing.read, workspace, limit + 1, wanted, after)
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], _written(queries.key_of(rows[limit - 1], listing.key), bound)


def shown(kind: type[T], row: Row) -> T:
    """Convert a row to its struct: amounts are decimals in strings, never with an exponent."""
    return kind(
        **{name: format(value, "f") if isinstance(value, Decimal) else value for name, value in row.items()}
    )


def _written(key: Key, bound: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((_check(key, bound), *key))).decode().rstrip("=")


def _opened(cursor: str, bound: Any, listing: Listing) -> Key:
    kind: Any = tuple.__class_getitem__((str, *listing.key.values()))
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        written: tuple[Any, ...] = msgspec.json.decode(raw, type=kind)
        check, key = written[0], written[1:]
        fits = check == _check(key, bound)
    except (binascii.Error, UnicodeError, ValueError, msgspec.DecodeError) as error:
        raise _invalid(listing) from error
    if not fits:
        raise _invalid(listing)
    return key


def _check(key: Key, bound: Any) -> str:
    digest = hashlib.sha256(msgspec.json.encode((list(key), bound)))
    return base64.urlsafe_b64encode(digest.digest()[:CHECK_BYTES]).decode()


def _invalid(listing: Listing) -> Problem:
    return Problem(
        HTTPStatus.BAD_REQUEST,
        "cursor_invalid",
        f"The cursor is not a next_cursor of {listing.name} in this workspace with these filters."
        " Start without a cursor, and keep the filters from page to page.",
        field="cursor",
    )
