"""The table of pending grants, which are not a connection yet.

A row exists from before its code is exchanged until its company is connected, or its tokens are revoked. Its step is
`exchanging`, while `sealed` has the code, then `proving` and `revoking`, while it has tokens. The process that works on a
grant leases it; every change counts its version up, so a process that lost the lease changes nothing. Numbers follow the
order in which browsers came back, whatever the clocks.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict, replace

from events import leases
from events.log.tables import Position, UtcInstant, metadata
from worker.runtime import sealing
from worker.runtime.sealing import Sealed

Step = Literal["exchanging", "proving", "revoking"]
PAUSE_SECONDS_MAX = 3600.0

pending_grants = sa.Table(
    "pending_grants",
    metadata,
    sa.Column("number", Position, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("realm", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("other_company", sa.Boolean, nullable=False),
    sa.Column("superseded", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("problem", sa.Text),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("due_at", UtcInstant, nullable=False),
    sa.Column("leased_until", UtcInstant),
    sa.Column("waits_since", UtcInstant),  # when `due_at` was set, or the lease taken
    sa.Column("started_by", sa.Text),
    sa.Column("another_company", sa.Boolean, nullable=False, server_default=sa.false()),
)


SEALED = Sealed(
    name="consent to QuickBooks company",
    table=pending_grants,
    called=lambda row: f"{row.realm} in workspace {row.workspace}",
    owner=lambda row: owner(row.id),
    lose=lambda connection, row: _forget(connection, row.id),
    remedy="start again (q2c connect)",
)


class PendingGrant(Struct, frozen=True):
    """A grant that is not a connection yet.

    Attributes:
        id: The grant's ID.
        workspace: The workspace of the consent.
        realm: The company that the callback named.
        step: The next step.
        sealed: The code, or the tokens.
        version: The number of changes.
        attempts: The number of attempts at the step.
        other_company: Whether QuickBooks said that the tokens belong to another company than the callback named.
        problem: Why the last attempt got no answer.
        created_at: When the browser came back.
        started_by: The person who began the consent.
        another_company: Whether it may connect another company than the workspace had before.
    """

    id: str
    workspace: str
    realm: str
    step: Step
    sealed: bytes
    created_at: datetime
    version: int = 1
    attempts: int = 0
    other_company: bool = False
    problem: str | None = None
    started_by: str | None = None
    another_company: bool = False


def _has_waited(until: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Return as SQL whether a grant's wait has ended: it has no end, the end has passed, or the clock was set back."""
    instant = pending_grants.c.due_at.type
    latest, now = sa.bindparam("latest", type_=instant), sa.bindparam("now", type_=instant)
    set_back = sa.func.coalesce(pending_grants.c.waits_since > latest, sa.false())
    return sa.or_(until.is_(None), until <= now, set_back)


def _instants(now: datetime) -> dict[str, datetime]:
    """Return the parameters of `_IS_DUE`."""
    return {"now": now, "latest": leases.latest_end(timedelta(0), now)}


