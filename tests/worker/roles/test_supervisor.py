"""A process that ends by itself logs the reason in one line, whatever ended it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from events.errors import DatabaseRefused
from tests.world import World
from worker.roles import roles, supervisor
from worker.roles.role import Role, RoleContext
from worker.runtime.environment import ConfigurationError
from worker.runtime.watchdog import CRASHED

Work = Callable[[RoleContext], Awaitable[None]]


async def raised(error: BaseException) -> None:
    raise error


async def cancelled(_: RoleContext) -> None:
    """Await a task that a library cancels: we ourselves are not cancelled."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def returned(_: RoleContext) -> None:
    """End without a stop request."""


async def grouped(_: RoleContext) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(raised(TimeoutError()))


async def run(world: World, monkeypatch: pytest.MonkeyPatch, work: Work) -> tuple[int, list[Any]]:
    """Run a process with `role` as its only role; return its status, and the logged reason of its end."""
    monkeypatch.setitem(roles.RUN, Role.SCHEDULE, work)
    with capture_logs() as said:
        status = await supervisor.run(
            world.services, [Role.SCHEDULE], host="127.0.0.1", port=0, ready=lambda _: None
        )
    return status, [line for line in said if line["log_level"] == "critical"]


@pytest.mark.parametrize(
    ("work", "problem"),
    [
        (lambda _: raised(ConfigurationError("Q2C_X: needs y")), "Q2C_X: needs y"),
        (lambda _: raised(DatabaseRefused("no such database")), "no such database"),
        (lambda _: raised(OSError(98, "Address in use")), "OSError: [Errno 98] Address in use"),
        (lambda _: raised(TimeoutError()), "TimeoutError"),
        (lambda _: raised(ConnectionResetError()), "ConnectionResetError"),
        (lambda _: raised(ValueError("a defect")), "ValueError: a defect"),
        (grouped, "TimeoutError"),
        (cancelled, "It was cancelled without a stop request"),
        (returned, "It ended by itself without a stop request"),
    ],
)
async def test_a_part_that_ends_by_itself_ends_the_process_and_logs_why(
    world: World, monkeypatch: pytest.MonkeyPatch, work: Work, problem: str
) -> None:
    status, (line,) = await run(world, monkeypatch, work)
    assert status == CRASHED
    assert (line["event"], line["part"], line["problem"]) == ("worker.failed", "schedule", problem)


async def test_an_error_without_a_message_is_logged_with_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (line,) = await run(world, monkeypatch, lambda _: raised(TimeoutError()))
    assert isinstance(line["exc_info"], TimeoutError)
    _, (line,) = await run(world, monkeypatch, lambda _: raised(OSError(98, "Address in use")))
    assert "exc_info" not in line


async def test_the_reason_is_logged_before_the_other_parts_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def slow(context: RoleContext) -> None:
        await context.stopping.wait()
        seen.extend(line["problem"] for line in said if line["log_level"] == "critical")

    monkeypatch.setitem(roles.RUN, Role.PROCESS, slow)
    monkeypatch.setitem(roles.RUN, Role.SCHEDULE, lambda _: raised(ValueError("a defect")))
    with capture_logs() as said:
        await supervisor.run(
            world.services, [Role.PROCESS, Role.SCHEDULE], host="127.0.0.1", port=0, ready=lambda _: None
        )
    assert seen == ["ValueError: a defect"]


async def test_a_part_that_ends_on_request_logs_no_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def obedient(context: RoleContext) -> None:
        context.stopping.set()  # as a signal does
        await context.stopping.wait()

    assert await run(world, monkeypatch, obedient) == (0, [])


async def test_metrics_listen_on_their_own_address(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []

    async def serve(_: Any, *, host: str, stopping: asyncio.Event, **__: Any) -> None:
        hosts.append(host)
        stopping.set()

    monkeypatch.setattr(supervisor, "serve", serve)
    monkeypatch.setitem(roles.RUN, Role.SCHEDULE, lambda context: context.stopping.wait())
    environment = world.services.environment.model_copy(update={"metrics_port": 0})
    services = msgspec.structs.replace(world.services, environment=environment)
    await supervisor.run(services, [Role.SCHEDULE], host="127.0.0.9", port=0, ready=lambda _: None)
    assert hosts == ["127.0.0.1"]
