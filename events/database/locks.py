"""Locks that a transaction holds to its end, so that what must happen one after the other does.

On SQLite every writing transaction holds the whole file from its beginning, so there is nothing to do.
"""

from enum import IntEnum

import sqlalchemy as sa

_HOLD = sa.text("SELECT pg_advisory_xact_lock(:space, :lock)")
SPACE = 0x2C0  # keeps our locks apart from those of others in the same database


class Lock(IntEnum):
    """What is done by one transaction at a time."""

    LOG = 1  # positions are handed out in the order of commits, so that no reader skips an event
    COMMANDS = 2  # a command is claimed once, and one of its subject is in flight at most
    TENANTS = 3  # a workspace is added once; a QuickBooks company is one workspace's
    SCHEMA = 4  # tables are changed by one process
    KEYS = 5  # nothing is sealed with a key while it is being retired


def hold(connection: sa.Connection, lock: Lock) -> None:
    """Wait for a lock, and hold it until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_HOLD, {"space": SPACE, "lock": lock.value})
