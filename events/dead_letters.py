"""What could not become an event is kept, whole, with the reason."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events import bulk
from events.about import deal_of
from events.headers import Headers
from events.locks import Lock, hold
from events.tables import dead_letters

RAW_BYTES_MAX = 1024 * 1024
HEADERS_BYTES_MAX = 64 * 1024

DEALS_LETTERS_MAX = 20
AGAIN = "Correct it where it was made, and send it again."
REMEDIES = {
    "content_type_unsupported": "Send it as JSON: application/cloudevents+json, or application/json as data.",
    "deal_id_missing": "Give the envelope a custom field deal_id in DocuSign, and have Connect send it again.",
    "envelope_data_missing": "Include the envelope's data, with custom fields, in DocuSign's Connect configuration, and have it send again.",
    "format_unsupported": "Choose JSON SIM in DocuSign's Connect configuration, and have it send again.",
    "header_malformed": "Percent-encode attributes in headers as CloudEvents' HTTP binding says, and send it again.",
    "identity_conflict": "Send what has changed as an event of its own, with another id.",
    "source_reserved": "Name the producer in source, and send it again.",
    "too_large": "Send it again without what an invoice does not need.",
    "type_not_accepted": "Send it as one of the types that producers may send.",
    "type_unknown": "Send it again with one of the types that are known here.",
    "undecodable": "Send it again whole, as JSON in UTF-8.",
    "value_missing": "Send what has become of it instead of deleting the message.",
    "version_unknown": "Send it again in a version that is known here.",
    "workspace_mismatch": "Send it with the token of its own workspace.",
    "workspace_missing": "Send it again with the attribute workspace.",
    "workspace_unknown": "Add the workspace (q2c workspace add), or correct the attribute workspace, and send it again.",
}

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
        deal: The deal that it is about; where that is not given, what the bytes and headers say.
        headers: What came beside the bytes and is part of what was meant: in binary mode, the event's attributes.
    """

    workspace: str | None
    origin: str
    reason: str
    detail: str
    raw: bytes
    field: str | None = None
    headers: Headers = ()
    deal: str | None = None


def remedy(reason: str, field: str | None) -> str:
    """Say what to do about a dead letter."""
    if reason == "schema_invalid" and field:
        return f"Correct {field} where it was made, and send it again."
    return REMEDIES.get(reason, AGAIN)


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
        "deal": letter.deal or deal_of(letter.raw, letter.headers),
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
    """Return the dead letters of a workspace, the last seen first, without their bytes; with what to do."""
    return _listed(connection, limit, dead_letters.c.workspace == workspace)


def of_deal(
    connection: sa.Connection, workspace: str, deal: str, limit: int = DEALS_LETTERS_MAX
) -> list[dict[str, Any]]:
    """Return the dead letters that are about a deal, as `listed` does."""
    return _listed(connection, limit, dead_letters.c.workspace == workspace, dead_letters.c.deal == deal)


def _listed(connection: sa.Connection, limit: int, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    hidden = {"raw", "headers", "fingerprint", "workspace"}
    columns = [column for column in dead_letters.c if column.name not in hidden]
    statement = (
        sa.select(*columns)
        .where(*where)
        .order_by(dead_letters.c.last_seen_at.desc(), dead_letters.c.number.desc())
        .limit(limit)
    )
    return [
        {**row, "remedy": remedy(row["reason"], row["field"])}
        for row in connection.execute(statement).mappings()
    ]
