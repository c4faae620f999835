"""The keys that seal this database's secrets, and the retired keys.

Code that stores a sealed record calls `check` in the same transaction, so that no record is stored under a key that
another process has just retired.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events.database.locks import Lock, acquire
from events.log.tables import UtcInstant, metadata
from worker.runtime.vault import KeyRetired, key_id_of, retired_words

token_keys = sa.Table(
    "token_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("first_used_at", UtcInstant, nullable=False),
    sa.Column("retired_at", UtcInstant),
    sa.Column("retired_by", sa.Text),
)


class Known(Struct, frozen=True):
    """A key that the database was used with, by its ID, never the key itself."""

    key_id: str
    first_used_at: datetime
    retired_at: datetime | None
    retired_by: str | None


class Sealed(Struct, frozen=True):
    """A table whose column `sealed` holds secrets.

    Attributes:
        name: The kind of secret.
        table: The table; a row without a secret has an empty `sealed`.
        called: Returns the name of a row's secret.
        owner: Returns the owner that a row's secret is sealed for.
        lose: Deletes a row's secret that can't be opened any more, so that it shows as missing.
        remedy: What a person does about a lost secret.
    """

    name: str
    table: sa.Table
    called: Callable[[Any], str]
    owner: Callable[[Any], str]
    lose: Callable[[sa.Connection, Any], None]
    remedy: str


def check(connection: sa.Connection, record: bytes) -> None:
    """Check that the key which sealed a record is not retired, and lock the keys until the transaction ends.

    Raises:
        KeyRetired: The key is retired; the record must not be stored.
    """
    acquire(connection, Lock.KEYS)
    key_id = key_id_of(record)
    retired = sa.select(token_keys.c.key_id).where(
        token_keys.c.key_id == key_id, token_keys.c.retired_at.is_not(None)
    )
    if connection.scalar(retired) is not None:
        raise KeyRetired(retired_words(key_id))


def known(connection: sa.Connection) -> Mapping[str, Known]:
    """Return every key that this database was used with, in order of first use."""
    rows = connection.execute(sa.select(token_keys).order_by(token_keys.c.first_used_at, token_keys.c.key_id))
    return {row.key_id: Known(*row) for row in rows}


def retired(connection: sa.Connection) -> frozenset[str]:
    """Return the IDs of the retired keys."""
    ids = sa.select(token_keys.c.key_id).where(token_keys.c.retired_at.is_not(None))
    return frozenset(connection.scalars(ids))
