"""Dead letters: messages that could not become events, stored whole with the reason, up to a limit for each workspace."""

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
from events.database.locks import Lock, acquire
from events.log.tables import dead_letter_totals, dead_letters

RAW_BYTES_MAX = 1024 * 1024
HEADERS_BYTES_MAX = 64 * 1024
DEALS_LETTERS_MAX = 20
NO_WORKSPACE = ""  # the account of dead letters without a known workspace
PLACES_PER_LETTER = 10  # a place takes some hundred bytes
DISCARDED_AT_ONCE_MAX = 500

_COLUMNS = dead_letters.c
LAST_SEEN_FIRST = (_COLUMNS.last_seen_at.desc(), _COLUMNS.number.desc())
_KNOWN = (_COLUMNS.fingerprint, _COLUMNS.number, _COLUMNS.seen)


class LetterLimits(Struct, frozen=True):
    """The largest number of a workspace's dead letters, and of their bytes."""

    letters_max: int = 10_000
    bytes_max: int = 256 * 1024 * 1024


LIMITS = LetterLimits()


class NewDeadLetter(Struct, frozen=True):
    """A message that could not become an event.

    Attributes:
        workspace: The workspace that it belongs to, or claims to belong to, if known.
        origin: The source, such as `http` or `file:deals.jsonl:17`.
        reason: A stable code.
        detail: One sentence for a person.
        raw: The bytes as received; beyond 1 MiB only the beginning is stored.
        field: The offending field, if there is one.
        headers: The headers that belong to the message: in binary mode, the event's attributes.
        deal: The deal that it is about.
        place: The place that still has its bytes, such as a partition of Kafka; none if only its sender has them.
        of_nobody: Whether the workspace does not exist.
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
        """The account under which it is counted: its workspace, or NO_WORKSPACE."""
        return NO_WORKSPACE if self.of_nobody or self.workspace is None else self.workspace


class Totals(Struct):
    """The numbers of one workspace's dead letters, updated with each change.

    Attributes:
        account: The workspace, or NO_WORKSPACE.
        letters: The dead letters that are stored whole.
        bytes: Their bytes.
        places: The dead letters of which only the place is stored.
        refused: The dead letters that were not stored whole since the limit was reached.
        full_since: When the limit was reached; none while there is room.
    """

    account: str
    letters: int = 0
    bytes: int = 0
    places: int = 0
    refused: int = 0
    full_since: datetime | None = None

    def has_room(self, size_bytes: int, limits: LetterLimits) -> bool:
        """Return whether a further dead letter of a size can be stored whole."""
        return self.letters < limits.letters_max and self.bytes + size_bytes <= limits.bytes_max

    def reopen(self, limits: LetterLimits) -> None:
        """End the alarm once a tenth of the limits is free, so that single letters don't switch it on and off."""
        if 10 * self.letters < 9 * limits.letters_max and 10 * self.bytes < 9 * limits.bytes_max:
            self.full_since, self.refused = None, 0


class LetterSelection(Struct, frozen=True):
    """A selection of a workspace's dead letters, by numbers or by reason, or all; without a workspace, NO_WORKSPACE's."""

    workspace: str | None
    numbers: Sequence[int] = ()
    reason: str | None = None


class LetterFilter(Struct, frozen=True):
    """The filters of a list of dead letters; a dead letter has to meet every filter that is set."""

    reason: str | None = None
    deal: str | None = None
    origin: str | None = None
    since: datetime | None = None


def store_letters(
    connection: sa.Connection, letters: Sequence[NewDeadLetter], now: datetime, limits: LetterLimits = LIMITS
) -> list[bool]:
    """Store dead letters; return for each whether it was stored. A repeat is counted at the first one.

    At the limit, only the place of a dead letter is stored, if another system still has its bytes; beyond a limit of
    places, it is counted at the first one of its place. All others are not stored, and their sender has to be told.
    """
    if not letters:
        return []
    acquire(connection, Lock.LOG)  # so that dead letters are numbered in the order of commits too
    rows = [_row(letter, now) for letter in letters]
    groups = [_group(letter) for letter in letters]
    known = _known(connection, [row["fingerprint"] for row in rows] + [group for group in groups if group])
    accounts = _accounts(connection, [row["account"] for row in rows])
    stored, added, seen, kept = set(known), [], Counter[str](), []
    for row, group in zip(rows, groups, strict=True):
        fitting = _fitting(row, group, stored, accounts[row["account"]], limits)
        kept.append(fitting is not None)
        if fitting is None:
            continue
        seen[fitting["fingerprint"]] += 1
        if fitting["fingerprint"] not in stored:
            stored.add(fitting["fingerprint"])
            added.append(fitting)
    again = [
        {"number": number, "seen": before + seen[fingerprint], "last_seen_at": now}
        for fingerprint, (number, before) in known.items()
        if fingerprint in seen
    ]
    bulk.update(connection, dead_letters, again)
    bulk.insert(connection, dead_letters, [{**row, "seen": seen[row["fingerprint"]]} for row in added])
    if added or not all(kept):
        _write(connection, accounts.values(), now, limits)
    return kept


def _fitting(
    row: dict[str, Any], group: str | None, stored: Collection[str], account: Totals, limits: LetterLimits
) -> dict[str, Any] | None:
    """Return the row as the limits allow, whole or with its place only, and count it; none if it can't be stored."""
    if row["fingerprint"] in stored:
        return row
    if account.has_room(row["kept_bytes"], limits):
        account.letters += 1
        account.bytes += row["kept_bytes"]
        return row
    account.refused += 1
    if group is None:
        return None
    place = {**row, "raw": b"", "headers": None, "kept_bytes": None}
    if account.places >= PLACES_PER_LETTER * limits.letters_max:
        place["fingerprint"] = group
    if place["fingerprint"] not in stored:
        account.places += 1
    return place


