"""Events and handlers that the tests of `events` share."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ParamSpec

import msgspec
import sqlalchemy as sa

from events.contract.envelope import Event, Recorded, from_binary, from_structured
from events.errors import InvalidEvent
from events.log import log
from tests import stories

P = ParamSpec("P")

DOCUMENT = stories.deal("D-1", owner="Zoë")
MISSING = object()
NOW = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
EVERYTHING = 1_000_000

effects = sa.Table(
    "effects",
    sa.MetaData(),
    sa.Column("reader", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
)


class Killed(BaseException):
    """Simulate that the process dies here."""


def made(document: dict[str, Any], workspace: str = "acme") -> Event:
    """Decode an event as a door does."""
    return from_structured(msgspec.json.encode(document), now=NOW, workspace=workspace)


def account(number: int = 1, *, workspace: str = "acme", name: str = "Acme", **attributes: Any) -> Event:
    """Return an event whose identity is its number; another name is other content."""
    return made({**stories.account(f"A-{number}", name=name), **attributes}, workspace)


def whole_log(connection: sa.Connection) -> list[Recorded]:
    """Read the whole log."""
    return log.read(connection, after=0, limit=EVERYTHING)


def note_effects(connection: sa.Connection, batch: Sequence[Recorded], reader: str = "reader") -> None:
    """Handle events by one row each, which can't be written twice."""
    rows = [{"reader": reader, "position": recorded.position} for recorded in batch]
    connection.execute(effects.insert(), rows)


def effects_of(connection: sa.Connection, reader: str = "reader") -> list[int]:
    """Return the handled positions."""
    statement = sa.select(effects.c.position).where(effects.c.reader == reader).order_by(effects.c.position)
    return list(connection.scalars(statement))


def refusal(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> InvalidEvent | None:
    """Call a function; return the reason if it refuses. Any other exception fails the test."""
    try:
        work(*args, **kwargs)
    except InvalidEvent as error:
        return error
    return None


def structured(raw: bytes, workspace: str | None = "acme") -> Event:
    return from_structured(raw, now=NOW, workspace=workspace)


def binary(attributes: Mapping[str, str], raw: bytes, workspace: str | None = "acme") -> Event:
    return from_binary(attributes, raw, now=NOW, workspace=workspace)


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set one field, or remove it."""
    name, _, rest = path.partition(".")
    result = {**document, name: changed(document[name], rest, value) if rest else value}
    return {key: item for key, item in result.items() if item is not MISSING}


def in_parts(document: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """Write attributes as headers."""
    attributes = {key: value for key, value in document.items() if key != "data" and value is not None}
    return attributes, msgspec.json.encode(document["data"])
