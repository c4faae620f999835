"""Which keys seal this database's secrets, and which are retired.

Whatever stores a sealed record calls `check` in the same transaction, so that none is stored under a key that was retired
a moment before, by whichever process.
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
    """A key by its id, never the key itself."""

    key_id: str
    first_used_at: datetime
    retired_at: datetime | None
    retired_by: str | None


class Sealed(Struct, frozen=True):
    """A table whose column `sealed` holds secrets.

    Attributes:
        name: What a record is.
        table: The table; where there is no secret, `sealed` is empty.
        called: What a row's record is called.
        owner: For whom a row's record is sealed.
        lose: Forgets a row's record that can't be opened any more, so that everybody sees that it is gone.
        remedy: What a person does about one that is lost.
    """

    name: str
    table: sa.Table
    called: Callable[[Any], str]
    owner: Callable[[Any], str]
    lose: Callable[[sa.Connection, Any], None]
    remedy: str


def check(connection: sa.Connection, record: bytes) -> None:
    """See that the key which sealed a record is not retired, and keep it so until the transaction ends.

    Raises:
        KeyRetired: It is; the record must not be stored.
    """
    acquire(connection, Lock.KEYS)
    key_id = key_id_of(record)
    retired = sa.select(token_keys.c.key_id).where(
        token_keys.c.key_id == key_id, token_keys.c.retired_at.is_not(None)
    )
    if connection.scalar(retired) is not None:
        raise KeyRetired(retired_words(key_id))


def known(connection: sa.Connection) -> Mapping[str, Known]:
    """Return every key that this database was ever used with, in order."""
    rows = connection.execute(sa.select(token_keys).order_by(token_keys.c.first_used_at, token_keys.c.key_id))
    return {row.key_id: Known(*row) for row in rows}


def retired(connection: sa.Connection) -> frozenset[str]:
    """Return the ids of the keys that are retired."""
    ids = sa.select(token_keys.c.key_id).where(token_keys.c.retired_at.is_not(None))
    return frozenset(connection.scalars(ids))
