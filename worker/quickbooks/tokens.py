"""The table of tokens: those of each realm, sealed at rest, with the life of its connection.

The row of a realm stays after its tokens were deleted, and its version grows with each change of the tokens: a refresh in
flight, which began with an older version, then changes nothing.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events import leases
from events.contract import catalog
from events.contract.administration import ConnectionAuthorized, ConnectionExpired
from events.contract.envelope import own_event
from events.database import bulk
from events.database.locks import Lock, acquire
from events.log import log
from events.log.tables import UtcInstant, metadata
from worker.quickbooks.oauth import TokenSet
from worker.runtime import sealing
from worker.runtime.sealing import Sealed

SOURCE = "urn:coeffection:connections"
# The value of `alarm` once the event that the connection has expired is in the log.
EXPIRED = "expired"

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("expired", sa.Boolean, nullable=False),
    sa.Column("access_expires_at", UtcInstant, nullable=False),
    sa.Column("refresh_expires_at", UtcInstant, nullable=False),
    sa.Column("lease_holder", sa.Text),
    sa.Column("leased_until", UtcInstant),
    sa.Column("company", sa.Text),
    sa.Column("plan", sa.Text),
    sa.Column("connected_by", sa.Text),
    sa.Column("alarm", sa.Text),
    sa.Column("connected_at", UtcInstant),
    sa.Column("refreshed_at", UtcInstant),
    sa.Column("hard_expires_at", UtcInstant),
    sa.Column("disconnected_at", UtcInstant),
)

_STORED = sa.select(tokens.c.sealed, tokens.c.version, tokens.c.expired).where(
    tokens.c.realm == sa.bindparam("realm_")
)


SEALED = Sealed(
    name="tokens of QuickBooks company",
    table=tokens,
    called=lambda row: str(row.realm),
    owner=lambda row: owner(row.realm),
    lose=lambda connection, row: forget(connection, row.realm),
    remedy="connect again (q2c connect)",
)


class RealmTaken(Exception):
    """The QuickBooks company is connected to another workspace already."""


class StoredTokens(Struct, frozen=True):
    """A realm's tokens as the database stores them."""

    sealed: bytes
    version: int
    expired: bool


def put(
    connection: sa.Connection,
    *,
    realm: str,
    workspace: str,
    sealed: bytes,
    of: TokenSet,
    now: datetime,
    about: ConnectionAuthorized | None = None,
) -> None:
    """Store the tokens of a realm that a person connected; `about` says who, and which company.

    Raises:
        RealmTaken: Another workspace is connected to the realm.
        KeyRetired: The key that sealed the tokens was retired meanwhile.
    """
    acquire(connection, Lock.TENANTS)
    sealing.check(connection, sealed)
    row = connection.execute(sa.select(tokens).where(tokens.c.realm == realm)).first()
    if row is not None and row.workspace != workspace and _is_good(row, now):
        raise RealmTaken(f"QuickBooks company {realm} is already connected to another workspace")
    bulk.upsert(
        connection,
        tokens,
        [
            {
                "realm": realm,
                "workspace": workspace,
                "sealed": sealed,
                "version": (row.version if row else 0) + 1,
                "expired": False,
                "access_expires_at": of.access_expires_at,
                "refresh_expires_at": of.refresh_expires_at,
                "lease_holder": None,
                "leased_until": None,
                "refreshed_at": now,
                "hard_expires_at": of.refresh_hard_expires_at,
                "disconnected_at": None,
                "alarm": None,
                "company": about.company if about else None,
                "plan": about.plan if about else None,
                "connected_by": about.by if about else None,
                "connected_at": now,
            }
        ],
    )


def is_connected(connection: sa.Connection, realm: str, now: datetime) -> bool:
    """Return whether a workspace has valid tokens of a realm; locks that until the transaction ends."""
    acquire(connection, Lock.TENANTS)
    row = connection.execute(sa.select(tokens).where(tokens.c.realm == realm)).first()
    return row is not None and _is_good(row, now)


def connected_realms(connection: sa.Connection, now: datetime, limit: int) -> Sequence[str]:
    """Return companies of which a workspace has valid tokens, at most `limit`."""
    good = (~tokens.c.expired, tokens.c.refresh_expires_at > now)
    return connection.scalars(
        sa.select(tokens.c.realm).where(*good).order_by(tokens.c.realm).limit(limit)
    ).all()


def workspaces_of(connection: sa.Connection, realms: Collection[str]) -> dict[str, str]:
    """Return the workspace of each of these companies that is connected, also with tokens that have expired."""
    columns = (tokens.c.realm, tokens.c.workspace, tokens.c.disconnected_at)
    rows = bulk.fetch(connection, columns, (tokens.c.realm,), [(realm,) for realm in realms])
    return {row.realm: row.workspace for row in rows if row.disconnected_at is None}


