"""Counts of DocuSign's messages by outcome, with the instants of the first and last; the messages are not stored.

Anybody can send to the door, so for messages that are not authenticated, only a count and instants are stored for each
reason. Frequent messages are added up in memory, and written once a second.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from events.database import bulk
from events.log.tables import UtcInstant, metadata
from worker.workspaces.docusign_keys import docusign_keys

# Further outcomes of a message: `signed` shows that the keys are right, even if the message is invalid otherwise;
# `unfinished` that a recipient's message showed a completed envelope, whose own message has to follow.
ACCEPTED, SIGNED, COMPLETED, IGNORED, UNFINISHED = "accepted", "signed", "completed", "ignored", "unfinished"
# Reasons of a refusal. A problem with keys ends when a message is accepted; a problem with a message does not, since the
# next message may be about another envelope.
OF_KEYS = ("key_missing", "key_unreadable", "signature_missing", "signature_invalid")
OF_MESSAGES = ("too_large", "format_unsupported", "envelope_data_missing", "unusable")
REFUSALS = (*OF_KEYS, *OF_MESSAGES)

docusign_reception = sa.Table(
    "docusign_reception",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("messages", sa.BigInteger, nullable=False),
    sa.Column("first_at", UtcInstant, nullable=False),
    sa.Column("last_at", UtcInstant, nullable=False),
    sa.Column("since", UtcInstant),
)

_COLUMNS = docusign_reception.c
_ONE = sa.and_(_COLUMNS.workspace == sa.bindparam("in_"), _COLUMNS.outcome == sa.bindparam("of_"))
_COUNT = (
    docusign_reception.update()
    .where(_ONE)
    .values(
        messages=_COLUMNS.messages + sa.bindparam("more"),
        last_at=sa.bindparam("last"),
        since=sa.func.coalesce(_COLUMNS.since, sa.bindparam("first", type_=UtcInstant())),
    )
)
_OVER = (
    docusign_reception.update()
    .where(_ONE, _COLUMNS.since.is_not(None), _COLUMNS.last_at <= sa.bindparam("by", type_=UtcInstant()))
    .values(since=None)
)
_VERIFIED = (
    docusign_keys.update()
    .where(docusign_keys.c.number == sa.bindparam("which"))
    .values(verified_at=sa.bindparam("last", type_=UtcInstant()))
)


class Count(Struct, frozen=True):
    """The count of an outcome.

    Attributes:
        messages: The number of messages.
        first_at: When the first one came.
        last_at: When the last one came.
        since: When the problem began, if it has not ended.
    """

    messages: int
    first_at: datetime
    last_at: datetime
    since: datetime | None = None

    def and_again(self, at: datetime) -> "Count":
        """Return the count with one more message."""
        return Count(self.messages + 1, self.first_at, at)

    def and_then(self, later: "Count") -> "Count":
        """Return the sum of this count and a later one."""
        return Count(self.messages + later.messages, self.first_at, later.last_at)


Counts = Mapping[str, Count]


class Noted(Struct, frozen=True):
    """The messages since the last write: counts by workspace and outcome, and when each key last matched."""

    outcomes: Mapping[tuple[str, str], Count]
    verified: Mapping[int, datetime]


def write(connection: sa.Connection, noted: Noted) -> None:
    """Add new counts to the stored ones; concurrent writers wait for each other, and never deadlock."""
    rows = sorted(noted.outcomes.items())
    absent = [
        {"workspace": workspace, "outcome": outcome, "messages": 0, "since": None, **_instants(count)}
        for (workspace, outcome), count in rows
    ]
    bulk.insert_absent(connection, docusign_reception, absent)
    # Only locked rows are updated: a row that another writer has inserted since may be locked in another order by now.
    locked = _lock(
        connection, {(workspace, name) for (workspace, of), _ in rows for name in (of, *_ends(of))}
    )
    for (workspace, outcome), count in rows:
        given = {"in_": workspace, "of_": outcome, "more": count.messages}
        connection.execute(_COUNT, {**given, "last": count.last_at, "first": count.first_at})
    for (workspace, outcome), count in rows:
        for over in _ends(outcome):
            if (workspace, over) in locked:
                connection.execute(_OVER, {"in_": workspace, "of_": over, "by": count.last_at})
    for number, at in sorted(noted.verified.items()):
        connection.execute(_VERIFIED, {"which": number, "last": at})


def read(connection: sa.Connection, workspace: str | None = None) -> dict[str, dict[str, Count]]:
    """Return the counts by workspace and outcome, of one workspace or of all."""
    statement = sa.select(docusign_reception)
    if workspace is not None:
        statement = statement.where(_COLUMNS.workspace == workspace)
    found: dict[str, dict[str, Count]] = {}
    for row in connection.execute(statement):
        count = Count(row.messages, row.first_at, row.last_at, row.since)
        found.setdefault(row.workspace, {})[row.outcome] = count
    return found


def acknowledge(connection: sa.Connection, workspace: str, now: datetime) -> bool:
    """End the problems that a person has corrected, after DocuSign sent the messages again; return whether there were any."""
    locked = _lock(connection, {(workspace, outcome) for outcome in (*REFUSALS, UNFINISHED)})
    of = ({"in_": workspace, "of_": outcome, "by": now} for _, outcome in locked)
    return sum([connection.execute(_OVER, values).rowcount for values in of]) > 0


def _lock(connection: sa.Connection, rows: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Lock the rows that exist, in an order that all writers keep; return their keys."""
    key = (_COLUMNS.workspace, _COLUMNS.outcome)
    return {(workspace, outcome) for workspace, outcome in bulk.lock(connection, key, key, sorted(rows), key)}


def _ends(outcome: str) -> Iterable[str]:
    """Return the outcomes whose problem ends with an outcome."""
    if outcome in {ACCEPTED, SIGNED}:
        return OF_KEYS
    return (UNFINISHED,) if outcome == COMPLETED else ()


def _instants(count: Count) -> dict[str, datetime]:
    return {"first_at": count.first_at, "last_at": count.last_at}
