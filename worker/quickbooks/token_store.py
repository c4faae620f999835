"""Valid access tokens of each realm, with one refresh in flight across all processes.

A process needs a lease in the database to refresh. It then re-reads the stored tokens, refreshes, and stores the new
tokens before any use. If it dies, or the answer is lost, the lease expires and the next process refreshes with the old
token, which Intuit accepts for a day after it was rotated.

Tokens are cached for some seconds after they were read. This process's own changes apply at once, other processes'
within those seconds. Until then the cache does no harm: a rotated token stays valid until it expires, minutes later, and
Intuit refuses a token of an ended connection, after which `renewed` reads the stored tokens.
"""

from datetime import timedelta

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from events.clock import Clock, Entropy
from events.database.port import Database
from worker.quickbooks import tokens
from worker.quickbooks.errors import NotSent, ReconnectRequired
from worker.quickbooks.oauth import OAuthClient, RefreshTokenOnly, TokenSet
from worker.quickbooks.tokens import StoredTokens
from worker.runtime.vault import KeyRetired, Unsealable, Vault

REFRESH_AHEAD = timedelta(minutes=5)
POLL_SECONDS = 0.1
FRESH_SECONDS = 10.0  # far less than the time before expiry at which tokens are refreshed
logger = structlog.get_logger()


class _Opened(Struct, frozen=True):
    """A realm's decrypted tokens; `read_at` is the monotonic clock's time before the database was read."""

    version: int
    tokens: TokenSet
    read_at: float


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
        return self._vault.seal(msgspec.json.encode(tokens_), tokens.owner(realm))

    def changed(self, realm: str) -> None:
        """Drop a realm's cached tokens, because this process has stored others."""
        self._opened.pop(realm, None)

    async def current(self, realm: str) -> TokenSet:
        """Return the stored tokens, whether or not the access token is still valid.

        Raises:
            ReconnectRequired: The connection has ended.
            NotSent: Our keys can't decrypt them.
        """
        return (await self._current(realm)).tokens

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
                tokens.lease, realm, opened.version, holder, self._lease, self._clock.now()
            ):
                return await self._refresh(realm, opened, holder)
            await self._clock.sleep(POLL_SECONDS)
        raise NotSent(f"Another process is refreshing the token of company {realm}, and takes too long")

    async def prolong(self, realm: str, version: int) -> None:
        """Refresh tokens of a version, unless another process has done so.

        Raises:
            ReconnectRequired: A person has to connect again.
            NotSent: Intuit can't be reached, or our keys can't decrypt the tokens.
        """
        opened = await self._current(realm)
        if opened.version == version:
            await self.renewed(realm, opened.tokens.access_token)

    async def _refresh(self, realm: str, old: _Opened, holder: str) -> str:
        try:
            new = await self._oauth.refresh(old.tokens.refresh_token)
        except ReconnectRequired as problem:
            expired = await self._database.transaction(
                tokens.expire, realm, old.version, str(problem), self._clock.now()
            )
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
            await self._database.transaction(tokens.release, realm, holder)
            raise
        rotated = await self._store(realm, old, new, holder)
        return new.access_token if rotated else (await self._current(realm)).tokens.access_token

    async def _store(self, realm: str, old: _Opened, new: TokenSet, holder: str) -> bool:
        """Replace the old tokens by new ones; return whether the old ones were still stored."""
        try:
            sealed = self.seal(realm, new)
            rotated = await self._database.transaction(
                tokens.rotate, realm, old.version, sealed, new, self._clock.now()
            )
        except KeyRetired as error:
            # Intuit accepts the stored tokens for a day, so a process with another key can continue with them.
            logger.error("tokens.key_retired", realm=realm, problem=str(error))  # noqa: TRY400 - no traceback
            await self._database.transaction(tokens.release, realm, holder)
            raise NotSent(str(error)) from error
        self.changed(realm)
        return rotated

    async def _current(self, realm: str) -> _Opened:
        """Read the stored tokens, and decrypt them if they changed."""
        read_at = self._clock.monotonic()
        stored = await self._database.read(tokens.stored, realm)
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
            plain = self._vault.open(stored.sealed, tokens.owner(realm))
        except Unsealable as error:
            # Restoring the key makes the tokens usable again, so the connection is not expired; other realms are not
            # affected.
            logger.error("tokens.unsealable", realm=realm, problem=str(error))  # noqa: TRY400 - no traceback
            raise NotSent(str(error)) from error
        return msgspec.json.decode(plain, type=TokenSet)
