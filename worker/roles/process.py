"""The role `process`: run the subscriptions. One process leads by lease, the others stand by."""

import asyncio
from collections.abc import Awaitable, Callable

from events.log import subscriptions
from worker.roles.reconsidering import reconsider
from worker.roles.role import Role, RoleContext
from worker.roles.runner import follow
from worker.roles.suggesting import suggest
from worker.runtime.watchdog import Progress, watch
from worker.services import SUBSCRIPTIONS


async def run(context: RoleContext) -> None:
    """Decide and keep the read models up to date, until the role is stopped or has work without progress."""
    services = context.services
    names = [subscription.name for subscription in SUBSCRIPTIONS]

    async def look() -> Progress:
        # Work that another process leads does not count: if that process hangs, its lease expires, and then it does.
        ours = await services.database.read(
            subscriptions.pending, names, context.holder, services.clock.now()
        )
        positions = await services.database.read(subscriptions.checkpoints)
        return Progress(tuple(sorted(positions.items())), bool(ours))

    await _watched(context, Role.PROCESS, follow_the_log(context), look)


async def follow_the_log(context: RoleContext) -> None:
    """Run the subscriptions, and in portions reconsider deals that wait on one change, and compare what is new with QuickBooks."""
    async with asyncio.TaskGroup() as work:
        work.create_task(follow(context.services, SUBSCRIPTIONS, context.holder, context.stopping))
        work.create_task(reconsider(context.services, context.holder, context.stopping))
        work.create_task(suggest(context.services, context.holder, context.stopping))


async def _watched(
    context: RoleContext, role: Role, work: Awaitable[None], look: Callable[[], Awaitable[Progress]]
) -> None:
    """Run a role's work until it ends, or until it has work without progress."""
    services = context.services
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(watch(services.clock, role, look, services.environment.watchdog_seconds))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        else:
            watching.result()
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.wait({working, watching})
