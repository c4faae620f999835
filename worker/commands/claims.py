"""Claim commands by lease and fence, and release them: short transactions.

A command is claimed for a bounded time. Every later transaction compares its fence, to prove that no other dispatcher
has claimed the command since; a dispatcher whose lease has expired finds a higher fence, and changes nothing.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events import leases
from events.database import bulk
from events.database.bulk import Row
from events.database.locks import Lock, acquire
from worker.commands import candidates, companies
from worker.commands.candidates import Candidate
from worker.commands.claimed import Claimed, Earlier
from worker.commands.freezing import frozen, today
from worker.commands.identity import CommandKey
from worker.commands.kinds.all import CREATES, READINGS, UPDATES
from worker.commands.table import commands, realms


class Timing(Struct, frozen=True):
    """The durations that decide about claims, look-ups and pauses.

    Attributes:
        request_seconds: The client's own timeout for one request; as long may pass before it is sent.
        settle_seconds: How long QuickBooks may still apply a request after its timeout.
        look_up_after_seconds: A command whose cause is older is looked up before its first send.
        throttled_seconds: How long no request is sent for a realm after a 429.
        began_at: When this process began to serve. If the store was restored from a backup, older commands may have
            been sent after that backup, without a trace in the store.
    """

    request_seconds: float = 30
    settle_seconds: float = 120
    look_up_after_seconds: float = 900
    throttled_seconds: float = 60
    began_at: datetime | None = None

    @property
    def lease(self) -> timedelta:
        """How long a claim holds: three tries of a look-up, a token refresh, a send that begins late, and the settling."""
        return timedelta(seconds=6 * self.request_seconds + self.settle_seconds)

    @property
    def settle(self) -> timedelta:
        """How long "not found" is not final: a request may begin late, time out, and be applied all the same."""
        return timedelta(seconds=2 * self.request_seconds + self.settle_seconds)


class LeaseLost(Exception):
    """Another dispatcher has claimed the command since; it finds the command's outcome out by itself."""


def claim(
    connection: sa.Connection, timing: Timing, holder: str, now: datetime, *, slots: int, per_realm: int
) -> list[Claimed]:
    """Claim due commands, fairly over realms: the oldest command of each realm, then the second of each.

    `slots` are free. A realm gets one only while it has fewer commands in flight than there are free slots, so that a few
    backlogs leave slots for others.

    No command is claimed from a realm that is paused, disconnected or throttled, that has `per_realm` commands in
    flight, or that another dispatcher holds, since the dispatcher that sends has to know all requests of the last minute.
    An expired lease means that its dispatcher died: the command may have been sent, so it is uncertain.

    For a command that needs no look-up, the claim also stores that it is sent now, which saves a transaction.
    """
    acquire(connection, Lock.COMMANDS)
    chosen = candidates.choose(connection, timing.lease, now, holder=holder, slots=slots, per_realm=per_realm)
    key = (commands.c.request_id,)
    rows = bulk.lock(
        connection, tuple(commands.c), key, [(candidate.due.request_id,) for candidate in chosen], key
    )
    found = {row["request_id"]: row for row in (dict(zip(_NAMES, values, strict=True)) for values in rows)}
    taken = [
        _claimed(found[candidate.due.request_id], candidate, holder, now)
        for candidate in chosen
        if _is_as_it_was(found[candidate.due.request_id], candidate)
    ]
    claimed = [_noted(command, timing, now) for command in _with_earlier(connection, taken)]
    leased_until = now + timing.lease
    bulk.update(connection, commands, [_lease(command, leased_until) for command in claimed])
    before = companies.lock(connection, {command.realm for command in claimed})
    kept = {name: companies.kept(company, holder, now) for name, company in before.items()}
    companies.change(connection, before, kept)
    return claimed


def needs_look_up(command: Claimed, timing: Timing, now: datetime) -> bool:
    """Return whether QuickBooks may already have applied the command.

    It may if the command or one of its earlier generations was sent, or if it was sent before the store was restored
    from a backup. A restored store does not show that, but such a command was decided before: so a command is looked up
    if it was decided before this process began, or if its cause is old. So is a command with a time in the future: a
    clock was set back, and the command's age is unknown.

    An update is not looked up for its age: sent again, QuickBooks answers its `requestid` as before, or refuses it because
    the object has another version.
    """
    wished_at = min(command.cause_at, command.created_at)
    restored = timing.began_at is not None and wished_at < timing.began_at
    age = (now - command.cause_at).total_seconds()
    long_ago = age > timing.look_up_after_seconds and command.key.kind not in UPDATES
    set_back = max(command.cause_at, command.created_at) > leases.latest_end(timedelta(0), now)
    return command.uncertain or bool(command.earlier) or restored or long_ago or set_back


