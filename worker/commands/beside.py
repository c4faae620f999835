"""Bulk reads yield to the commands of their company, which another process may send, and share its pauses."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from events.clock import Clock
from events.database.port import Database
from events.log.tables import UtcInstant
from worker.commands.freezing import can_be_dated
from worker.commands.table import ORDER_OF_CLAIMS, commands, is_leased, is_open, its_company, realms
from worker.quickbooks.errors import Throttled

# How long an answer is used again: a bulk read is sent at most every second.
FRESH_SECONDS = 2.0


class _Found(Struct, frozen=True):
    at: float
    has_commands: bool


class CommandsBeside:
    """Lets bulk reads yield to the commands of their company, and share its pause after a 429."""

    def __init__(self, database: Database, clock: Clock, throttled_seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._pause = timedelta(seconds=throttled_seconds)
        self._found: dict[str, _Found] = {}

    async def are_due(self, realm: str) -> bool:
        """Return whether commands of a company are due or in flight.

        Raises:
            Throttled: QuickBooks rate-limited the company, refuses it or failed, and no request is sent for a while.
            DatabaseUnavailable: The database could not be read.
        """
        at = self._clock.monotonic()
        found = self._found.get(realm)
        if found is None or found.at + FRESH_SECONDS <= at:
            now = self._clock.now()
            held, has_commands = await self._database.read(_state, realm, now)
            if held:
                raise Throttled("Requests to the company are paused")
            found = self._found[realm] = _Found(at, has_commands)
        return found.has_commands

    async def pause(self, realm: str) -> None:
        """Send no command of a company for a while: QuickBooks rate-limited a bulk read."""
        now = self._clock.now()
        await self._database.transaction(_pause, realm, now, now + self._pause)


def _state(connection: sa.Connection, realm: str, now: datetime) -> tuple[bool, bool]:
    values = {"realm_": realm, "now": now}
    held = connection.execute(_HELD, values).first() is not None
    return held, connection.execute(_DUE, values).first() is not None


def _pause(connection: sa.Connection, realm: str, now: datetime, until: datetime) -> None:
    connection.execute(_PAUSE, {"realm_": realm, "now": now, "until": until})


_NOW = sa.bindparam("now", type_=UtcInstant)
_REALM = sa.bindparam("realm_", type_=sa.Text)
_HELD = sa.select(realms.c.realm).where(
    realms.c.realm == _REALM, realms.c.not_before > _NOW, realms.c.waits_since <= _NOW
)
_COMMANDS = (
    sa.select(commands.c.request_id)
    .where(is_open(), its_company(), can_be_dated(), sa.or_(is_leased(), commands.c.due_at <= _NOW))
    .order_by(*ORDER_OF_CLAIMS)
    .limit(1)
)
_DUE = sa.select(realms.c.realm).where(
    realms.c.realm == _REALM,
    realms.c.connected,
    ~realms.c.paused,
    realms.c.gate.is_(None),
    _COMMANDS.correlate(realms).scalar_subquery().is_not(None),
)
_PAUSE = (
    realms.update()
    .where(realms.c.realm == _REALM, sa.or_(realms.c.not_before.is_(None), realms.c.not_before < _NOW))
    .values(not_before=sa.bindparam("until", type_=UtcInstant), waits_since=_NOW)
)
