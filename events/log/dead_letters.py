"""What could not become an event is kept, whole, with the reason: a bounded number of a workspace, told when it is full."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from events.contract.headers import Headers
from events.contract.remedies import remedy
from events.database import bulk
from events.database.locks import Lock, hold
from events.log.tables import dead_letter_totals, dead_letters

RAW_BYTES_MAX = 1024 * 1024
HEADERS_BYTES_MAX = 64 * 1024
DEALS_LETTERS_MAX = 20
NOBODY = ""  # the account of what is of no workspace that there is
PLACES_PER_LETTER = 10  # a place takes some hundred bytes
DISCARDED_AT_ONCE_MAX = 500

_COLUMNS = dead_letters.c
LAST_SEEN_FIRST = (_COLUMNS.last_seen_at.desc(), _COLUMNS.number.desc())
_KNOWN = (_COLUMNS.fingerprint, _COLUMNS.number, _COLUMNS.seen)


class Bounds(Struct, frozen=True):
    """How many dead letters of one workspace are kept, and how many bytes of them."""

    letters_max: int = 10_000
    bytes_max: int = 256 * 1024 * 1024


BOUNDS = Bounds()


class DeadLetter(Struct, frozen=True):
    """Something that could not be used.

    Attributes:
        workspace: Whose it is, or says that it is, if that is known.
        origin: Where it came from, such as `http` or `file:deals.jsonl:17`.
        reason: A stable code.
        detail: One sentence for a person.
        raw: The bytes as they came; beyond 1 MiB only the beginning is kept.
        field: The offending field, if there is one.
        headers: What came beside the bytes and is part of what was meant: in binary mode, the event's attributes.
        deal: The deal that it is about.
        place: Where its bytes are kept by others, such as a partition of Kafka's; none where its sender has to keep them.
        of_nobody: Whether there is no such workspace.
    """

    workspace: str | None
    origin: str
    reason: str
    detail: str
    raw: bytes
    field: str | None = None
    headers: Headers = ()
    deal: str | None = None
    place: str | None = None
    of_nobody: bool = False

    @property
    def account(self) -> str:
        """Under whose name it is counted."""
        return NOBODY if self.of_nobody or self.workspace is None else self.workspace


class Totals(Struct):
    """What is kept of one workspace, counted with each change.

    Attributes:
        account: The workspace; nothing for what is of none.
        letters: Dead letters that are kept whole.
        bytes: Their bytes.
        places: Those of which only where they are is kept.
        refused: What came since there was no more room, and was not kept whole.
        full_since: Since when there is no more room; none while there is.
    """

    account: str
    letters: int = 0
    bytes: int = 0
    places: int = 0
    refused: int = 0
    full_since: datetime | None = None

    def has_room(self, size: int, bounds: Bounds) -> bool:
        """Whether one more of so many bytes is kept."""
        return self.letters < bounds.letters_max and self.bytes + size <= bounds.bytes_max

    def reopen(self, bounds: Bounds) -> None:
        """Say that there is room again, once a tenth is free: so the alarm does not come and go with each letter."""
        if 10 * self.letters < 9 * bounds.letters_max and 10 * self.bytes < 9 * bounds.bytes_max:
            self.full_since, self.refused = None, 0


class Chosen(Struct, frozen=True):
    """Which dead letters are meant: of a workspace, or of none that there is; some by number, one reason's, or all."""

    workspace: str | None
    numbers: Sequence[int] = ()
    reason: str | None = None


class LettersWanted(Struct, frozen=True):
    """The filters of a list of dead letters; a dead letter has to meet every filter that is set."""

    reason: str | None = None
    deal: str | None = None
    origin: str | None = None
    since: datetime | None = None


