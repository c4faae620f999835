"""Read a list page by page in the order of its Ids: nothing is skipped while rows are created, deleted and merged.

Whether QuickBooks compares Ids as numbers or as texts is not documented, so a page begins at a position, and not after an
Id. A row that is created or deleted before that position moves the rows after it. So each page begins with the last row of
the page before; if that row has moved, it is searched for: on this page, then one page back; if it is gone, reading
starts over.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from worker.quickbooks import queries
from worker.quickbooks.errors import OutcomeUnknown
from worker.quickbooks.replies import Entity

RESTARTS_MAX = 3


class PageCursor(Struct, frozen=True):
    """The place where the reading of a list continues; it may be stored, and used after a restart.

    Attributes:
        start: The position of the next page's first row, from 1.
        last: The Id of the last row that was read, by which the next page is checked; None at the beginning.
        is_back: Whether the next page is read to find `last`, which was not where it had been.
        restarts: How often reading has started over.
    """

    start: int = 1
    last: str | None = None
    is_back: bool = False
    restarts: int = 0


class ListPage(Struct, frozen=True):
    """A page of a list.

    Attributes:
        rows: The rows, with their fields as QuickBooks answered them. A row may come again on a later page.
        cursor: Where to continue; None if this is the end of the list.
        answered_at: QuickBooks' own time when the request began.
    """

    rows: list[Entity]
    cursor: PageCursor | None
    answered_at: datetime


def beyond(cursor: PageCursor, rows: Sequence[Entity], entity: str) -> tuple[list[Entity], PageCursor | None]:
    """Return the rows of a page that may not have been read yet, and where to continue.

    Raises:
        OutcomeUnknown: Rows kept disappearing.
    """
    place = _place(cursor, rows)
    if place is None:
        return [], _searched(cursor, entity)
    # Rows before the last one that was read may have been created since.
    fresh = [row for index, row in enumerate(rows) if index != place]
    if len(rows) < queries.PAGE_ROWS_MAX:
        return fresh, None
    return fresh, PageCursor(cursor.start + len(rows) - 1, rows[-1]["Id"], restarts=cursor.restarts)


def _place(cursor: PageCursor, rows: Sequence[Entity]) -> int | None:
    """Return the index of the last row that was read, -1 at the beginning of the list; None if it is not on the page."""
    if cursor.last is None:
        return -1
    return next((place for place, row in enumerate(rows) if row["Id"] == cursor.last), None)


def _searched(cursor: PageCursor, entity: str) -> PageCursor:
    """Return where to search the last row that was read: one page back, or else from the beginning."""
    if not cursor.is_back and cursor.start > 1:
        start = max(1, cursor.start - queries.PAGE_ROWS_MAX + 1)
        return PageCursor(start, cursor.last, is_back=True, restarts=cursor.restarts)
    if cursor.restarts >= RESTARTS_MAX:
        raise OutcomeUnknown(f"The list of {entity} kept changing while it was read")
    return PageCursor(restarts=cursor.restarts + 1)
