"""Run the roles of a process until it is stopped; an unexpected failure of any part ends the process.

Crash-only: a failed role is never repaired. The process exits, its supervisor restarts it, and it continues from the last
commit.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog

from events.errors import DatabaseRefused, DatabaseUnavailable
from events.log import log, subscriptions
from worker.commands.beside import CommandsBeside
from worker.commands.claims import release_realms
from worker.quickbooks.gateway import open_gateway
from worker.roles import roles
from worker.roles.role import NEEDS_QUICKBOOKS, PUBLISHES, Role, RoleContext
from worker.runtime import descriptors
from worker.runtime.environment import ConfigurationError
from worker.runtime.garbage import seldom_collected
from worker.runtime.repeating import Retry, repeat
from worker.runtime.serving import serve
from worker.runtime.watchdog import CRASHED, bounded, keep_awake
from worker.services import Services
from worker.sync import rows as syncs
from worker.workspaces import keyring

DRAIN_SECONDS_MAX = 45
RELEASE_SECONDS_MAX = 5
LISTEN_RETRY_SECONDS = 1.0
READY = "ready"
logger = structlog.get_logger()

Ready = Callable[[str | None], None]


async def run(services: Services, chosen: Sequence[Role], *, host: str, port: int, ready: Ready) -> int:
    """Run roles until SIGTERM or SIGINT, then drain: start no new work, and finish the work in flight.

    Args:
        services: Open services.
        chosen: The roles of this process.
        host: The address that the front door listens on.
        port: The front door's port; 0 picks a free one.
        ready: Called with the front door's URL, if there is one, once every role does its work.

    Returns:
        The exit status: 0 after an orderly end, 70 if a role failed.

    Raises:
        ConfigurationError: A setting that a role needs is missing.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}:{services.entropy.token()[:8]}"
    urls: list[str] = []
    descriptors.raise_limit()
    async with AsyncExitStack() as stack:
        stopping = stack.enter_context(stop_signals())
        stack.enter_context(seldom_collected())
        if services.environment.kafka_url is not None and PUBLISHES.intersection(chosen):
            services = await stack.enter_async_context(_publishing(services))
        gateway = None
        if NEEDS_QUICKBOOKS.intersection(chosen):
            opening = open_gateway(
                services.environment, services.database, services.clock, services.entropy, services.vault
            )
            gateway = await stack.enter_async_context(opening)
            seconds = services.environment.quickbooks_throttled_seconds
            gateway.client.yield_to(CommandsBeside(services.database, services.clock, seconds))
        for role in chosen:
            services.health.starting(role)
        context = RoleContext(services, gateway, holder, stopping, host, port, urls.append)
        parts = {asyncio.create_task(roles.RUN[role](context), name=role) for role in chosen}
        beside = {
            asyncio.create_task(work, name=name) for name, work in _beside(context, urls, ready).items()
        }
        return await _until_stopped(services, holder, stopping, parts, beside)


def _beside(context: RoleContext, urls: Sequence[str], ready: Ready) -> dict[str, Coroutine[Any, Any, None]]:
    """Return the tasks that every process runs beside its roles."""
    services = context.services
    environment = services.environment

    async def say_ready() -> None:
        await services.health.all_good()
        ready(urls[0] if urls else None)
        logger.info("worker.ready")

    work = {
        READY: say_ready(),
        "keys": keyring.watch(services.vault, services.database, services.clock, context.stopping),
        "watchdog": keep_awake(services.clock, environment.watchdog_seconds),
        descriptors.PART: descriptors.watch(services.clock, services.health),
    }
    if not environment.embedded:
        work["listen"] = _listen(services, context.stopping)
    if environment.metrics_port is not None:
        work["ops"] = _ops(services, context.stopping, environment.metrics_host, environment.metrics_port)
    return work