def store_letters(
    connection: sa.Connection, letters: Sequence[DeadLetter], now: datetime, bounds: Bounds = BOUNDS
) -> list[bool]:
    """Keep dead letters; say of each whether it is. One that comes again from the same place is counted, not kept twice.

    Where there is no more room, those that somebody else keeps are noted by their place, or counted by it where there
    are too many for that as well. The others are not kept: their sender has to be told.
    """
    if not letters:
        return []
    hold(connection, Lock.LOG)  # numbers too are handed out in the order of commits
    rows = [_row(letter, now) for letter in letters]
    crowds = [_crowd(letter) for letter in letters]
    known = _known(connection, [row["fingerprint"] for row in rows] + [crowd for crowd in crowds if crowd])
    accounts = _accounts(connection, [row["account"] for row in rows])
    there, added, seen, kept = set(known), [], Counter[str](), []
    for row, crowd in zip(rows, crowds, strict=True):
        fitting = _fitting(row, crowd, there, accounts[row["account"]], bounds)
        kept.append(fitting is not None)
        if fitting is None:
            continue
        seen[fitting["fingerprint"]] += 1
        if fitting["fingerprint"] not in there:
            there.add(fitting["fingerprint"])
            added.append(fitting)
    again = [
        {"number": number, "seen": before + seen[fingerprint], "last_seen_at": now}
        for fingerprint, (number, before) in known.items()
        if fingerprint in seen
    ]
    bulk.update(connection, dead_letters, again)
    bulk.insert(connection, dead_letters, [{**row, "seen": seen[row["fingerprint"]]} for row in added])
    if added or not all(kept):
        _write(connection, accounts.values(), now, bounds)
    return kept


def _fitting(
    row: dict[str, Any], crowd: str | None, there: Collection[str], account: Totals, bounds: Bounds
) -> dict[str, Any] | None:
    """Return a row as there is room for it, and count it; none where there is no room at all."""
    if row["fingerprint"] in there:
        return row
    if account.has_room(row["kept_bytes"], bounds):
        account.letters += 1
        account.bytes += row["kept_bytes"]
        return row
    account.refused += 1
    if crowd is None:
        return None
    place = {**row, "raw": b"", "headers": None, "kept_bytes": None}
    if account.places >= PLACES_PER_LETTER * bounds.letters_max:
        place["fingerprint"] = crowd
    if place["fingerprint"] not in there:
        account.places += 1
    return place


def _row(letter: DeadLetter, now: datetime) -> dict[str, Any]:
    beginning = _beginning(letter.headers)
    headers = msgspec.json.encode(beginning).decode() if beginning else None
    raw = letter.raw[:RAW_BYTES_MAX]
    told_apart = (letter.workspace or "", letter.origin, letter.reason, *([headers] if headers else []))
    return {
        "fingerprint": _fingerprint(told_apart, letter.raw),
        "workspace": letter.workspace,
        "account": letter.account,
        "origin": letter.origin,
        "reason": letter.reason,
        "detail": letter.detail,
        "field": letter.field,
        "raw": raw,
        "raw_bytes": len(letter.raw),
        "kept_bytes": len(raw) + len(headers or ""),
        "seen": 1,
        "first_seen_at": now,
        "last_seen_at": now,
        "headers": headers,
        "deal": letter.deal,
    }


def _crowd(letter: DeadLetter) -> str | None:
    """Return what those have in common that are counted together, where they are too many."""
    return None if letter.place is None else _fingerprint((letter.account, letter.place, letter.reason), b"")


def _fingerprint(parts: Iterable[str], raw: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part}\0".encode())
    digest.update(raw)
    return digest.hexdigest()


def _known(connection: sa.Connection, prints: Iterable[str]) -> dict[str, tuple[int, int]]:
    found = bulk.fetch(
        connection, _KNOWN, (_COLUMNS.fingerprint,), dict.fromkeys((fingerprint,) for fingerprint in prints)
    )
    return {fingerprint: (number, seen) for fingerprint, number, seen in found}


def _accounts(connection: sa.Connection, names: Iterable[str]) -> dict[str, Totals]:
    columns = dead_letter_totals.c
    keys = dict.fromkeys((name,) for name in names)
    found = bulk.fetch(connection, list(columns), (columns.account,), keys)
    known = {row[0]: Totals(*row) for row in found}
    return {name: known.get(name) or Totals(name) for (name,) in keys}


def _write(connection: sa.Connection, accounts: Iterable[Totals], now: datetime, bounds: Bounds) -> None:
    for account in accounts:
        if account.refused and account.full_since is None:
            account.full_since = now
        account.reopen(bounds)
    bulk.upsert(connection, dead_letter_totals, [asdict(account) for account in accounts])


def totals(connection: sa.Connection) -> list[Totals]:
    """Return what is kept, of each workspace that anything was ever kept of."""
    found = connection.execute(sa.select(dead_letter_totals).order_by(dead_letter_totals.c.account))
    return [Totals(*row) for row in found]


def totals_of(connection: sa.Connection, workspace: str | None) -> Totals:
    """Return what is kept of a workspace, or of none that there is."""
    name = workspace or NOBODY
    return _accounts(connection, [name])[name]


