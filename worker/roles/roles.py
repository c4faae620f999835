"""The function that each role runs: one loop that ends when the role is stopped."""

from collections.abc import Callable, Coroutine
from typing import Any

from worker.roles import dispatch, ingest, process, schedule, sync, web
from worker.roles.role import Role, RoleContext


async def _relay(context: RoleContext) -> None:
    from worker.roles import relay  # noqa: PLC0415 - only this role needs Kafka's client

    await relay.run(context)


RUN: dict[Role, Callable[[RoleContext], Coroutine[Any, Any, None]]] = {
    Role.WEB: web.run,
    Role.INGEST: ingest.run,
    Role.PROCESS: process.run,
    Role.DISPATCH: dispatch.run,
    Role.RELAY: _relay,
    Role.SCHEDULE: schedule.run,
    Role.SYNC: sync.run,
}
