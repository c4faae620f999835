"""The roles by name, the roles that an installation can have, and the context of a role."""

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec import Struct

from worker.quickbooks.gateway import Gateway
from worker.runtime.environment import ConfigurationError, Environment
from worker.services import Services


class Role(StrEnum):
    """A part of the worker that can run as a process."""

    WEB = "web"
    INGEST = "ingest"
    PROCESS = "process"
    DISPATCH = "dispatch"
    RELAY = "relay"
    SCHEDULE = "schedule"
    SYNC = "sync"


NEEDS_KAFKA = frozenset({Role.INGEST, Role.RELAY})
NEEDS_QUICKBOOKS = frozenset({Role.WEB, Role.DISPATCH, Role.SYNC})
PUBLISHES = frozenset({Role.WEB, Role.RELAY})


class RoleContext(Struct, frozen=True):
    """The context in which a role runs.

    Attributes:
        services: Open services.
        gateway: The gateway to QuickBooks, for the roles that need one.
        holder: The holder of leases, unique to the process.
        stopping: Set to stop the role; it finishes its current work and ends.
        host: The address that the front door listens on.
        port: The front door's port; 0 picks a free one.
        listening: Called with the URL once the front door listens.
    """

    services: Services
    gateway: Gateway | None
    holder: str
    stopping: asyncio.Event
    host: str
    port: int
    listening: Callable[[str], None]

    def quickbooks(self) -> Gateway:
        """Return the gateway to QuickBooks.

        Raises:
            ConfigurationError: The process has opened none.
        """
        if self.gateway is None:
            raise ConfigurationError("This role needs QuickBooks")
        return self.gateway


def chosen(environment: Environment, names: Sequence[str]) -> tuple[Role, ...]:
    """Return the roles with certain names, to run in a separate process.

    Raises:
        ConfigurationError: A role does not exist, or the installation can't have it.
    """
    known = ", ".join(Role)
    if unknown := [name for name in names if name not in set(Role)]:
        raise ConfigurationError(f"Unknown role {unknown[0]!r}; choose from {known}")
    if environment.embedded:
        raise ConfigurationError(
            "Roles in separate processes need PostgreSQL, because a SQLite file allows one writer at a time:"
            " set Q2C_DATABASE_URL to postgresql://…, or run everything in one process with q2c up"
        )
    roles = tuple(dict.fromkeys(Role(name) for name in names))
    if environment.kafka_url is None and (lacking := [role for role in roles if role in NEEDS_KAFKA]):
        raise ConfigurationError(f"Q2C_KAFKA_URL: not set; the role {lacking[0]} needs it")
    return roles


def all_that_fit(environment: Environment) -> tuple[Role, ...]:
    """Return every role that the installation can have."""
    return tuple(role for role in Role if environment.kafka_url or role not in NEEDS_KAFKA)
