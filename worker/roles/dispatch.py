"""The role `dispatch`: commands to QuickBooks. Any number of processes share the companies."""

import asyncio

from worker.commands.claims import Timing
from worker.commands.dispatcher import Dispatcher
from worker.connections import keeping, proving
from worker.roles.role import RoleContext


async def run(context: RoleContext) -> None:
    """Send commands to QuickBooks, continue consents that it has not answered yet, and keep connections alive."""
    services, environment = context.services, context.services.environment
    timing = Timing(
        request_seconds=environment.quickbooks_timeout_seconds,
        settle_seconds=environment.quickbooks_settle_seconds,
        throttled_seconds=environment.quickbooks_throttled_seconds,
        began_at=services.clock.now(),
    )
    dispatcher = Dispatcher(
        services.database,
        services.clock,
        context.quickbooks().client,
        timing,
        services.wake,
        context.holder,
        poll_seconds=environment.poll_seconds,
        health=services.health,
    )
    async with asyncio.TaskGroup() as work:
        work.create_task(dispatcher.run(context.stopping), name="commands")
        work.create_task(proving.work_off(services, context.quickbooks(), context.stopping), name="consents")
        work.create_task(
            keeping.work_off(services, context.quickbooks(), context.stopping), name="connections"
        )
