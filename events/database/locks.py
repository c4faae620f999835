"""Locks until the end of a transaction, for work that must run one transaction at a time.

On SQLite every writing transaction locks the whole file from its beginning, so nothing else is needed.
"""

from enum import IntEnum

import sqlalchemy as sa

_ACQUIRE = sa.text("SELECT pg_advisory_xact_lock(:space, :lock)")
SPACE = 0x2C0  # separates our locks from other programs' locks in the same database


class Lock(IntEnum):
    """Work that one transaction at a time may do."""

    LOG = 1  # append: positions are assigned in the order of commits, so no reader skips an event
    COMMANDS = 2  # claim: a command is claimed once, and at most one of a subject is in flight
    TENANTS = 3  # add a workspace once; connect a QuickBooks company to one workspace only
    SCHEMA = 4  # change tables
    KEYS = 5  # seal with a key, or retire it


def acquire(connection: sa.Connection, lock: Lock) -> None:
    """Wait for a lock, and keep it until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ACQUIRE, {"space": SPACE, "lock": lock.value})
