"""The whole system in one process: the front door, every subscription, the dispatcher."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import start_http_server

from events import subscriptions
from worker.commands.claims import Timing
from worker.commands.dispatcher import Dispatcher
from worker.quickbooks.gateway import Gateway, open_gateway
from worker.runner import follow
from worker.services import SUBSCRIPTIONS, Services
from worker.serving import serve
from worker.web.app import create_app

DRAIN_SECONDS_MAX = 60
logger = structlog.get_logger()


async def run(services: Services, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT, then drain: take nothing new, finish what is in flight.

    Args:
        services: Open services.
        host: Where the front door listens.
        port: Its port; 0 picks a free one.
        ready: Told the URL once the front door answers.

    Raises:
        ConfigurationError: The app at Intuit is not set.
    """
    environment = services.environment
    async with open_gateway(
        environment, services.database, services.clock, services.entropy, services.vault
    ) as gateway:
        if environment.metrics_port is not None:
            start_http_server(environment.metrics_port, addr=host)
        with stop_signals() as stopping:
            await _serve(services, gateway, stopping, host=host, port=port, ready=ready)


async def _serve(
    services: Services,
    gateway: Gateway,
    stopping: asyncio.Event,
    *,
    host: str,
    port: int,
    ready: Callable[[str], None],
) -> None:
    holder = f"{socket.gethostname()}:{os.getpid()}:{services.entropy.token()[:8]}"
    app = create_app(services, gateway)
    front_door = serve(app, host=host, port=port, ready=ready, stopping=stopping)
    dispatching, following = start(services, gateway, holder, stopping)
    draining = {asyncio.create_task(front_door, name="front-door"), dispatching}
    stopped = asyncio.create_task(stopping.wait(), name="stopping")
    done, _ = await asyncio.wait({stopped, following, *draining}, return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in done if task is not stopped]
    logger.info("worker.draining", failed=[task.get_name() for task in failed])
    stopping.set()
    await asyncio.wait(draining, timeout=DRAIN_SECONDS_MAX)
    for task in (*draining, following, stopped):
        task.cancel()
    await asyncio.gather(*draining, following, stopped, return_exceptions=True)
    await services.database.transaction(subscriptions.release, holder)
    logger.info("worker.stopped")
    for task in failed:
        task.result()


def start(
    services: Services, gateway: Gateway, holder: str, stopping: asyncio.Event
) -> tuple[asyncio.Task[None], asyncio.Task[None]]:
    """Start what works behind the front door: the dispatcher, and whatever follows the log."""
    environment = services.environment
    timing = Timing(
        request_seconds=environment.quickbooks_timeout_seconds,
        settle_seconds=environment.quickbooks_settle_seconds,
        throttled_seconds=environment.quickbooks_throttled_seconds,
    )
    dispatcher = Dispatcher(
        services.database,
        services.clock,
        gateway.client,
        timing,
        services.wake,
        holder,
        poll_seconds=environment.poll_seconds,
    )
    following = follow(
        services.database,
        services.clock,
        SUBSCRIPTIONS,
        holder,
        services.wake,
        poll_seconds=environment.poll_seconds,
    )
    return (
        asyncio.create_task(dispatcher.run(stopping), name="dispatcher"),
        asyncio.create_task(following, name="subscriptions"),
    )


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM and SIGINT set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
