"""The tokens of each realm: sealed at rest, one refresh in flight across all processes.

A refresh is led by a lease in the database. Whoever holds it re-reads the stored tokens, refreshes, and
stores what came before anybody uses it. If the holder dies, or the answer is lost, the lease runs out and
the next one refreshes with the old token, which Intuit accepts for a day after it was replaced.

Tokens that were read are given out for some seconds without asking the database again. What this process itself
changes counts at once; what another process changes, within those seconds. Till then nothing wrong can come of it: a
token that was replaced stays good until it expires, which is minutes off, and one whose connection was ended is refused
by Intuit, upon which `renewed` reads what is stored.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace

from events import leases
from events.clock import Clock, Entropy
from events.database import bulk
from events.database.locks import Lock, acquire
from events.database.port import Database
from events.database.statements import Statement
from events.log.tables import UtcInstant, metadata
from worker.quickbooks.errors import ConnectionExpired, NotSent
from worker.quickbooks.oauth import OAuthClient, RefreshTokenOnly, TokenSet
from worker.runtime import sealing
from worker.runtime.sealing import Sealed
from worker.runtime.vault import KeyRetired, Unsealable, Vault

REFRESH_AHEAD = timedelta(minutes=5)
POLL_SECONDS = 0.1
FRESH_SECONDS = 10.0  # far less than tokens are refreshed ahead
logger = structlog.get_logger()

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
)

_STORED = Statement(
    sa.select(tokens.c.sealed, tokens.c.version, tokens.c.expired).where(
        tokens.c.realm == sa.bindparam("realm_")
    )
)


SEALED = Sealed(
    name="tokens of QuickBooks company",
    table=tokens,
    called=lambda row: str(row.realm),
    owner=lambda row: _owner(row.realm),
    lose=lambda connection, row: forget(connection, row.realm),
    remedy="connect again (q2c connect)",
)


class RealmTaken(Exception):
    """The QuickBooks company is connected to another workspace already."""


class Stored(Struct, frozen=True):
    """A realm's tokens as they are in the database."""

    sealed: bytes
    version: int
    expired: bool


class _Opened(Struct, frozen=True):
    """A realm's tokens as they were read; `read_at` is the monotonic clock's, before the database was asked."""

    version: int
    tokens: TokenSet
    read_at: float


