"""Which commands may be claimed: due, of companies that serve, and fairly over companies."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events import leases
from events.database.bulk import Query
from events.log.tables import UtcInstant
from worker.commands.companies import HELD
from worker.commands.freezing import can_be_dated
from worker.commands.table import commands, is_open, its_company, realms


class Candidate(Struct, frozen=True):
    """A command that may be claimed, with its company's time zone, refusals, gate and last pause."""

    request_id: str
    fence: int
    status: str
    time_zone: str | None
    refused_since: datetime | None
    gate: str | None
    gate_since: datetime | None
    not_before: datetime | None


def choose(
    connection: sa.Connection, lease: timedelta, now: datetime, limits: Mapping[str, object]
) -> list[Candidate]:
    """Return the commands that a dispatcher may claim now.

    `limits` has the dispatcher as `holder_`, and the largest number of commands: `slots` in all, `per_realm` in each
    company. `lease` is how long claims hold.
    """
    values = {**_instants(lease, now), **limits}
    return [Candidate(*row) for row in connection.execute(_CHOSEN[connection.dialect.name], values)]


def any_due(connection: sa.Connection, lease: timedelta, holder: str, now: datetime) -> bool:
    """Return whether there is a command to claim; reads only."""
    values = {**_instants(lease, now), "holder_": holder}
    return connection.execute(_ANY_DUE, values).first() is not None


def _instants(lease: timedelta, now: datetime) -> dict[str, datetime]:
    """Return the instants of a query: later begins and ends than the last three were stored before a clock was set back."""
    return {
        "now": now,
        "latest_begin": leases.latest_end(timedelta(0), now),
        "latest_lease": leases.latest_end(lease, now),
        "latest_hold": leases.latest_end(HELD, now),
    }


def _instant(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=UtcInstant)


def _has_waited(until: sa.ColumnElement[Any], since: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Test that a wait is over: its end is past, or its begin is in the future because a clock was set back."""
    return sa.or_(until <= _instant("now"), since > _instant("latest_begin"))


def _due() -> tuple[sa.ColumnElement[bool], ...]:
    """Test that a command is open, due and the next of its subject, whatever the state of its company."""
    run_out = leases.has_ended(commands.c.leased_until, _instant("latest_lease"), _instant("now"))
    abandoned = sa.and_(commands.c.status == "leased", run_out)
    due = sa.and_(
        # A list of plain values would be rendered anew at each execution.
        commands.c.status.in_([sa.literal("ready"), sa.literal("uncertain")]),
        _has_waited(commands.c.due_at, commands.c.waits_since),
    )
    return (is_open(), sa.or_(abandoned, due), ~_subject_busy())


def _serves() -> tuple[sa.ColumnElement[bool], ...]:
    """Test that commands may be claimed from a realm: it is connected, not paused, and held by no other dispatcher."""
    ours = realms.c.holder == sa.bindparam("holder_")
    return (
        realms.c.connected,
        ~realms.c.paused,
        sa.or_(realms.c.not_before.is_(None), _has_waited(realms.c.not_before, realms.c.waits_since)),
        sa.or_(
            realms.c.holder.is_(None),
            ours,
            leases.has_ended(realms.c.held_until, _instant("latest_hold"), _instant("now")),
        ),
    )


def _chosen(dialect: str) -> Query:
    """Choose candidates.

    PostgreSQL reads at most `per_realm` commands of a company, however many are due; SQLite has no lateral join, and
    ranks all of them.
    """
    flying = commands.alias("flying")
    still_leased = ~leases.has_ended(flying.c.leased_until, _instant("latest_lease"), _instant("now"))
    in_flight = (
        sa.select(sa.func.count())
        .where(flying.c.realm == realms.c.realm, flying.c.status == "leased", still_leased)
        .correlate(realms)
        .scalar_subquery()
    )
    per_realm = sa.bindparam("per_realm", type_=sa.Integer)
    longest_due = (commands.c.due_at, commands.c.created_at, commands.c.request_id)
    first = sa.select(
        commands.c.request_id,
        commands.c.realm,
        commands.c.workspace,
        commands.c.fence,
        commands.c.status,
        commands.c.due_at,
        sa.func.row_number()
        .over(partition_by=(commands.c.realm, commands.c.workspace), order_by=longest_due)
        .label("turn"),
    ).where(*_due(), its_company(), can_be_dated())
    if dialect == "postgresql":
        of_realm = first.correlate(realms)
        ranked: Any = of_realm.order_by(*longest_due).limit(per_realm).lateral("ranked")
        joined = realms.join(ranked, sa.true())
    else:
        ranked = first.subquery("ranked")
        of_workspace = ranked.c.workspace == realms.c.workspace
        joined = realms.join(ranked, sa.and_(ranked.c.realm == realms.c.realm, of_workspace))
    return (
        sa.select(
            ranked.c.request_id,
            ranked.c.fence,
            ranked.c.status,
            realms.c.time_zone,
            realms.c.refused_since,
            realms.c.gate,
            realms.c.gate_since,
            realms.c.not_before,
        )
        .select_from(joined)
        .where(*_serves(), ranked.c.turn + in_flight <= _at_once(per_realm))
        .order_by(ranked.c.turn, ranked.c.due_at, ranked.c.request_id)
        .limit(sa.bindparam("slots", type_=sa.Integer))
    )


def _at_once(per_realm: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Return how many commands of a company may be in flight.

    One while QuickBooks refuses every request for the company, and one after a pause until a command has an outcome.
    """
    return sa.case((sa.and_(realms.c.gate.is_(None), realms.c.not_before.is_(None)), per_realm), else_=1)


def _subject_busy() -> sa.ColumnElement[bool]:
    """Test whether another command of the same subject and company is in flight, or comes first.

    A command that was claimed before comes first, even if by a differing clock the other seems to be older.
    """
    others = commands.alias("others")
    return sa.exists().where(
        others.c.workspace == commands.c.workspace,
        others.c.realm == commands.c.realm,
        others.c.subject == commands.c.subject,
        others.c.request_id != commands.c.request_id,
        sa.or_(
            others.c.status.in_([sa.literal("leased"), sa.literal("uncertain")]),
            sa.and_(commands.c.status == "ready", others.c.status == "ready", _age(others) < _age(commands)),
        ),
    )


def _age(table: sa.FromClause) -> sa.Tuple:
    """Order the commands of a subject: the one that was decided first is sent first."""
    return sa.tuple_(table.c.created_at, table.c.generation, table.c.part, table.c.request_id)


_CHOSEN = {dialect: _chosen(dialect) for dialect in ("postgresql", "sqlite")}
_ANY_DUE = (
    sa.select(commands.c.request_id)
    .join(realms, its_company())
    .where(*_due(), *_serves(), can_be_dated())
    .limit(1)
)
