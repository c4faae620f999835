"""Which commands may be claimed: due, of companies that serve, fairly over companies, and updates after all others."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events import leases
from events.database.bulk import Query
from events.log.tables import UtcInstant
from worker.commands.companies import HELD
from worker.commands.freezing import can_be_dated
from worker.commands.table import commands, is_open, is_update, its_company, realms

# How many updates of a company may be in flight: enough for all requests that QuickBooks takes in a minute, and so few
# that an invoice which is decided meanwhile waits a second for its turn. Thousands are decided at once when a workspace
# switches the sync of customers on.
UPDATES_AT_ONCE = 10

_READ = ("request_id", "fence", "status", "kind", "due_at", "created_at")


class Candidate(Struct, frozen=True):
    """A command that may be claimed, with its company's commands in flight, time zone, refusals, gate and last pause."""

    request_id: str
    fence: int
    status: str
    realm: str
    in_flight: int
    time_zone: str | None
    refused_since: datetime | None
    gate: str | None
    gate_since: datetime | None
    not_before: datetime | None
    waits_since: datetime | None


def choose(
    connection: sa.Connection, lease: timedelta, now: datetime, *, holder: str, slots: int, per_realm: int
) -> list[Candidate]:
    """Return the commands that a dispatcher may claim now.

    Args:
        connection: The transaction.
        lease: How long claims hold.
        now: The present instant.
        holder: The dispatcher.
        slots: How many of its slots are free.
        per_realm: The largest number of commands of a company in flight.
    """
    values = {**_instants(lease, now), "holder_": holder, "slots": slots, "per_realm": per_realm}
    rows = connection.execute(_CHOSEN[connection.dialect.name], values)
    return _shared([Candidate(*row) for row in rows], slots)


def _shared(found: Sequence[Candidate], slots: int) -> list[Candidate]:
    """Return the candidates that get a slot: a company takes one only while it holds fewer than are free.

    So companies with a backlog leave as many slots free as each of them holds, and a command of any other company is
    claimed at once.
    """
    taken: list[Candidate] = []
    held = {candidate.realm: candidate.in_flight for candidate in found}
    for candidate in found:
        if held[candidate.realm] < slots - len(taken):
            held[candidate.realm] += 1
            taken.append(candidate)
    return taken


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

    Of each company at most `per_realm` commands and a few updates are read, however many are due. SQLite has no lateral
    join: there their IDs are selected first, company by company.
    """
    flying = commands.alias("flying")
    still_leased = ~leases.has_ended(flying.c.leased_until, _instant("latest_lease"), _instant("now"))
    of_company = (flying.c.realm == realms.c.realm, flying.c.status == "leased", still_leased)
    count = sa.select(sa.func.count()).where(*of_company).correlate(realms)
    in_flight = count.scalar_subquery()
    updates_in_flight = count.where(is_update(flying)).scalar_subquery()
    per_realm = sa.bindparam("per_realm", type_=sa.Integer)
    # Two queries, so that neither sorts all that is due: each stops at its limit.
    parts = (
        _longest_due(~is_update(), per_realm),
        _longest_due(is_update(), sa.literal(UPDATES_AT_ONCE)),
    )
    if dialect == "postgresql":
        of_realm: sa.FromClause = sa.union_all(*parts).lateral("of_realm")
        joined = realms.join(of_realm, sa.true())
    else:
        ids = (part.with_only_columns(commands.c.request_id).subquery() for part in parts)
        of_realm = commands.alias("of_realm")
        chosen = sa.union_all(*(sa.select(of_part.c.request_id) for of_part in ids))
        joined = realms.join(of_realm, of_realm.c.request_id.in_(chosen))
    last = sa.case((is_update(of_realm), 1), else_=0)
    longest_due = (of_realm.c.due_at, of_realm.c.created_at, of_realm.c.request_id)
    turn = sa.func.row_number().over(partition_by=realms.c.realm, order_by=(last, *longest_due))
    update_turn = sa.func.row_number().over(partition_by=(realms.c.realm, last), order_by=longest_due)
    ranked = (
        sa.select(
            of_realm.c.request_id,
            of_realm.c.fence,
            of_realm.c.status,
            of_realm.c.due_at,
            *(realms.c[name] for name in Candidate.__struct_fields__ if name in realms.c),
            in_flight.label("in_flight"),
            _at_once(per_realm).label("at_once"),
            last.label("last"),
            turn.label("turn"),
            sa.case((last == 1, update_turn + updates_in_flight), else_=0).label("updates"),
        )
        .select_from(joined)
        .where(*_serves())
        .subquery("ranked")
    )
    slots = sa.bindparam("slots", type_=sa.Integer)
    with_it = ranked.c.turn + ranked.c.in_flight
    return (
        sa.select(*(ranked.c[name] for name in Candidate.__struct_fields__))
        .where(with_it <= ranked.c.at_once, with_it <= slots)
        .where(ranked.c.updates <= UPDATES_AT_ONCE)
        .order_by(ranked.c.last, ranked.c.turn, ranked.c.due_at, ranked.c.request_id)
        .limit(slots)
    )


def _longest_due(which: sa.ColumnElement[bool], most: sa.ColumnElement[int]) -> Query:
    """Select the commands of a company that are due for longest, at most so many."""
    return (
        sa.select(*(commands.c[name] for name in _READ))
        .where(which, *_due(), its_company(), can_be_dated())
        .order_by(commands.c.due_at, commands.c.created_at, commands.c.request_id)
        .limit(most)
        .correlate(realms)
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
# The company's state is tested first: while QuickBooks is down, its backlog is not read at each look.
_ANY_DUE = (
    sa.select(realms.c.realm)
    .where(*_serves(), sa.exists().where(its_company(), *_due(), can_be_dated()).correlate(realms))
    .limit(1)
)