def discard(
    connection: sa.Connection,
    chosen: Chosen,
    now: datetime,
    bounds: Bounds = BOUNDS,
    limit: int = DISCARDED_AT_ONCE_MAX,
) -> int:
    """Delete dead letters that are meant, the first ones first, as many as one transaction may take; say how many."""
    hold(connection, Lock.LOG)
    statement = (
        sa.select(_COLUMNS.number, _COLUMNS.account, _COLUMNS.kept_bytes)
        .where(*_meant(chosen))
        .order_by(_COLUMNS.number)
        .limit(limit)
    )
    found = connection.execute(statement).all()
    accounts = _accounts(connection, [letter.account for letter in found])
    for letter in found:
        account = accounts[letter.account]
        if letter.kept_bytes is None:
            account.places -= 1
        else:
            account.letters -= 1
            account.bytes -= letter.kept_bytes
    bulk.delete(connection, dead_letters, [_COLUMNS.number], [(letter.number,) for letter in found])
    _write(connection, accounts.values(), now, bounds)
    return len(found)


def meant(connection: sa.Connection, chosen: Chosen) -> int:
    """Count the dead letters that are meant."""
    return connection.scalar(sa.select(sa.func.count()).where(*_meant(chosen))) or 0


def _meant(chosen: Chosen) -> list[sa.ColumnElement[bool]]:
    return [
        _COLUMNS.account == NOBODY if chosen.workspace is None else _COLUMNS.workspace == chosen.workspace,
        *([_COLUMNS.number.in_(chosen.numbers)] if chosen.numbers else []),
        *([_COLUMNS.reason == chosen.reason] if chosen.reason is not None else []),
    ]


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


def listed(connection: sa.Connection, workspace: str | None, limit: int = 1000) -> list[dict[str, Any]]:
    """Return the dead letters of a workspace, or of none, the last seen first, without their bytes; with what to do."""
    return _listed(connection, limit, LAST_SEEN_FIRST, *_meant(Chosen(workspace)))


def page(
    connection: sa.Connection,
    workspace: str,
    limit: int,
    wanted: LettersWanted,
    after: Sequence[str | int] | None,
) -> list[dict[str, Any]]:
    """Return dead letters as `listed` does, the highest number first, below the number that `after` holds.

    Numbers never change, so one that comes again between two pages is not left out.
    """
    where = _meant(Chosen(workspace, reason=wanted.reason))
    where += [_COLUMNS.deal == wanted.deal] if wanted.deal is not None else []
    where += [_COLUMNS.origin == wanted.origin] if wanted.origin is not None else []
    where += [_COLUMNS.last_seen_at >= wanted.since] if wanted.since is not None else []
    where += [_COLUMNS.number < after[0]] if after is not None else []
    return _listed(connection, limit, (_COLUMNS.number.desc(),), *where)


def of_deal(
    connection: sa.Connection, workspace: str, deal: str, limit: int = DEALS_LETTERS_MAX
) -> list[dict[str, Any]]:
    """Return the dead letters that are about a deal, as `listed` does."""
    return _listed(connection, limit, LAST_SEEN_FIRST, *_meant(Chosen(workspace)), _COLUMNS.deal == deal)


def whole(connection: sa.Connection, workspace: str | None, number: int) -> dict[str, Any] | None:
    """Return one dead letter as `listed` does, with its `raw` bytes and its `headers`; none if there is no such."""
    chosen = _meant(Chosen(workspace, (number,)))
    found = _listed(connection, 1, LAST_SEEN_FIRST, *chosen)
    if not found:
        return None
    raw, headers = connection.execute(sa.select(_COLUMNS.raw, _COLUMNS.headers).where(*chosen)).one()
    return {**found[0], "headers": headers_of(headers), "raw": raw}


def _listed(
    connection: sa.Connection,
    limit: int,
    order: Sequence[sa.ColumnElement[Any]],
    *where: sa.ColumnElement[bool],
) -> list[dict[str, Any]]:
    hidden = {"raw", "headers", "fingerprint", "workspace", "account", "kept_bytes"}
    columns = [column for column in _COLUMNS if column.name not in hidden]
    statement = (
        sa.select(*columns, _COLUMNS.kept_bytes.is_not(None).label("kept"))
        .where(*where)
        .order_by(*order)
        .limit(limit)
    )
    return [
        {
            **row,
            "kept": bool(row["kept"]),
            "remedy": remedy(row["reason"], row["field"], kept=bool(row["kept"])),
        }
        for row in connection.execute(statement).mappings()
    ]