async def _until_stopped(
    services: Services,
    holder: str,
    stopping: asyncio.Event,
    parts: set[asyncio.Task[None]],
    beside: set[asyncio.Task[None]],
) -> int:
    """Wait for a signal or a failure, then end every part within a time limit."""
    failed: list[str] = []

    def ended(task: asyncio.Task[None]) -> None:
        """Log at once why a part has ended, since the shutdown may hang."""
        why = _why(task, stop_requested=stopping.is_set() or task.get_name() == READY)
        if why is not None:
            failed.append(task.get_name())
            logger.critical("worker.failed", part=task.get_name(), **why)

    async def until_stopped() -> None:
        await stopping.wait()

    for task in (*parts, *beside):
        task.add_done_callback(ended)
    stopped = asyncio.create_task(until_stopped(), name="stopping")
    endless = {task for task in beside if task.get_name() != READY}
    await asyncio.wait({stopped, *parts, *endless}, return_when=asyncio.FIRST_COMPLETED)
    orderly = stopping.is_set()
    logger.info("worker.draining", orderly=orderly)
    stopping.set()
    services.wake.all()
    await bounded(parts, DRAIN_SECONDS_MAX)
    for task in (stopped, *beside):
        task.cancel()
    await bounded({stopped, *beside}, DRAIN_SECONDS_MAX)
    try:
        async with asyncio.timeout(RELEASE_SECONDS_MAX):
            await services.database.transaction(_release, holder)
    except (DatabaseUnavailable, TimeoutError) as error:  # leases expire by themselves
        logger.warning("worker.leases_kept", problem=str(error) or "the database gave no answer")
    logger.info("worker.stopped")
    return 0 if orderly and not failed else CRASHED


def _why(task: asyncio.Task[None], *, stop_requested: bool) -> dict[str, Any] | None:
    """Return the log fields about the end of a part; None if it ended because the process is stopping."""
    if task.cancelled():
        return None if stop_requested else {"problem": "It was cancelled without a stop request"}
    error = task.exception()
    if error is None:
        return None if stop_requested else {"problem": "It ended by itself without a stop request"}
    problem = "; ".join(_sentences(error))
    explains_itself = isinstance(error, (ConfigurationError, DatabaseRefused, OSError)) and str(error)
    return {"problem": problem} if explains_itself else {"problem": problem, "exc_info": error}


def _sentences(error: BaseException) -> Iterator[str]:
    """Yield a sentence for each error of a group; many errors have no message."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _sentences(each)
    elif isinstance(error, (ConfigurationError, DatabaseRefused)):
        yield str(error)
    else:
        yield f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _release(connection: sa.Connection, holder: str) -> None:
    subscriptions.release(connection, holder)
    release_realms(connection, holder)
    syncs.release_all(connection, holder)


@asynccontextmanager
async def _publishing(services: Services) -> AsyncIterator[Services]:
    from worker.kafka.publisher import Publisher  # noqa: PLC0415 - only with Kafka

    async with Publisher(services.environment) as publisher:
        yield msgspec.structs.replace(services, publisher=publisher)


async def _listen(services: Services, stopping: asyncio.Event) -> None:
    """Wake the subscriptions when PostgreSQL notifies of appended events; polling continues meanwhile."""
    from events.database.postgres import listen  # noqa: PLC0415 - only with PostgreSQL

    async def turn() -> bool:
        await listen(services.environment.database_url, log.APPENDED, services.wake.all)
        return True

    await repeat(
        turn,
        Retry("listen.retry", LISTEN_RETRY_SECONDS),
        clock=services.clock,
        stopping=stopping,
    )


async def _ops(services: Services, stopping: asyncio.Event, host: str, port: int) -> None:
    """Serve health and metrics on a separate port."""
    from worker.web.app import create_ops_app  # noqa: PLC0415 - only where it is asked for

    app = create_ops_app(services)
    await serve(
        app,
        host=host,
        port=port,
        ready=lambda url: logger.info("ops.listening", url=url),
        stopping=stopping,
    )


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Yield an event that SIGTERM and SIGINT set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
