"""Which commands may be claimed: due, of companies that serve, fairly over companies, and updates after all others.

First the companies are read that have such a command, then the first commands of each: together hardly more rows than are
claimed, however many are due.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql

from events import leases
from events.database.bulk import Query
from events.log.tables import UtcInstant
from worker.commands.companies import HELD
from worker.commands.freezing import can_be_dated
from worker.commands.kinds.all import UPDATES
from worker.commands.table import (
    ORDER_OF_CLAIMS,
    commands,
    is_leased,
    is_open,
    is_update,
    its_company,
    realms,
)

# How many updates of a company may be in flight: enough for all requests that QuickBooks takes in a minute, and so few
# that an invoice which is decided meanwhile waits a second for its turn. Thousands are decided at once when a workspace
# switches the sync of customers on.
UPDATES_AT_ONCE = 10


class Serving(Struct, frozen=True):
    """A company with a command to claim: its time zone, refusals, gate, last pause and commands in flight."""

    realm: str
    time_zone: str | None
    refused_since: datetime | None
    gate: str | None
    gate_since: datetime | None
    not_before: datetime | None
    waits_since: datetime | None
    in_flight: int
    updates_in_flight: int

    def room(self, per_realm: int) -> int:
        """Return how many more of its commands may be in flight.

        One at once while QuickBooks refuses every request for the company, and one after a pause until a command has an
        outcome.
        """
        at_once = per_realm if self.gate is None and self.not_before is None else 1
        return at_once - self.in_flight


class Due(Struct, frozen=True):
    """A command that may be claimed, as it is before."""

    realm: str
    request_id: str
    fence: int
    status: str
    kind: str
    due_at: datetime
    created_at: datetime

    @property
    def is_update(self) -> bool:
        """Return whether other commands go first."""
        return self.kind in UPDATES


class Candidate(Struct, frozen=True):
    """A command that may be claimed, its company, and its place among the company's."""

    due: Due
    company: Serving
    turn: int


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
    values = {**_instants(lease, now), "holder_": holder}
    serving = (Serving(*row) for row in connection.execute(_SERVING, values))
    companies = {company.realm: company for company in serving if company.room(per_realm) > 0}
    if not companies:
        return []
    share = ceil(slots / len(companies))
    most = {realm: min(company.room(per_realm), share) for realm, company in companies.items()}
    return _shared(_in_turn(_first(connection, values, most), companies), slots)


def _first(connection: sa.Connection, values: dict[str, Any], most: dict[str, int]) -> list[Due]:
    """Return the commands of each company that are claimed first, at most so many."""
    if connection.dialect.name == "postgresql":
        given = {"realms_": list(most), "most": list(most.values())}
        return [Due(*row) for row in connection.execute(_FIRST, {**values, **given})]
    given_one_by_one = ({"realm_": realm, "most": count} for realm, count in most.items())
    return [
        Due(*row)
        for given in given_one_by_one
        for row in connection.execute(_FIRST_OF_ONE, {**values, **given})
    ]


def _in_turn(found: Iterable[Due], companies: dict[str, Serving]) -> list[Candidate]:
    """Put the first command of each company first, then the second of each; leave out updates beyond their limit."""
    turns, updates = Counter[str](), Counter[str]()
    candidates: list[Candidate] = []
    for due in sorted(found, key=lambda due: (due.is_update, due.due_at, due.created_at, due.request_id)):
        company = companies[due.realm]
        turns[due.realm] += 1
        updates[due.realm] += due.is_update
        if updates[due.realm] <= UPDATES_AT_ONCE - company.updates_in_flight:
            candidates.append(Candidate(due, company, turns[due.realm]))
    return sorted(
        candidates, key=lambda each: (each.due.is_update, each.turn, each.due.due_at, each.due.request_id)
    )


