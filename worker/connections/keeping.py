"""Keep connections alive: refresh tokens long before they expire, and tell when one ends soon.

Intuit prolongs a refresh token by about 100 days at each refresh. A connection that nothing uses is refreshed here, weekly.
Any number of processes may do this: a refresh is leased, and an alarm is stored by the process that tells it.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from events import leases
from worker.commands.table import realms
from worker.connections import alarms
from worker.quickbooks.errors import NotSent, ReconnectRequired
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.tokens import EXPIRED, tell_expired, tokens
from worker.runtime.repeating import Retry, repeat
from worker.services import Services

REFRESHED_EVERY = timedelta(days=7)
LOOK_SECONDS = 60.0
AT_ONCE = 8
# A connection that could not be refreshed is tried again after this time, and others have their turn before.
RETRY_SECONDS = 900.0
logger = structlog.get_logger()

# A company that its workspace has left for another one is not kept alive.
_KEPT = tokens.outerjoin(realms, realms.c.realm == tokens.c.realm)
_IDLE = (
    sa.select(tokens.c.realm, tokens.c.version)
    .select_from(_KEPT)
    .where(
        ~tokens.c.expired,
        sa.or_(realms.c.connected.is_(None), realms.c.connected),
        sa.or_(
            # Intuit is asked, and says whether it has ended.
            tokens.c.refresh_expires_at <= sa.bindparam("now", type_=tokens.c.refreshed_at.type),
            tokens.c.hard_expires_at <= sa.bindparam("now", type_=tokens.c.refreshed_at.type),
            tokens.c.refreshed_at.is_(None),
            tokens.c.refreshed_at <= sa.bindparam("before", type_=tokens.c.refreshed_at.type),
            tokens.c.refreshed_at > sa.bindparam("latest", type_=tokens.c.refreshed_at.type),
        ),
    )
    .order_by(tokens.c.refresh_expires_at, tokens.c.realm)
)

# Their tokens were deleted, because no key decrypts them, and nothing has tried to use them since.
_LOST = (
    sa.select(tokens.c.realm)
    .select_from(tokens.join(realms, realms.c.realm == tokens.c.realm))
    .where(
        tokens.c.expired,
        tokens.c.disconnected_at.is_(None),
        tokens.c.alarm.is_distinct_from(EXPIRED),
        realms.c.connected,
    )
    .order_by(tokens.c.realm)
)
LOST = "Its tokens were deleted here, since no key decrypts them"


async def work_off(services: Services, gateway: Gateway, stopping: asyncio.Event) -> None:
    """Refresh idle connections, and tell alarms, until `stopping` is set."""
    tried: dict[str, float] = {}

    async def turn() -> bool:
        await refresh(services, gateway, tried)
        await look(services)
        return False

    await repeat(turn, Retry("connection.retry", LOOK_SECONDS), clock=services.clock, stopping=stopping)


async def refresh(services: Services, gateway: Gateway, tried: dict[str, float]) -> None:
    """Refresh connections that nothing has refreshed for a week, once.

    `tried` has, by realm, the monotonic clock's time of a refresh that failed.
    """
    began = services.clock.monotonic()
    for realm in [realm for realm, at in tried.items() if at + RETRY_SECONDS <= began]:
        del tried[realm]
    found = await services.database.read(idle, services.clock.now())
    due = [(realm, version) for realm, version in found if realm not in tried][:AT_ONCE]
    kept = await asyncio.gather(*(_kept(gateway, realm, version) for realm, version in due))
    tried.update((realm, began) for (realm, _), is_kept in zip(due, kept, strict=True) if not is_kept)
    if due:
        services.wake.all()


async def look(services: Services) -> None:
    """Raise and clear the alarms that are due now, and tell which connections have lost their tokens, once."""
    now = services.clock.now()
    changes = await services.database.read(alarms.changed, now)
    lost = await services.database.read(_lost)
    if changes:
        await services.database.transaction(alarms.tell, changes, now)
    for realm in lost:
        await services.database.transaction(tell_expired, realm, LOST, now)
    if changes or lost:
        services.wake.all()


def idle(connection: sa.Connection, now: datetime) -> list[tuple[str, int]]:
    """Return the companies whose tokens nothing has refreshed for a week, each with the version of its tokens.

    Those that expire first come before others.
    """
    instants = {
        "now": now,
        "before": now - REFRESHED_EVERY,
        "latest": leases.latest_end(timedelta(0), now),
    }
    return [(row.realm, row.version) for row in connection.execute(_IDLE, instants)]


def _lost(connection: sa.Connection) -> Sequence[str]:
    return connection.scalars(_LOST).all()


async def _kept(gateway: Gateway, realm: str, version: int) -> bool:
    """Refresh a company's tokens; return whether that needs no other try."""
    try:
        await gateway.tokens.prolong(realm, version)
    except ReconnectRequired:  # it is told where it is noticed
        return True
    except NotSent as problem:
        logger.warning("connection.not_refreshed", realm=realm, problem=str(problem))
        return False
    logger.info("connection.kept_alive", realm=realm)
    return True