_COLUMNS = tuple(pending_grants.c[name] for name in PendingGrant.__struct_fields__)
_IS_DUE = sa.and_(_has_waited(pending_grants.c.due_at), _has_waited(pending_grants.c.leased_until))
_DUE = (
    sa.select(*_COLUMNS)
    .where(_IS_DUE)
    .order_by(pending_grants.c.due_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def add(connection: sa.Connection, grant: PendingGrant, now: datetime, leased_until: datetime | None) -> None:
    """Add a grant, leased to the caller if the caller continues with it at once."""
    sealing.check(connection, grant.sealed)
    connection.execute(
        pending_grants.insert().values(
            **asdict(grant), due_at=now, leased_until=leased_until, waits_since=now
        )
    )


def due(connection: sa.Connection, now: datetime, limit: int) -> Sequence[PendingGrant]:
    """Return the grants whose next attempt is due, oldest first."""
    found = connection.execute(_DUE, {**_instants(now), "limit": limit})
    return [PendingGrant(*row) for row in found]


def take(
    connection: sa.Connection, grant: PendingGrant, leased_until: datetime, now: datetime
) -> PendingGrant | None:
    """Lease a grant that is due; None if another process was first."""
    changes = {"leased_until": leased_until, "waits_since": now}
    return _changed(connection, grant, changes, _IS_DUE, bound=_instants(now))


def move(
    connection: sa.Connection,
    grant: PendingGrant,
    step: Step,
    sealed: bytes,
    leased_until: datetime,
    *,
    other_company: bool = False,
) -> PendingGrant | None:
    """Move a grant to another step, and renew the lease; None if the lease was lost."""
    sealing.check(connection, sealed)
    return _changed(
        connection,
        grant,
        {
            "step": step,
            "sealed": sealed,
            "attempts": 0,
            "other_company": other_company,
            "leased_until": leased_until,
        },
    )


def hand_back(
    connection: sa.Connection, grant: PendingGrant, problem: str, due_at: datetime, now: datetime
) -> bool:
    """Release a grant until its next attempt is due; return whether the caller still had the lease."""
    changes = {
        "attempts": grant.attempts,
        "problem": problem,
        "due_at": due_at,
        "leased_until": None,
        "waits_since": now,
    }
    return _changed(connection, grant, changes) is not None


def drop(connection: sa.Connection, grant: PendingGrant) -> bool:
    """Delete a grant; return whether the caller still had the lease."""
    deleted = connection.execute(pending_grants.delete().where(*_same(grant)))
    return deleted.rowcount == 1


def is_being_revoked(connection: sa.Connection, realm: str, now: datetime) -> bool:
    """Return whether a process is revoking a grant that may belong to a company."""
    statement = sa.select(pending_grants.c.id).where(
        pending_grants.c.realm == realm,
        pending_grants.c.step == "revoking",
        ~pending_grants.c.other_company,
        ~_has_waited(pending_grants.c.leased_until),
    )
    return connection.execute(statement, _instants(now)).first() is not None


def is_under_way(connection: sa.Connection, realm: str) -> bool:
    """Return whether a consent to a company may still become its connection."""
    steps = pending_grants.c.step.in_(("exchanging", "proving"))
    statement = sa.select(pending_grants.c.id).where(pending_grants.c.realm == realm, steps)
    return connection.execute(statement).first() is not None


def is_superseded(connection: sa.Connection, grant: PendingGrant) -> bool:
    """Return whether a later consent of the same workspace has become its connection."""
    return bool(
        connection.scalar(sa.select(pending_grants.c.superseded).where(pending_grants.c.id == grant.id))
    )


def supersede_older(connection: sa.Connection, grant: PendingGrant) -> None:
    """Prevent earlier consents of the same workspace from becoming its connection."""
    number = sa.select(pending_grants.c.number).where(pending_grants.c.id == grant.id).scalar_subquery()
    older = (pending_grants.c.workspace == grant.workspace, pending_grants.c.number < number)
    connection.execute(pending_grants.update().where(*older).values(superseded=True))


def owner(grant_id: str) -> str:
    """Return the owner that a grant's secret is sealed for."""
    return f"grant:{grant_id}"


def _forget(connection: sa.Connection, grant_id: str) -> None:
    connection.execute(pending_grants.delete().where(pending_grants.c.id == grant_id))


def _changed(
    connection: sa.Connection,
    grant: PendingGrant,
    changes: dict[str, Any],
    *conditions: sa.ColumnElement[bool],
    bound: Mapping[str, Any] = {},
) -> PendingGrant | None:
    values = {**changes, "version": grant.version + 1}
    statement = pending_grants.update().where(*_same(grant), *conditions).values(**values)
    updated = connection.execute(statement, bound)
    known = {name: value for name, value in values.items() if name in PendingGrant.__struct_fields__}
    return replace(grant, **known) if updated.rowcount == 1 else None


def _same(grant: PendingGrant) -> tuple[sa.ColumnElement[bool], ...]:
    return pending_grants.c.id == grant.id, pending_grants.c.version == grant.version
