"""Taking commands, holding them by lease and fence, and letting them go: short transactions.

A command is claimed for a bounded time. Every later step proves by its fence that nobody claimed it
since; a worker that outlived its lease finds the fence moved and leaves everything as it is.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events import log
from events.envelope import Event
from events.locks import Lock, hold
from events.statements import Statement
from events.tables import UtcInstant
from worker.commands.identity import CommandKey
from worker.commands.table import commands, realms
from worker.quote_to_cash.settings import zone

# A dispatcher that died holds its realms for so long, whatever it left in flight.
REALM_HELD_SECONDS = 8


class Timing(Struct, frozen=True):
    """How long things take.

    Attributes:
        request_seconds: The client's own timeout for one request.
        settle_seconds: How long QuickBooks may still apply a request after we gave up on it.
        look_up_after_seconds: A command whose cause is older is looked up before its first send.
        throttled_seconds: How long a realm is left alone after a 429.
    """

    request_seconds: float = 30
    settle_seconds: float = 120
    look_up_after_seconds: float = 900
    throttled_seconds: float = 60

    @property
    def lease(self) -> timedelta:
        """How long a claim holds: three tries of a look-up, a token refresh and a send, and the settling."""
        return timedelta(seconds=5 * self.request_seconds + self.settle_seconds)

    @property
    def settle(self) -> timedelta:
        """How long after a send "not found" is not yet final."""
        return timedelta(seconds=self.request_seconds + self.settle_seconds)


class Claimed(Struct, frozen=True):
    """A command that this worker may work on while its lease lasts.

    `refused_since` is its realm's: since when QuickBooks has taken no token, however fresh.
    """

    key: CommandKey
    request_id: str
    realm: str
    holder: str
    body: str
    cause_id: str
    cause_at: datetime
    attempts: int
    fence: int
    uncertain: bool
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    refused_since: datetime | None


class LeaseLost(Exception):
    """Another worker claimed the command since; whatever we learned, it will learn itself."""


def claim(
    connection: sa.Connection, timing: Timing, holder: str, now: datetime, *, slots: int, per_realm: int
) -> list[Claimed]:
    """Claim due commands, fairly over realms: each realm's oldest first, then each one's second.

    A realm that is paused, disconnected, throttled or has `per_realm` commands in flight gives none; nor
    does one that another dispatcher holds, since whoever sends must know what was sent in the last minute.
    A lease that ran out means that its worker died: the command may have been sent, so it is uncertain.
    """
    hold(connection, Lock.COMMANDS)
    limits = {"now": now, "holder_": holder, "per_realm": per_realm, "slots": slots}
    chosen = connection.execute(_CANDIDATES, limits).mappings().all()
    taken = (_take(connection, row, timing, holder, now) for row in chosen)
    claimed = [command for command in taken if command is not None]
    keep_realms(connection, {command.realm for command in claimed}, holder, now)
    return claimed


def keep_realms(connection: sa.Connection, kept: Collection[str], holder: str, now: datetime) -> None:
    """Hold realms, so that no other dispatcher claims from them for some seconds; those of others stay theirs."""
    if kept:
        until = now + timedelta(seconds=REALM_HELD_SECONDS)
        connection.execute(_KEEP, {"kept": sorted(kept), "holder_": holder, "now": now, "until": until})


def release_realms(connection: sa.Connection, holder: str) -> None:
    """Let the other dispatchers claim from the realms of one that stops."""
    connection.execute(realms.update().where(realms.c.holder == holder).values(holder=None, held_until=None))


def any_due(connection: sa.Connection, holder: str, now: datetime) -> bool:
    """Say whether a claim could give anything; reads only."""
    return bool(_ANY_DUE.rows(connection, {"now": now, "holder_": holder}))


def sending(connection: sa.Connection, command: Claimed, timing: Timing, now: datetime) -> None:
    """Write down that the command is about to be sent, and renew the lease for it.

    Raises:
        LeaseLost: It may not be sent any more.
    """
    _change(
        connection,
        command,
        first_sent_at=command.first_sent_at or now,
        last_sent_at=now,
        leased_until=now + timing.lease,
    )
    keep_realms(connection, {command.realm}, command.holder, now)


def not_sent(connection: sa.Connection, command: Claimed, due_at: datetime, problem: str) -> None:
    """Give the command back: this attempt certainly never reached QuickBooks' books."""
    _give_back(
        connection,
        command,
        status="uncertain" if command.uncertain else "ready",
        first_sent_at=command.first_sent_at,
        last_sent_at=command.last_sent_at,
        due_at=due_at,
        problem=problem,
    )