def put(
    connection: sa.Connection,
    *,
    realm: str,
    workspace: str,
    sealed: bytes,
    of: TokenSet,
    now: datetime,
) -> None:
    """Store the tokens of a realm that a person connected.

    Raises:
        RealmTaken: Another workspace holds the realm.
        KeyRetired: The key that sealed them was retired meanwhile.
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
            }
        ],
    )


def is_held(connection: sa.Connection, realm: str, now: datetime) -> bool:
    """Say whether a workspace has good tokens of a realm; nobody changes that before the transaction ends."""
    acquire(connection, Lock.TENANTS)
    row = connection.execute(sa.select(tokens).where(tokens.c.realm == realm)).first()
    return row is not None and _is_good(row, now)


def held(connection: sa.Connection, now: datetime, limit: int) -> Sequence[str]:
    """Return companies that any workspace has good tokens of, at most so many."""
    good = (~tokens.c.expired, tokens.c.refresh_expires_at > now)
    return connection.scalars(
        sa.select(tokens.c.realm).where(*good).order_by(tokens.c.realm).limit(limit)
    ).all()


def forget(connection: sa.Connection, realm: str) -> None:
    """Drop the tokens of a realm; a person has to connect again, in whichever workspace.

    The row stays, and its version grows: else a later consent would get a version that processes still
    know old tokens by, and a refresh in flight could bring the tokens back.
    """
    connection.execute(
        tokens.update()
        .where(tokens.c.realm == realm)
        .values(sealed=b"", version=tokens.c.version + 1, expired=True, lease_holder=None, leased_until=None)
    )


def expired_among(connection: sa.Connection, realms: Collection[str]) -> set[str]:
    """Return those realms whose tokens are no longer good; where they were stored, nobody changes them meanwhile."""
    keys = [(realm,) for realm in realms]
    rows = bulk.lock(
        connection, (tokens.c.realm, tokens.c.expired), (tokens.c.realm,), keys, (tokens.c.realm,)
    )
    return set(realms) - {realm for realm, is_expired in rows if not is_expired}


class TokenStore:
    """Gives out access tokens that are good, refreshing them when they are not."""

    def __init__(
        self, database: Database, clock: Clock, entropy: Entropy, vault: Vault, oauth: OAuthClient
    ) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy
        self._vault = vault
        self._oauth = oauth
        # Nobody else begins while a holder lives, and whoever waits sees a dead one's lease end.
        self._lease = 1.5 * oauth.refresh_lasts_at_most
        self._wait = 2 * oauth.refresh_lasts_at_most
        self._opened: dict[str, _Opened] = {}

    def seal(self, realm: str, tokens_: TokenSet) -> bytes:
        """Encrypt tokens for `put`."""
        return self._vault.seal(msgspec.json.encode(tokens_), _owner(realm))

    def changed(self, realm: str) -> None:
        """Learn that this process has stored other tokens of a realm."""
        self._opened.pop(realm, None)

    async def access_token(self, realm: str) -> str:
        """Return an access token that is good for some minutes yet.

        Raises:
            ConnectionExpired: A person has to connect again.
            NotSent: Intuit can't be reached to refresh it, or our keys do not open it.
        """
        opened = self._opened.get(realm)
        if opened is None or opened.read_at + FRESH_SECONDS <= self._clock.monotonic():
            opened = await self._current(realm)
        if opened.tokens.access_expires_at > self._clock.now() + REFRESH_AHEAD:
            return opened.tokens.access_token
        return await self.renewed(realm, opened.tokens.access_token)

    async def renewed(self, realm: str, refused: str) -> str:
        """Return another access token than the one that was refused.

        Raises:
            ConnectionExpired: A person has to connect again.
            NotSent: Intuit can't be reached, or another process takes too long over it.
        """
        holder = self._entropy.token()
        deadline = self._clock.monotonic() + self._wait.total_seconds()
        while self._clock.monotonic() < deadline:
            opened = await self._current(realm)
            if opened.tokens.access_token != refused:
                return opened.tokens.access_token
            if await self._database.transaction(
                _lease, realm, opened.version, holder, self._lease, self._clock.now()
            ):
                return await self._refresh(realm, opened, holder)
            await self._clock.sleep(POLL_SECONDS)
        raise NotSent(f"Another process is refreshing the token of company {realm}, and takes too long")

    async def _refresh(self, realm: str, old: _Opened, holder: str) -> str:
        try:
            new = await self._oauth.refresh(old.tokens.refresh_token)
        except ConnectionExpired:
            expired = await self._database.transaction(_expire, realm, old.version)
            self.changed(realm)
            if expired:
                logger.warning("connection.expired", realm=realm)
                raise
            return (await self._current(realm)).tokens.access_token
        except RefreshTokenOnly as problem:
            kept = replace(old.tokens, refresh_token=problem.refresh_token)
            await self._store(realm, old, kept, holder)
            raise
        except NotSent:
            await self._database.transaction(_release, realm, holder)
            raise
        rotated = await self._store(realm, old, new, holder)
        return new.access_token if rotated else (await self._current(realm)).tokens.access_token

    async def _store(self, realm: str, old: _Opened, new: TokenSet, holder: str) -> bool:
        """Store tokens in place of those that they are from; say whether those were there still."""
        try:
            sealed = self.seal(realm, new)
            rotated = await self._database.transaction(_rotate, realm, old.version, sealed, new)
        except KeyRetired as error:
            # Intuit takes the tokens that are stored for a day yet, so a process with another key goes on with them.
            logger.error("tokens.key_retired", realm=realm, problem=str(error))  # noqa: TRY400 - no traceback
            await self._database.transaction(_release, realm, holder)
            raise NotSent(str(error)) from error
        self.changed(realm)
        return rotated

    async def _current(self, realm: str) -> _Opened:
        """Read what is stored, and open it if it is not what was read before."""
        read_at = self._clock.monotonic()
        stored = await self._database.read(_stored, realm)
        if stored is None or stored.expired:
            self.changed(realm)
            raise ConnectionExpired(f"QuickBooks company {realm} is no longer connected")
        known = self._opened.get(realm)
        if known is not None and known.version == stored.version:
            tokens_ = known.tokens
        else:
            tokens_ = self._open(realm, stored)
        self._opened[realm] = opened = _Opened(stored.version, tokens_, read_at)
        return opened

    def _open(self, realm: str, stored: Stored) -> TokenSet:
        try:
            plain = self._vault.open(stored.sealed, _owner(realm))
        except Unsealable as error:
            # A key given back makes it good again, so the connection is not expired; and one realm's
            # trouble stops no other.
            logger.error("tokens.unsealable", realm=realm, problem=str(error))  # noqa: TRY400 - no traceback
            raise NotSent(str(error)) from error
        return msgspec.json.decode(plain, type=TokenSet)


def _stored(connection: sa.Connection, realm: str) -> Stored | None:
    return next((Stored(*row) for row in _STORED.rows(connection, {"realm_": realm})), None)


def _lease(
    connection: sa.Connection, realm: str, version: int, holder: str, lasting: timedelta, now: datetime
) -> bool:
    ends = (sa.literal(instant, UtcInstant()) for instant in (leases.latest_end(lasting, now), now))
    free = leases.has_ended(tokens.c.leased_until, *ends)
    taken = connection.execute(
        tokens.update()
        .where(tokens.c.realm == realm, tokens.c.version == version, free)
        .values(lease_holder=holder, leased_until=now + lasting)
    )
    return taken.rowcount == 1


def _release(connection: sa.Connection, realm: str, holder: str) -> None:
    connection.execute(
        tokens.update()
        .where(tokens.c.realm == realm, tokens.c.lease_holder == holder)
        .values(lease_holder=None, leased_until=None)
    )


def _rotate(connection: sa.Connection, realm: str, version: int, sealed: bytes, new: TokenSet) -> bool:
    sealing.check(connection, sealed)
    stored = connection.execute(
        tokens.update()
        .where(tokens.c.realm == realm, tokens.c.version == version)
        .values(
            sealed=sealed,
            version=version + 1,
            access_expires_at=new.access_expires_at,
            refresh_expires_at=new.refresh_expires_at,
            lease_holder=None,
            leased_until=None,
        )
    )
    return stored.rowcount == 1


def _expire(connection: sa.Connection, realm: str, version: int) -> bool:
    marked = connection.execute(
        tokens.update().where(tokens.c.realm == realm, tokens.c.version == version).values(expired=True)
    )
    return marked.rowcount == 1


def _is_good(row: sa.Row[Any], now: datetime) -> bool:
    return not row.expired and bool(row.refresh_expires_at > now)


def _owner(realm: str) -> str:
    return f"realm:{realm}"