def _shared(found: Sequence[Candidate], slots: int) -> list[Candidate]:
    """Return the candidates that get a slot: a company takes one only while it holds fewer than are free.

    So companies with a backlog leave as many slots free as each of them holds, and a command of any other company is
    claimed at once.
    """
    taken: list[Candidate] = []
    held = {candidate.due.realm: candidate.company.in_flight for candidate in found}
    for candidate in found:
        if held[candidate.due.realm] < slots - len(taken):
            held[candidate.due.realm] += 1
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


def _serving() -> Query:
    """Select the companies that have a command to claim."""
    flying = commands.alias("flying")
    still_leased = ~leases.has_ended(flying.c.leased_until, _instant("latest_lease"), _instant("now"))
    in_flight = sa.select(sa.func.count()).where(
        flying.c.realm == realms.c.realm, is_leased(flying), still_leased
    )
    counts = (in_flight, in_flight.where(is_update(flying)))
    read = (realms.c[name] for name in Serving.__struct_fields__ if name in realms.c)
    return sa.select(*read, *(count.correlate(realms).scalar_subquery() for count in counts)).where(
        *_serves(), _has_due()
    )


def _has_due() -> sa.ColumnElement[bool]:
    """Test that a company has a command to claim.

    The first one in the order of an index: for any one, as for EXISTS, PostgreSQL may read the whole table.
    """
    first = _first_due(1).with_only_columns(commands.c.request_id)
    return first.correlate(realms).scalar_subquery().is_not(None)


def _first_of_each() -> Query:
    """Select the first commands of given companies, for PostgreSQL."""
    arrays = (
        sa.bindparam(name, type_=postgresql.ARRAY(of))
        for name, of in (("realms_", sa.Text), ("most", sa.Integer))
    )
    columns = (sa.column("realm", sa.Text), sa.column("most", sa.Integer))
    given = sa.func.unnest(*arrays).table_valued(*columns).render_derived(name="given")
    first = _first_due(given.c.most).correlate(realms, given).lateral("first")
    joined = given.join(realms, realms.c.realm == given.c.realm).join(first, sa.true())
    return sa.select(*first.c).select_from(joined)


def _first_of_one() -> Query:
    """Select the first commands of one company, for SQLite, which has no lateral join."""
    return (
        _first_due(sa.bindparam("most", type_=sa.Integer))
        .correlate(None)
        .where(realms.c.realm == sa.bindparam("realm_", type_=sa.Text))
    )


def _first_due(most: sa.ColumnElement[int] | int) -> Query:
    """Select the commands of a company that are claimed first, at most so many."""
    return (
        sa.select(*(commands.c[name] for name in Due.__struct_fields__))
        .where(*_due(), its_company(), can_be_dated())
        .order_by(*ORDER_OF_CLAIMS)
        .limit(most)
    )


def _subject_busy() -> sa.ColumnElement[bool]:
    """Test whether another command of the same subject and company is in flight, or comes first.

    A command that was claimed before comes first, even if by a differing clock the other seems to be older.
    """
    others = commands.alias("others")
    same = sa.select(others.c.request_id).where(
        others.c.workspace == commands.c.workspace,
        others.c.realm == commands.c.realm,
        others.c.subject == commands.c.subject,
        others.c.request_id != commands.c.request_id,
        is_open(others),
        sa.or_(
            others.c.status.in_([sa.literal("leased"), sa.literal("uncertain")]),
            sa.and_(commands.c.status == "ready", others.c.status == "ready", _age(others) < _age(commands)),
        ),
    )
    # With an offset, PostgreSQL evaluates this for each row; without, it may read all other commands first.
    return sa.exists(same.offset(sa.literal_column("0")))


def _age(table: sa.FromClause) -> sa.Tuple:
    """Order the commands of a subject: the one that was decided first is sent first."""
    return sa.tuple_(table.c.created_at, table.c.generation, table.c.part, table.c.request_id)


# The company's state is tested first: while QuickBooks is down, its backlog is not read at each look.
_SERVING = _serving()
_FIRST, _FIRST_OF_ONE = _first_of_each(), _first_of_one()
_ANY_DUE = sa.select(realms.c.realm).where(*_serves(), _has_due()).limit(1)
