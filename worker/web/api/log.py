"""`/api/v1/log`: the integration log."""

from datetime import datetime
from typing import Annotated, Literal

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from projections import queries
from projections.integration_log import Level
from projections.queries import LogWanted
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
    position_parameter,
    shown,
    text_parameter,
)
from worker.web.description import described
from worker.workspaces.api_tokens import Scope

LOG = Listing("log", queries.list_log, dict.fromkeys(queries.LOG_KEY, NUMBER_KEY))
Order = Literal["oldest", "newest"]


class LogEntry(Struct, frozen=True):
    """An entry of the integration log.

    Attributes:
        position: The position of its event in the log.
        at: The instant of the event.
        level: `attention` if a person should act, else `info`.
        about: Its subject, such as `deal/D-17` or `workspace`.
        type: The type of its event.
        message: The event in a sentence.
        remedy: What to do, in a sentence.
        by: The person who did it, if any: `api:` and the token, with the person that the console named, or `cli:` and
            the user.
    """

    position: int
    at: datetime | None
    level: Level
    about: str
    type: str
    message: str
    remedy: str | None
    by: str | None


class Log(Struct, frozen=True):
    """A page of the integration log.

    Attributes:
        items: The entries.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[LogEntry]
    next_cursor: str | None


class LogApi(Controller):
    """The integration log of the workspace of the token."""

    path = "/api/v1/log"
    tags = ("Log",)

    @get("/", **described(Scope.READ, 400), operation_id="listLog", summary="Read the integration log")
    async def log(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        after: Annotated[int, position_parameter("Only entries after this position.")] = 0,
        deal: Annotated[str | None, text_parameter("Only entries about this deal.", "D-17")] = None,
        about: Annotated[
            str | None, text_parameter("Only entries about this subject.", "account/A-9")
        ] = None,
        kind: Annotated[
            str | None, text_parameter("Only entries about subjects of this kind.", "account")
        ] = None,
        type_: Annotated[
            str | None,
            text_parameter(
                "Only entries of events with this type.", "com.coeffection.settings.changed.v1", name="type"
            ),
        ] = None,
        level: Annotated[
            Level | None,
            QueryParameter(description="Only entries of this level; `attention` needs a person."),
        ] = None,
        since: Annotated[str | None, instant_parameter("Only entries of this instant or later.")] = None,
        until: Annotated[str | None, instant_parameter("Only entries before this instant.")] = None,
        order: Annotated[Order, QueryParameter(description="The entries that come first.")] = "oldest",
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> Log:
        """Return a page of the integration log. To follow the log, set `after` to the last position you have seen."""
        wanted = LogWanted(
            after=after,
            deal=deal,
            about=about,
            kind=kind,
            type=type_,
            level=level,
            since=instant("since", since),
            until=instant("until", until),
            order=order,
        )
        rows, next_cursor = await page(services, workspace, LOG, wanted, cursor, limit)
        return Log([shown(LogEntry, row) for row in rows], next_cursor)
