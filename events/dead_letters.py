"""What could not become an event is kept, whole, with the reason."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events import bulk
from events.locks import Lock, hold
from events.tables import dead_letters

RAW_BYTES_MAX = 1024 * 1024
HEADERS_BYTES_MAX = 64 * 1024

Headers = Sequence[tuple[str, bytes | None]]

_COUNT = (
    dead_letters.update()
    .where(dead_letters.c.fingerprint == sa.bindparam("known"))
    .values(seen=dead_letters.c.seen + 1, last_seen_at=sa.bindparam("now"))
)


class DeadLetter(Struct, frozen=True):
    """Something that could not be used.

    Attributes:
        workspace: Whose it is, if that is known.
        origin: Where it came from, such as `http` or `file:deals.jsonl:17`.
        reason: A stable code.
        detail: One sentence for a person.
        raw: The bytes as they came; beyond 1 MiB only the beginning is kept.
        field: The offending field, if there is one.
        headers: What came beside the bytes and is part of what was meant: in binary mode, the event's attributes.
    """

    workspace: str | None
    origin: str
    reason: str
    detail: str
    raw: bytes
    field: str | None = None
    headers: Headers = ()


def bury(connection: sa.Connection, letter: DeadLetter, now: datetime) -> None:
    """Keep a dead letter; one that comes again from the same place is counted, not kept twice."""
    kept = _beginning(letter.headers)
    headers = msgspec.json.encode(kept).decode() if kept else None
    digest = hashlib.sha256()
    for part in (letter.workspace or "", letter.origin, letter.reason, *([headers] if headers else [])):
        digest.update(f"{part}\0".encode())
    digest.update(letter.raw)
    fingerprint = digest.hexdigest()
    row = {
        "fingerprint": fingerprint,
        "workspace": letter.workspace,
        "origin": letter.origin,
        "reason": letter.reason,
        "detail": letter.detail,
        "field": letter.field,
        "raw": letter.raw[:RAW_BYTES_MAX],
        "raw_bytes": len(letter.raw),
        "seen": 1,
        "first_seen_at": now,
        "last_seen_at": now,
        "headers": headers,
    }
    hold(connection, Lock.LOG)  # numbers too are handed out in the order of commits
    counted = connection.execute(_COUNT, {"known": fingerprint, "now": now})
    if not counted.rowcount:
        bulk.insert(connection, dead_letters, [row])


def headers_of(encoded: str | None) -> list[tuple[str, bytes | None]]:
    """Read the headers of a dead letter as they are kept."""
    return [] if encoded is None else msgspec.json.decode(encoded, type=list[tuple[str, bytes | None]])


def _beginning(headers: Headers) -> list[tuple[str, bytes | None]]:
    """Return as many headers as are kept."""
    kept, size = [], 0
    for name, value in headers:
        size += len(name.encode()) + len(value or b"")
        if size > HEADERS_BYTES_MAX:
            break
        kept.append((name, value))
    return kept


def listed(connection: sa.Connection, workspace: str, limit: int = 1000) -> list[dict[str, Any]]:
    """Return the dead letters of a workspace, the last seen first, without their bytes."""
    hidden = {"raw", "headers", "fingerprint", "workspace"}
    columns = [column for column in dead_letters.c if column.name not in hidden]
    statement = (
        sa.select(*columns)
        .where(dead_letters.c.workspace == workspace)
        .order_by(dead_letters.c.last_seen_at.desc(), dead_letters.c.number.desc())
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]
