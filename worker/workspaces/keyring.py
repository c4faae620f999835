"""The life of the token keys, which encrypt secrets: added, replaced by a newer key, retired, lost.

The database stores the ID of every key that was used with it. A process without any of these keys does not start, since
it could decrypt nothing; nor does one with a retired key. `SEALED` lists all tables of secrets; a test ensures that none
is missing.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from msgspec import Struct

from events.clock import Clock, Entropy
from events.database.locks import Lock, acquire
from events.database.port import Database
from events.errors import UserError
from worker.quickbooks import grants, tokens
from worker.runtime import sealing
from worker.runtime.environment import ConfigurationError, Environment
from worker.runtime.installed import key_file, token_keys
from worker.runtime.repeating import Retry, repeat
from worker.runtime.sealing import Known, Sealed
from worker.runtime.vault import Unsealable, Vault, key_id_of, retired_words
from worker.workspaces import docusign_keys
from worker.workspaces.tenants import workspaces

SEALED: Sequence[Sealed] = (tokens.SEALED, grants.SEALED, docusign_keys.SEALED)
LOOK_SECONDS = 10.0
NAMED_MAX = 5
_KEYS = sealing.token_keys
logger = structlog.get_logger()


class KeyringRefused(UserError):
    """A change of a key was refused; the message has the reason and a remedy."""


class Shown(Struct, frozen=True):
    """A key as people see it; never the key itself.

    Attributes:
        key_id: Its ID.
        place: Its place in Q2C_TOKEN_KEYS, from 1 for the newest; None if it is not there.
        records: How many secrets it encrypts.
        first_used_at: When it was first used with this database.
        retired_at: When it was retired.
        retired_by: The person who retired it.
    """

    key_id: str
    place: int | None
    records: int
    first_used_at: datetime | None = None
    retired_at: datetime | None = None
    retired_by: str | None = None


class Resealed(Struct, frozen=True):
    """The result of `reseal`: how many secrets were resealed or already had the newest key, and the unreadable ones."""

    resealed: int
    current: int
    unreadable: tuple[str, ...]


class KeyUse(Struct, frozen=True):
    """The keys that were used with this database; `begun` is false while it can have no secret yet."""

    known: Mapping[str, Known]
    begun: bool


async def open_vault(environment: Environment, database: Database, entropy: Entropy, now: datetime) -> Vault:
    """Open the vault with the configured keys, and store the IDs of new ones in the database.

    Raises:
        ConfigurationError: A key was retired, or none of the keys belongs to this database; the message has a remedy.
    """
    found = await database.read(state)
    vault = Vault(token_keys(environment, make=not found.begun), entropy)
    check(environment, vault.key_ids, found.known)
    if not set(vault.key_ids) <= set(found.known):
        await database.transaction(note, vault.key_ids, now)
    return vault


def state(connection: sa.Connection) -> KeyUse:
    """Return the keys that were used with this database."""
    found = sealing.known(connection)
    has_workspace = sa.select(workspaces.c.workspace).limit(1)
    return KeyUse(found, bool(found) or connection.scalar(has_workspace) is not None)


def check(environment: Environment, given: Sequence[str], known: Mapping[str, Known]) -> None:
    """Check that the configured keys may be used.

    Raises:
        ConfigurationError: One of them was retired, or the database was used with other keys only.
    """
    for place, key_id in enumerate(given, start=1):
        found = known.get(key_id)
        if found is not None and found.retired_at is not None:
            where = (
                f"Q2C_TOKEN_KEYS: key {place}" if environment.token_keys else f"{key_file(environment)}: key"
            )
            raise ConfigurationError(
                f"{where} ({key_id}) was retired on {found.retired_at:%Y-%m-%d}; remove it"
                + (
                    " from Q2C_TOKEN_KEYS"
                    if environment.token_keys
                    else ", and set Q2C_TOKEN_KEYS to the keys in use"
                )
            )
    in_use = [key_id for key_id, found in known.items() if found.retired_at is None]
    if in_use and not set(in_use).intersection(given):
        where = "Q2C_TOKEN_KEYS" if environment.token_keys else str(key_file(environment).absolute())
        raise ConfigurationError(
            f"{where}: this database's secrets are encrypted with other keys ({', '.join(in_use)}) than yours"
            f" ({', '.join(given)}). Put one of those keys back, after any newer key. If they are lost for good,"
            " q2c keys lost --yes deletes the secrets that they encrypt"
        )


def note(connection: sa.Connection, key_ids: Sequence[str], now: datetime) -> None:
    """Store the IDs of keys that are new to the database."""
    acquire(connection, Lock.KEYS)
    there = sealing.known(connection)
    rows = [
        {"key_id": key_id, "first_used_at": now} for key_id in dict.fromkeys(key_ids) if key_id not in there
    ]
    if rows:
        connection.execute(_KEYS.insert(), rows)


def shown(connection: sa.Connection, given: Sequence[str]) -> list[Shown]:
    """Return every key that was used with the database, that is configured, or that encrypts a secret."""
    there = sealing.known(connection)
    records = Counter(key_id_of(row.sealed) for _, row in _records(connection))
    rows = []
    for key_id in dict.fromkeys((*there, *given, *records)):
        found = there.get(key_id)
        place = given.index(key_id) + 1 if key_id in given else None
        dates = (found.first_used_at, found.retired_at, found.retired_by) if found else ()
        rows.append(Shown(key_id, place, records[key_id], *dates))
    return rows


def reseal(connection: sa.Connection, vault: Vault) -> Resealed:
    """Encrypt every secret with the newest key, so that older keys can be retired; unreadable secrets stay as they are."""
    _hold_all(connection)
    resealed, current, unreadable = 0, 0, []
    for sealed, row in _records(connection):
        if vault.is_current(row.sealed):
            current += 1
            continue
        try:
            plain = vault.open(row.sealed, sealed.owner(row))
        except Unsealable as error:
            unreadable.append(f"{sealed.name} {sealed.called(row)}: {error}")
            continue
        key = [column == getattr(row, column.name) for column in sealed.table.primary_key]
        # Tokens that were refreshed meanwhile stay: they are newer, and have the newest key already.
        changed = connection.execute(
            sealed.table.update()
            .where(*key, sealed.table.c.sealed == row.sealed)
            .values(sealed=vault.seal(plain, sealed.owner(row)))
        )
        resealed += changed.rowcount
    return Resealed(resealed, current, tuple(unreadable))


def retire(connection: sa.Connection, vault: Vault, key_id: str, now: datetime, by: str) -> Shown:
    """Retire a key: refuse it from now on. A key that is retired already stays as it is.

    Raises:
        KeyringRefused: There is no such key, it is the newest, or it still encrypts a secret.
    """
    _hold_all(connection)
    there = {key.key_id: key for key in shown(connection, vault.key_ids)}
    key = there.get(key_id.strip().lower())
    if key is None:
        raise KeyringRefused(f"Unknown key {key_id[:64]!r}; choose from {', '.join(there)} (q2c keys list)")
    if key.place == 1:
        raise KeyringRefused(
            f"Key {key.key_id} is the newest, so it encrypts every new secret: put a new key before it in Q2C_TOKEN_KEYS"
            " everywhere, restart every process, then run q2c keys reseal"
        )
    if key.records:
        named = [
            f"{sealed.name} {sealed.called(row)}"
            for sealed, row in _records(connection)
            if key_id_of(row.sealed) == key.key_id
        ]
        more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
        raise KeyringRefused(
            f"Key {key.key_id} still encrypts secrets ({', '.join(named[:NAMED_MAX])}{more}): run q2c keys reseal. If that"
            " does not help, a process still runs with this key as the newest, or the key is lost (q2c keys lost)"
        )
    _mark_retired(connection, [key.key_id], now, by)
    return next(found for found in shown(connection, vault.key_ids) if found.key_id == key.key_id)


def lose(connection: sa.Connection, vault: Vault, now: datetime, by: str) -> list[str]:
    """Delete every secret that the given keys do not decrypt, and retire the missing keys.

    Returns:
        A line for each deleted secret, with its remedy.

    Raises:
        KeyringRefused: One of the given keys was retired.
    """
    _hold_all(connection)
    if retired := sealing.retired(connection).intersection(vault.key_ids):
        raise KeyringRefused(f"Key {min(retired)} was retired; remove it from Q2C_TOKEN_KEYS")
    gone = []
    for sealed, row in list(_records(connection)):
        try:
            vault.open(row.sealed, sealed.owner(row))
        except Unsealable:
            sealed.lose(connection, row)
            gone.append(f"{sealed.name} {sealed.called(row)}: {sealed.remedy}")
    note(connection, vault.key_ids, now)
    missing = [key_id for key_id in sealing.known(connection) if key_id not in vault.key_ids]
    _mark_retired(connection, missing, now, by)
    return gone


async def watch(vault: Vault, database: Database, clock: Clock, stopping: asyncio.Event) -> None:
    """Poll for retired keys until `stopping` is set; this process no longer encrypts or decrypts with a retired key.

    Raises:
        ConfigurationError: The newest key was retired; the process has to restart with other keys.
    """

    async def turn() -> bool:
        if vault.retire(await database.read(sealing.retired)):
            raise ConfigurationError(retired_words(vault.key_ids[0]))
        return False

    await repeat(
        turn,
        Retry("keys.retry", LOOK_SECONDS),
        clock=clock,
        stopping=stopping,
    )


def _hold_all(connection: sa.Connection) -> None:
    """Lock all secrets against storing and deleting, in the order in which other transactions take both locks."""
    acquire(connection, Lock.TENANTS)
    acquire(connection, Lock.KEYS)


def _mark_retired(connection: sa.Connection, key_ids: Sequence[str], now: datetime, by: str) -> None:
    note(connection, key_ids, now)
    connection.execute(
        _KEYS.update()
        .where(_KEYS.c.key_id.in_(key_ids), _KEYS.c.retired_at.is_(None))
        .values(retired_at=now, retired_by=by)
    )


def _records(connection: sa.Connection) -> Iterator[tuple[Sealed, Any]]:
    """Yield every sealed record, with the description of its table."""
    for sealed in SEALED:
        there = sealed.table.select().where(sealed.table.c.sealed != b"").order_by(*sealed.table.primary_key)
        for row in connection.execute(there).all():
            yield sealed, row