def forget(connection: sa.Connection, realm: str) -> None:
    """Delete the tokens of a realm; a person has to connect again, in any workspace.

    The row stays, and its version grows: otherwise a later consent would reuse a version that processes have cached
    with old tokens, and a refresh in flight could restore the tokens.
    """
    connection.execute(
        tokens.update()
        .where(tokens.c.realm == realm)
        .values(sealed=b"", version=tokens.c.version + 1, expired=True, lease_holder=None, leased_until=None)
    )


def leave(connection: sa.Connection, realm: str, workspace: str, now: datetime) -> bool:
    """Delete the tokens of a realm that its workspace leaves; return whether the workspace had it."""
    its = (tokens.c.realm == realm, tokens.c.workspace == workspace, tokens.c.disconnected_at.is_(None))
    left = connection.execute(tokens.update().where(*its).values(disconnected_at=now, alarm=None))
    if left.rowcount == 1:
        forget(connection, realm)
    return left.rowcount == 1


def ended_among(connection: sa.Connection, realms: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the realms whose tokens are no longer valid, and those whose end is in the log; locks the rows."""
    keys = [(realm,) for realm in realms]
    columns = (tokens.c.realm, tokens.c.expired, tokens.c.alarm, tokens.c.disconnected_at)
    rows = bulk.lock(connection, columns, (tokens.c.realm,), keys, (tokens.c.realm,))
    expired = set(realms) - {row[0] for row in rows if not row[1]}
    return expired, {row[0] for row in rows if row[2] == EXPIRED or row[3] is not None}


def mark_told(connection: sa.Connection, realms: Collection[str]) -> None:
    """Remember that the log has the end of these connections."""
    bulk.update(connection, tokens, [{"realm": realm, "alarm": EXPIRED} for realm in sorted(realms)])


def stored(connection: sa.Connection, realm: str) -> StoredTokens | None:
    """Read the tokens of a realm."""
    row = connection.execute(_STORED, {"realm_": realm}).first()
    return None if row is None else StoredTokens(*row)


def lease(
    connection: sa.Connection, realm: str, version: int, holder: str, lasting: timedelta, now: datetime
) -> bool:
    """Lease the refresh of tokens of a version; return whether the caller has it."""
    ends = (sa.literal(instant, UtcInstant()) for instant in (leases.latest_end(lasting, now), now))
    free = leases.has_ended(tokens.c.leased_until, *ends)
    taken = connection.execute(
        tokens.update()
        .where(tokens.c.realm == realm, tokens.c.version == version, free)
        .values(lease_holder=holder, leased_until=now + lasting)
    )
    return taken.rowcount == 1


def release(connection: sa.Connection, realm: str, holder: str) -> None:
    """End the lease of a refresh."""
    connection.execute(
        tokens.update()
        .where(tokens.c.realm == realm, tokens.c.lease_holder == holder)
        .values(lease_holder=None, leased_until=None)
    )


def rotate(
    connection: sa.Connection, realm: str, version: int, sealed: bytes, new: TokenSet, now: datetime
) -> bool:
    """Replace tokens of a version by refreshed ones; return whether they still had that version."""
    sealing.check(connection, sealed)
    hard_end = new.refresh_hard_expires_at
    updated = connection.execute(
        tokens.update()
        .where(tokens.c.realm == realm, tokens.c.version == version)
        .values(
            sealed=sealed,
            version=version + 1,
            access_expires_at=new.access_expires_at,
            refresh_expires_at=new.refresh_expires_at,
            hard_expires_at=tokens.c.hard_expires_at if hard_end is None else hard_end,
            refreshed_at=now,
            lease_holder=None,
            leased_until=None,
        )
    )
    return updated.rowcount == 1


def expire(connection: sa.Connection, realm: str, version: int, reason: str, now: datetime) -> bool:
    """Record that Intuit no longer accepts tokens of a version; return whether they still had that version."""
    of_version = (tokens.c.realm == realm, tokens.c.version == version)
    marked = connection.execute(tokens.update().where(*of_version).values(expired=True))
    if marked.rowcount != 1:
        return False
    tell_expired(connection, realm, reason, now)
    return True


def tell_expired(connection: sa.Connection, realm: str, reason: str, now: datetime) -> None:
    """Append the event that a connection has expired, unless the log has its end already."""
    untold = (
        tokens.c.realm == realm,
        tokens.c.alarm.is_distinct_from(EXPIRED),
        tokens.c.disconnected_at.is_(None),
    )
    told = connection.execute(tokens.update().where(*untold).values(alarm=EXPIRED))
    if told.rowcount != 1:
        return
    row = connection.execute(
        sa.select(tokens.c.workspace, tokens.c.version).where(tokens.c.realm == realm)
    ).one()
    event = own_event(
        catalog.CONNECTION_EXPIRED,
        ConnectionExpired(realm, now, reason),
        workspace=row.workspace,
        source=SOURCE,
        time=now,
        id=f"{realm}:{row.version}:connection.expired.v1",
    )
    log.append_own(connection, [event], now)


def _is_good(row: sa.Row[Any], now: datetime) -> bool:
    return not row.expired and bool(row.refresh_expires_at > now)


def owner(realm: str) -> str:
    """Return the owner that a realm's tokens are sealed for."""
    return f"realm:{realm}"
