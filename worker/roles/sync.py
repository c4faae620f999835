"""The role `sync`: observe what changes in QuickBooks. Any number of processes share the companies."""

import asyncio
from collections.abc import Awaitable, Callable

from worker.roles.reconsidering import is_behind
from worker.roles.role import RoleContext
from worker.roles.runner import RETRY_SECONDS
from worker.runtime.repeating import ReportedPart, Retry, repeat
from worker.services import Services
from worker.sync import rows
from worker.sync.syncing import Syncer

PART = "sync"
COMPANIES_MAX = 8  # at the same time; the others wait for one of them to be done
LOOK_SECONDS = 1.0
RENEW_SECONDS = rows.LEASE_SECONDS / 3


async def run(context: RoleContext) -> None:
    """Keep every company in step, until the role is stopped."""
    services = context.services
    syncer = Syncer(services.database, services.clock, context.quickbooks().client, context.holder, is_behind)
    await keep_in_step(syncer, services, context.stopping)


async def keep_in_step(
    syncer: Syncer,
    services: Services,
    stopping: asyncio.Event,
    *,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Work on companies that are due, each in a task of its own, until `stopping` is set; then finish their steps."""
    working: dict[str, asyncio.Task[None]] = {}
    renewed_at = services.clock.monotonic()

    async def work(realm: str) -> None:
        while not stopping.is_set() and await syncer.step(realm):
            services.wake.all()

    async def turn() -> bool:
        nonlocal renewed_at
        for realm, task in [*working.items()]:
            if task.done():
                del working[realm]
                task.result()  # a defect ends the process
        if working and services.clock.monotonic() - renewed_at >= RENEW_SECONDS:
            renewed_at = services.clock.monotonic()
            await syncer.renew()
        due = [realm for realm in await syncer.due() if realm not in working]
        for realm in due[: COMPANIES_MAX - len(working)]:
            working[realm] = asyncio.create_task(work(realm), name=f"sync {realm}")
        return False

    try:
        await repeat(
            turn,
            Retry("sync.retry", RETRY_SECONDS),
            clock=services.clock,
            stopping=stopping,
            idle=_idle(services, look_seconds),
            part=ReportedPart(services.health, PART),
        )
        await asyncio.gather(*working.values())
    finally:
        for task in working.values():
            task.cancel()


def _idle(services: Services, look_seconds: float) -> Callable[[], Awaitable[None]]:
    return lambda: services.wake.wait(services.clock, look_seconds)
