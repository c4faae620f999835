"""The tokens of each realm: sealed at rest, one refresh in flight across all processes.

A process needs a lease in the database to refresh. It then re-reads the stored tokens, refreshes, and stores the new
tokens before any use. If it dies, or the answer is lost, the lease expires and the next process refreshes with the old
token, which Intuit accepts for a day after it was rotated.

Tokens are cached for some seconds after they were read. This process's own changes apply at once, other processes'
within those seconds. Until then the cache does no harm: a rotated token stays valid until it expires, minutes later, and
Intuit refuses a token of an ended connection, after which `renewed` reads the stored tokens.
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
from events.log.tables import UtcInstant, metadata
from worker.quickbooks.errors import NotSent, ReconnectRequired
from worker.quickbooks.oauth import OAuthClient, RefreshTokenOnly, TokenSet
from worker.runtime import sealing
from worker.runtime.sealing import Sealed
from worker.runtime.vault import KeyRetired, Unsealable, Vault

REFRESH_AHEAD = timedelta(minutes=5)
POLL_SECONDS = 0.1
FRESH_SECONDS = 10.0  # far less than the time before expiry at which tokens are refreshed
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
    owner=lambda row: _owner(row.realm),
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


class _Opened(Struct, frozen=True):
    """A realm's decrypted tokens; `read_at` is the monotonic clock's time before the database was read."""

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


def expired_among(connection: sa.Connection, realms: Collection[str]) -> set[str]:
    """Return the realms whose tokens are no longer valid; locks the rows until the transaction ends."""
    keys = [(realm,) for realm in realms]
    rows = bulk.lock(
        connection, (tokens.c.realm, tokens.c.expired), (tokens.c.realm,), keys, (tokens.c.realm,)
    )
    return set(realms) - {realm for realm, is_expired in rows if not is_expired}


class TokenStore:
    """Returns valid access tokens, and refreshes them when needed."""

    def __init__(
        self, database: Database, clock: Clock, entropy: Entropy, vault: Vault, oauth: OAuthClient
    ) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy
        self._vault = vault
        self._oauth = oauth
        # No other process begins while the holder lives, and a waiting process sees a dead holder's lease expire.
        self._lease = 1.5 * oauth.refresh_lasts_at_most
        self._wait = 2 * oauth.refresh_lasts_at_most
        self._opened: dict[str, _Opened] = {}

    def seal(self, realm: str, tokens_: TokenSet) -> bytes:
        """Encrypt tokens for `put`."""
        return self._vault.seal(msgspec.json.encode(tokens_), _owner(realm))

    def changed(self, realm: str) -> None:
        """Drop a realm's cached tokens, because this process has stored others."""
        self._opened.pop(realm, None)

    async def access_token(self, realm: str) -> str:
        """Return an access token that stays valid for some minutes.

        Raises:
            ReconnectRequired: A person has to connect again.
            NotSent: Intuit can't be reached to refresh it, or our keys can't decrypt it.
        """
        opened = self._opened.get(realm)
        if opened is None or opened.read_at + FRESH_SECONDS <= self._clock.monotonic():
            opened = await self._current(realm)
        if opened.tokens.access_expires_at > self._clock.now() + REFRESH_AHEAD:
            return opened.tokens.access_token
        return await self.renewed(realm, opened.tokens.access_token)

    async def renewed(self, realm: str, refused: str) -> str:
        """Return an access token that differs from the refused one.

        Raises:
            ReconnectRequired: A person has to connect again.
            NotSent: Intuit can't be reached, or another process takes too long to refresh.
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
        except ReconnectRequired:
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
        """Replace the old tokens by new ones; return whether the old ones were still stored."""
        try:
            sealed = self.seal(realm, new)
            rotated = await self._database.transaction(_rotate, realm, old.version, sealed, new)
        except KeyRetired as error:
            # Intuit accepts the stored tokens for a day, so a process with another key can continue with them.
            logger.error("tokens.key_retired", realm=realm, problem=str(error))  # noqa: TRY400 - no traceback
            await self._database.transaction(_release, realm, holder)
            raise NotSent(str(error)) from error
        self.changed(realm)
        return rotated

    async def _current(self, realm: str) -> _Opened:
        """Read the stored tokens, and decrypt them if they changed."""
        read_at = self._clock.monotonic()
        stored = await self._database.read(_stored, realm)
        if stored is None or stored.expired:
            self.changed(realm)
            raise ReconnectRequired(f"QuickBooks company {realm} is no longer connected")
        known = self._opened.get(realm)
        if known is not None and known.version == stored.version:
            tokens_ = known.tokens
        else:
            tokens_ = self._open(realm, stored)
        self._opened[realm] = opened = _Opened(stored.version, tokens_, read_at)
        return opened

    def _open(self, realm: str, stored: StoredTokens) -> TokenSet:
        try:
            plain = self._vault.open(stored.sealed, _owner(realm))
        except Unsealable as error:
            # Restoring the key makes the tokens usable again, so the connection is not expired; other realms are not
            # affected.
            logger.error("tokens.unsealable", realm=realm, problem=str(error))  # noqa: TRY400 - no traceback
            raise NotSent(str(error)) from error
        return msgspec.json.decode(plain, type=TokenSet)


def _stored(connection: sa.Connection, realm: str) -> StoredTokens | None:
    row = connection.execute(_STORED, {"realm_": realm}).first()
    return None if row is None else StoredTokens(*row)


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