def _row(letter: NewDeadLetter, now: datetime) -> dict[str, Any]:
    beginning = _beginning(letter.headers)
    headers = msgspec.json.encode(beginning).decode() if beginning else None
    raw = letter.raw[:RAW_BYTES_MAX]
    identity = (letter.workspace or "", letter.origin, letter.reason, *([headers] if headers else []))
    return {
        "fingerprint": _fingerprint(identity, letter.raw),
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


def _group(letter: NewDeadLetter) -> str | None:
    """Return the fingerprint of the dead letters that are counted together beyond the limit of places."""
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


def _write(
    connection: sa.Connection, accounts: Iterable[Totals], now: datetime, limits: LetterLimits
) -> None:
    for account in accounts:
        if account.refused and account.full_since is None:
            account.full_since = now
        account.reopen(limits)
    bulk.upsert(connection, dead_letter_totals, [asdict(account) for account in accounts])


def totals(connection: sa.Connection) -> list[Totals]:
    """Return the totals of each workspace that ever had a dead letter."""
    found = connection.execute(sa.select(dead_letter_totals).order_by(dead_letter_totals.c.account))
    return [Totals(*row) for row in found]


def totals_of(connection: sa.Connection, workspace: str | None) -> Totals:
    """Return the totals of a workspace; without one, NO_WORKSPACE's."""
    name = workspace or NO_WORKSPACE
    return _accounts(connection, [name])[name]


def discard(
    connection: sa.Connection,
    selection: LetterSelection,
    now: datetime,
    limits: LetterLimits = LIMITS,
    limit: int = DISCARDED_AT_ONCE_MAX,
) -> int:
    """Delete the selected dead letters, oldest first and at most `limit`; return how many."""
    acquire(connection, Lock.LOG)
    statement = (
        sa.select(_COLUMNS.number, _COLUMNS.account, _COLUMNS.kept_bytes)
        .where(*_conditions(selection))
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
    _write(connection, accounts.values(), now, limits)
    return len(found)


def count(connection: sa.Connection, selection: LetterSelection) -> int:
    """Count the selected dead letters."""
    return connection.scalar(sa.select(sa.func.count()).where(*_conditions(selection))) or 0


def _conditions(selection: LetterSelection) -> list[sa.ColumnElement[bool]]:
    workspace = selection.workspace
    return [
        _COLUMNS.account == NO_WORKSPACE if workspace is None else _COLUMNS.workspace == workspace,
        *([_COLUMNS.number.in_(selection.numbers)] if selection.numbers else []),
        *([_COLUMNS.reason == selection.reason] if selection.reason is not None else []),
    ]


def headers_of(encoded: str | None) -> list[tuple[str, bytes | None]]:
    """Decode the stored headers of a dead letter."""
    return [] if encoded is None else msgspec.json.decode(encoded, type=list[tuple[str, bytes | None]])


def _beginning(headers: Headers) -> list[tuple[str, bytes | None]]:
    """Return the first headers, up to HEADERS_BYTES_MAX."""
    kept, size = [], 0
    for name, value in headers:
        size += len(name.encode()) + len(value or b"")
        if size > HEADERS_BYTES_MAX:
            break
        kept.append((name, value))
    return kept


def listed(connection: sa.Connection, workspace: str | None, limit: int = 1000) -> list[dict[str, Any]]:
    """Return a workspace's dead letters, last seen first, without their bytes and with their remedies."""
    return _listed(connection, limit, LAST_SEEN_FIRST, *_conditions(LetterSelection(workspace)))


def page(
    connection: sa.Connection,
    workspace: str,
    limit: int,
    wanted: LetterFilter,
    after: Sequence[str | int] | None,
) -> list[dict[str, Any]]:
    """Return dead letters as `listed` does, by falling number, below the number in `after`.

    Numbers never change, so a dead letter that is repeated between two pages is not skipped.
    """
    where = _conditions(LetterSelection(workspace, reason=wanted.reason))
    where += [_COLUMNS.deal == wanted.deal] if wanted.deal is not None else []
    where += [_COLUMNS.origin == wanted.origin] if wanted.origin is not None else []
    where += [_COLUMNS.last_seen_at >= wanted.since] if wanted.since is not None else []
    where += [_COLUMNS.number < after[0]] if after is not None else []
    return _listed(connection, limit, (_COLUMNS.number.desc(),), *where)


def of_deal(
    connection: sa.Connection, workspace: str, deal: str, limit: int = DEALS_LETTERS_MAX
) -> list[dict[str, Any]]:
    """Return the dead letters that are about a deal, as `listed` does."""
    where = _conditions(LetterSelection(workspace))
    return _listed(connection, limit, LAST_SEEN_FIRST, *where, _COLUMNS.deal == deal)


def whole(connection: sa.Connection, workspace: str | None, number: int) -> dict[str, Any] | None:
    """Return one dead letter as `listed` does, with its `raw` bytes and its `headers`; none if it does not exist."""
    where = _conditions(LetterSelection(workspace, (number,)))
    found = _listed(connection, 1, LAST_SEEN_FIRST, *where)
    if not found:
        return None
    raw, headers = connection.execute(sa.select(_COLUMNS.raw, _COLUMNS.headers).where(*where)).one()
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