def uncertain(
    connection: sa.Connection,
    command: Claimed,
    *,
    due_at: datetime,
    problem: str,
    event: Event | None,
    now: datetime,
) -> None:
    """Give the command back with an unknown outcome; nobody sends it before it was looked up."""
    _give_back(connection, command, status="uncertain", due_at=due_at, problem=problem)
    if event is not None:
        log.append_own(connection, [event], now)


def finish(connection: sa.Connection, command: Claimed, event: Event, now: datetime, *, done: bool) -> None:
    """Store the outcome and the event that says so, together."""
    _give_back(
        connection,
        command,
        status="done" if done else "rejected",
        problem=None if done else event.payload.message,
    )
    log.append_own(connection, [event], now)


def hold_realm(
    connection: sa.Connection,
    command: Claimed,
    problem: str,
    *,
    until: datetime,
    refused_since: datetime | None,
) -> None:
    """Give the command back, and leave its whole realm alone until then."""
    not_sent(connection, command, until, problem)
    connection.execute(
        realms.update()
        .where(realms.c.realm == command.realm)
        .values(not_before=until, refused_since=refused_since)
    )


def disconnected(
    connection: sa.Connection, command: Claimed, problem: str, event: Event, now: datetime
) -> None:
    """Give the command back, and serve its realm no more until somebody connects it again."""
    not_sent(connection, command, now, problem)
    cut = connection.execute(
        realms.update().where(realms.c.realm == command.realm, realms.c.connected).values(connected=False)
    )
    if cut.rowcount:
        log.append_own(connection, [event], now)


def _due() -> tuple[sa.ColumnElement[bool], ...]:
    """Say of a command beside its realm that nothing stands in its way."""
    now = sa.bindparam("now", type_=UtcInstant)
    abandoned = sa.and_(commands.c.status == "leased", commands.c.leased_until <= now)
    due = sa.and_(
        commands.c.status.in_([sa.literal("ready"), sa.literal("uncertain")]), commands.c.due_at <= now
    )
    return (
        sa.or_(abandoned, due),
        realms.c.connected,
        ~realms.c.paused,
        sa.or_(realms.c.not_before.is_(None), realms.c.not_before <= now),
        _realm_is_free(),
        ~_subject_busy(),
    )


def _realm_is_free() -> sa.ColumnElement[bool]:
    """Say of a realm that no other dispatcher holds it."""
    now = sa.bindparam("now", type_=UtcInstant)
    ours = realms.c.holder == sa.bindparam("holder_")
    return sa.or_(realms.c.holder.is_(None), ours, realms.c.held_until <= now)


def _candidates() -> sa.Select[Any]:
    flying = commands.alias("flying")
    still_leased = flying.c.leased_until > sa.bindparam("now", type_=UtcInstant)
    in_flight = (
        sa.select(sa.func.count())
        .where(flying.c.realm == commands.c.realm, flying.c.status == "leased", still_leased)
        .scalar_subquery()
    )
    turn = sa.func.row_number().over(
        partition_by=commands.c.realm,
        order_by=(commands.c.due_at, commands.c.created_at, commands.c.request_id),
    )
    ranked = (
        sa.select(
            commands,
            realms.c.time_zone,
            realms.c.refused_since,
            turn.label("turn"),
            in_flight.label("in_flight"),
        )
        .join(realms, realms.c.realm == commands.c.realm)
        .where(*_due())
        .subquery()
    )
    return (
        sa.select(ranked)
        .where(ranked.c.turn + ranked.c.in_flight <= sa.bindparam("per_realm"))
        .order_by(ranked.c.turn, ranked.c.due_at, ranked.c.request_id)
        .limit(sa.bindparam("slots"))
    )


