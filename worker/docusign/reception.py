"""Whether DocuSign's messages are taken: how many, since when, and why not; counted, and nothing of them kept.

Anybody may knock at the door, so what is stored here of what is not authenticated is a number and two instants for
each reason. What comes often is summed up in memory, and written once a second.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from events.database import bulk
from events.log.tables import UtcInstant, metadata
from worker.workspaces.docusign_keys import docusign_keys

# What else a message is counted under: `signed` shows that the keys are right, though it may be of no use otherwise;
# `unfinished` that a recipient's message told of a completed envelope, whose own message has to follow.
ACCEPTED, SIGNED, COMPLETED, IGNORED, UNFINISHED = "accepted", "signed", "completed", "ignored", "unfinished"
# Reasons of a refusal. What is wrong with keys is over once a message is accepted; what is wrong with a message is not,
# since the next one may be another envelope's.
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
    """How often something was the outcome.

    Attributes:
        messages: How often, in all.
        first_at: When for the first time.
        last_at: When for the last time.
        since: When it began to be so, if it is still not over.
    """

    messages: int
    first_at: datetime
    last_at: datetime
    since: datetime | None = None

    def and_again(self, at: datetime) -> "Count":
        """Return the count with one more."""
        return Count(self.messages + 1, self.first_at, at)

    def and_then(self, later: "Count") -> "Count":
        """Return the count with what came after it."""
        return Count(self.messages + later.messages, self.first_at, later.last_at)


Counts = Mapping[str, Count]


class Noted(Struct, frozen=True):
    """What came since it was written down last: outcomes by workspace, and when which key fitted."""

    outcomes: Mapping[tuple[str, str], Count]
    verified: Mapping[int, datetime]


def write(connection: sa.Connection, noted: Noted) -> None:
    """Add what came to what is counted; whoever writes at the same time waits, and never deadlocks."""
    rows = sorted(noted.outcomes.items())
    absent = [
        {"workspace": workspace, "outcome": outcome, "messages": 0, "since": None, **_instants(count)}
        for (workspace, outcome), count in rows
    ]
    bulk.insert_absent(connection, docusign_reception, absent)
    key = (_COLUMNS.workspace, _COLUMNS.outcome)
    changed = {(workspace, name) for (workspace, of), _ in rows for name in (of, *_ends(of))}
    bulk.lock(connection, key, key, sorted(changed), key)
    for (workspace, outcome), count in rows:
        given = {"in_": workspace, "of_": outcome, "more": count.messages}
        connection.execute(_COUNT, {**given, "last": count.last_at, "first": count.first_at})
    for (workspace, outcome), count in rows:
        for over in _ends(outcome):
            connection.execute(_OVER, {"in_": workspace, "of_": over, "by": count.last_at})
    for number, at in sorted(noted.verified.items()):
        connection.execute(_VERIFIED, {"which": number, "last": at})


def read(connection: sa.Connection, workspace: str | None = None) -> dict[str, dict[str, Count]]:
    """Return what is counted, by workspace and outcome; of all workspaces unless one is named."""
    statement = sa.select(docusign_reception)
    if workspace is not None:
        statement = statement.where(_COLUMNS.workspace == workspace)
    found: dict[str, dict[str, Count]] = {}
    for row in connection.execute(statement):
        count = Count(row.messages, row.first_at, row.last_at, row.since)
        found.setdefault(row.workspace, {})[row.outcome] = count
    return found


def seen(connection: sa.Connection, workspace: str, now: datetime) -> bool:
    """Put down as over what a person has seen to: messages that were refused, and were sent again; say if there were."""
    of = ({"in_": workspace, "of_": outcome, "by": now} for outcome in (*REFUSALS, UNFINISHED))
    return sum([connection.execute(_OVER, values).rowcount for values in of]) > 0


def _ends(outcome: str) -> Iterable[str]:
    """Say what is over once something has come."""
    if outcome in {ACCEPTED, SIGNED}:
        return OF_KEYS
    return (UNFINISHED,) if outcome == COMPLETED else ()


def _instants(count: Count) -> dict[str, datetime]:
    return {"first_at": count.first_at, "last_at": count.last_at}
