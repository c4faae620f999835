"""Complete consents: for the page that waits for one, and later in the background."""

import asyncio
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import ConnectionAwaited
from events.errors import DatabaseUnavailable
from events.log import log
from worker.connections import steps
from worker.connections.pending import ConsentStatus, Lost, event_of, lease, tokens_of
from worker.connections.proof import NotProven, Unanswered
from worker.quickbooks import grants
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.grants import PendingGrant
from worker.runtime.repeating import Retry, repeat
from worker.services import Services

ASKED_FOR = timedelta(minutes=10)
REVOKED_FOR = timedelta(days=1)
LOOK_SECONDS = 5.0
AT_ONCE = 8
# A page waits for this many attempts, if they end quickly.
TRIES_OF_A_PAGE = 3
PAGE_SECONDS = 10.0
BETWEEN_TRIES_SECONDS = 1.0
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 5.0, 60.0
WAITING = (
    "QuickBooks has not answered yet; the request is retried for ten minutes, then the connection is given up"
)
logger = structlog.get_logger()


async def work_off(services: Services, gateway: Gateway, stopping: asyncio.Event) -> None:
    """Continue grants that no process has leased, until `stopping` is set."""

    async def turn() -> bool:
        await look(services, gateway)
        return False

    await repeat(
        turn,
        Retry("consent.retry", LOOK_SECONDS),
        clock=services.clock,
        stopping=stopping,
    )


async def look(services: Services, gateway: Gateway) -> None:
    """Continue the grants that are due now, once.

    Raises:
        DatabaseUnavailable: The database can't say which.
    """
    found = await services.database.read(grants.due, services.clock.now(), AT_ONCE)
    await asyncio.gather(*(_continue(services, gateway, grant) for grant in found))


async def _continue(services: Services, gateway: Gateway, grant: PendingGrant) -> None:
    now = services.clock.now()
    try:
        taken = await services.database.transaction(grants.take, grant, now + lease(gateway), now)
        if taken is not None:
            await see_through(services, gateway, taken)
    except DatabaseUnavailable as error:  # the lease expires
        logger.warning("consent.retry", workspace=grant.workspace, problem=str(error))


async def see_through(
    services: Services, gateway: Gateway, grant: PendingGrant, *, tries: int = 1
) -> ConsentStatus:
    """Continue a grant that is leased to the caller until it ends, or until an answer is missing."""
    until = services.clock.monotonic() + PAGE_SECONDS
    refused: ConsentStatus | None = None
    try:
        while True:
            try:
                found = await steps.STEPS[grant.step](services, gateway, grant)
            except Unanswered as problem:
                tries -= 1
                grant = replace(grant, attempts=grant.attempts + 1)
                if refused is None and tries > 0 and services.clock.monotonic() < until:
                    await services.clock.sleep(BETWEEN_TRIES_SECONDS)
                    continue
                found = await _handed_back(services, gateway, grant, str(problem))
            if isinstance(found, ConsentStatus):
                return refused or found
            if found.step == "revoking" and grant.step != "revoking":
                refused = ConsentStatus("refused", grant.workspace, grant.realm, found.problem or "")
            grant = found
    except Lost:
        return refused or ConsentStatus("waiting", grant.workspace, grant.realm, WAITING)


async def _handed_back(
    services: Services, gateway: Gateway, grant: PendingGrant, problem: str
) -> PendingGrant | ConsentStatus:
    """Release a grant for a later attempt; end it if that has gone on for too long."""
    now = services.clock.now()
    revoking = grant.step == "revoking"
    seconds = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS * 2 ** min(grant.attempts - 1, 10))
    until = grant.created_at + (REVOKED_FOR if revoking else ASKED_FOR)
    if now < until:
        due_at = min(now + timedelta(seconds=seconds), until)
        await services.database.transaction(_release, grant, problem, due_at, now)
        return ConsentStatus("waiting", grant.workspace, grant.realm, WAITING)
    if revoking:
        logger.error("consent.not_revoked", workspace=grant.workspace, realm=grant.realm, problem=problem)
        await services.database.transaction(grants.drop, grant)
        return ConsentStatus("refused", grant.workspace, grant.realm, problem)
    granted = tokens_of(services, grant) if grant.step == "proving" else None
    gave_up = NotProven(f"QuickBooks has not answered for ten minutes: {problem}", "not_answered")
    return await steps.refused(services, gateway, grant, gave_up, granted)


def _release(
    connection: sa.Connection, grant: PendingGrant, problem: str, due_at: datetime, now: datetime
) -> None:
    if not grants.hand_back(connection, grant, problem, due_at, now):
        raise Lost
    if grant.step != "revoking" and grant.problem is None:
        until = grant.created_at + ASKED_FOR
        fact = ConnectionAwaited(grant.realm, grant.created_at, until)
        log.append_own(connection, [event_of(grant, catalog.CONNECTION_AWAITED, fact, grant.created_at)], now)