def _subject_busy() -> sa.ColumnElement[bool]:
    """Say whether another command of the same subject is in flight, or comes first."""
    others = commands.alias("others")
    return sa.exists().where(
        others.c.workspace == commands.c.workspace,
        others.c.subject == commands.c.subject,
        others.c.request_id != commands.c.request_id,
        sa.or_(
            others.c.status.in_([sa.literal("leased"), sa.literal("uncertain")]),
            sa.and_(others.c.status == "ready", _age(others) < _age(commands)),
        ),
    )


def _age(table: sa.FromClause) -> sa.Tuple:
    """Order the commands of a subject: the one that was wished for first is sent first."""
    return sa.tuple_(table.c.created_at, table.c.generation, table.c.part, table.c.request_id)


def _take(
    connection: sa.Connection, row: sa.RowMapping, timing: Timing, holder: str, now: datetime
) -> Claimed | None:
    """Take a command as it was read; whoever holds it by an old lease may have finished it meanwhile."""
    today = now.astimezone(zone(row["time_zone"])).date()
    body = row["sent_body"] or _frozen(row["kind"], row["body"], today)
    fence = row["fence"] + 1
    taken = connection.execute(
        commands.update()
        .where(
            commands.c.request_id == row["request_id"],
            commands.c.fence == row["fence"],
            commands.c.status == row["status"],
        )
        .values(
            status="leased",
            fence=fence,
            attempts=row["attempts"] + 1,
            leased_until=now + timing.lease,
            sent_body=body,
        )
    )
    if taken.rowcount != 1:
        return None
    return Claimed(
        key=CommandKey(row["workspace"], row["subject"], row["kind"], row["part"], row["generation"]),
        request_id=row["request_id"],
        realm=row["realm"],
        holder=holder,
        body=body,
        cause_id=row["cause_id"],
        cause_at=row["cause_at"].astimezone(UTC),
        attempts=row["attempts"] + 1,
        fence=fence,
        uncertain=row["last_sent_at"] is not None,
        first_sent_at=row["first_sent_at"],
        last_sent_at=row["last_sent_at"],
        refused_since=row["refused_since"],
    )


def _frozen(kind: str, body: str, today: date) -> str:
    """Freeze what is sent, byte for byte, for every attempt; an invoice gets its date now."""
    if kind != "create_invoice":
        return body
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields["TxnDate"] = msgspec.Raw(msgspec.json.encode(today))
    return msgspec.json.encode(fields).decode()


def _give_back(connection: sa.Connection, command: Claimed, **values: object) -> None:
    """End the lease. Whatever came of the attempt, if it was not a refused token the count begins anew."""
    _change(connection, command, leased_until=None, **values)
    if command.refused_since is not None:
        connection.execute(realms.update().where(realms.c.realm == command.realm).values(refused_since=None))


def _change(connection: sa.Connection, command: Claimed, **values: object) -> None:
    changed = connection.execute(
        commands.update()
        .where(
            commands.c.request_id == command.request_id,
            commands.c.fence == command.fence,
            commands.c.status == "leased",
        )
        .values(**values)
    )
    if changed.rowcount != 1:
        raise LeaseLost(f"The command {command.request_id} for {command.key.subject} is no longer ours")


_CANDIDATES = _candidates()
_KEEP = (
    realms.update()
    .where(realms.c.realm.in_(sa.bindparam("kept", expanding=True)))
    .where(_realm_is_free())
    .values(holder=sa.bindparam("holder_"), held_until=sa.bindparam("until"))
)
_ANY_DUE = Statement(
    sa.select(commands.c.request_id).join(realms, realms.c.realm == commands.c.realm).where(*_due()).limit(1)
)