def release_realms(connection: sa.Connection, holder: str) -> None:
    """Release the realms of a dispatcher that stops, so that other dispatchers can claim from them."""
    connection.execute(realms.update().where(realms.c.holder == holder).values(holder=None, held_until=None))


def _is_as_it_was(row: Row, candidate: Candidate) -> bool:
    """Return whether a command has not changed since it was chosen: the holder of an old lease may have finished it."""
    return (row["fence"], row["status"]) == (candidate.due.fence, candidate.due.status)


def _claimed(row: Row, candidate: Candidate, holder: str, now: datetime) -> Claimed:
    return Claimed(
        key=CommandKey(row["workspace"], row["subject"], row["kind"], row["part"], row["generation"]),
        request_id=row["request_id"],
        realm=row["realm"],
        holder=holder,
        body=_sent_body(row, today(candidate.company.time_zone, now)),
        cause_id=row["cause_id"],
        cause_at=row["cause_at"].astimezone(UTC),
        attempts=row["attempts"] + 1,
        fence=row["fence"] + 1,
        uncertain=row["last_sent_at"] is not None,
        first_sent_at=_past(row["first_sent_at"], now),
        last_sent_at=_past(row["last_sent_at"], now),
        created_at=row["created_at"].astimezone(UTC),
        sends=row["sends"],
        look_ups=row["look_ups"],
        problem=row["problem"],
        named_id=row["named_id"],
        gate=candidate.company.gate,
        gate_since=candidate.company.gate_since,
        refused_since=candidate.company.refused_since,
        paused_until=candidate.company.not_before,
        paused_since=candidate.company.waits_since,
    )


def _past(instant: datetime | None, now: datetime) -> datetime | None:
    """Return an instant that is certainly past: after a clock was set back, a stored one may be in the future."""
    return None if instant is None else min(instant, now)


def _with_earlier(connection: sa.Connection, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Add to each command that creates an object its earlier generations in the same company.

    A look-up searches for their objects too. An update's earlier generations have no objects of their own: at most one of
    all that name a version is applied.
    """
    creating = (command.key for command in claimed if command.key.kind in CREATES)
    later = [key for key in creating if key.generation > 1]
    keys = [(key.workspace, key.subject, key.kind, key.part) for key in later]
    columns = (commands.c.workspace, commands.c.subject, commands.c.kind, commands.c.part)
    read = (*columns, commands.c.generation, commands.c.realm, *_EARLIER)
    found = sorted(bulk.fetch(connection, read, columns, keys), key=lambda row: row[4])
    return [
        replace(command, earlier=tuple(_earlier(row) for row in found if _is_earlier(row, command)))
        for command in claimed
    ]


def _is_earlier(row: Sequence[Any], command: Claimed) -> bool:
    workspace, subject, kind, part, generation, realm, *_ = row
    key = command.key
    same = (workspace, subject, kind, part) == (key.workspace, key.subject, key.kind, key.part)
    return same and realm == command.realm and generation < key.generation


def _earlier(row: Sequence[Any]) -> Earlier:
    request_id, body, sent_body, cause_at = row[-4:]
    return Earlier(request_id, sent_body or body, cause_at.astimezone(UTC))


def _noted(command: Claimed, timing: Timing, now: datetime) -> Claimed:
    reads_only = command.key.kind in READINGS
    return command if reads_only or needs_look_up(command, timing, now) else replace(command, noted_at=now)


def _lease(command: Claimed, until: datetime) -> Row:
    return {
        "request_id": command.request_id,
        "status": "leased",
        "fence": command.fence,
        "attempts": command.attempts,
        "leased_until": until,
        "sent_body": command.body,
        "first_sent_at": command.first_sent_at or command.noted_at,
        "last_sent_at": command.noted_at or command.last_sent_at,
        "sends": command.sends + (command.noted_at is not None),
    }


def _sent_body(row: Row, date_: date | None) -> str:
    """Return the body that was sent before; if none was, freeze it now."""
    sent: str | None = row["sent_body"]
    return sent or frozen(row["kind"], row["body"], date_)


_EARLIER = (commands.c.request_id, commands.c.body, commands.c.sent_body, commands.c.cause_at)
_NAMES = tuple(column.name for column in commands.c)
