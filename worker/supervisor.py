"""The whole system in one process: the front door, every subscription, the dispatcher."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from prometheus_client import start_http_server

from events import subscriptions
from worker.commands.claims import Timing
from worker.commands.dispatcher import Dispatcher
from worker.quickbooks.gateway import Gateway, open_gateway
from worker.runner import follow
from worker.services import SUBSCRIPTIONS, Services
from worker.web.app import create_app

DRAIN_SECONDS_MAX = 60
logger = structlog.get_logger()


async def run(
    services: Services, *, host: str, port: int, ready: Callable[[str], Awaitable[None] | None]
) -> None:
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
        stopping = asyncio.Event()
        with _signals(stopping):
            await _serve(services, gateway, stopping, host=host, port=port, ready=ready)


async def _serve(
    services: Services,
    gateway: Gateway,
    stopping: asyncio.Event,
    *,
    host: str,
    port: int,
    ready: Callable[[str], Awaitable[None] | None],
) -> None:
    holder = f"{socket.gethostname()}:{os.getpid()}:{services.entropy.token()[:8]}"
    listener = socket.create_server((host, port), backlog=2048)
    url = f"http://{host}:{listener.getsockname()[1]}"
    server = _Server(uvicorn.Config(create_app(services, gateway), log_config=None, access_log=False))
    timing = Timing(
        request_seconds=services.environment.quickbooks_timeout_seconds,
        settle_seconds=services.environment.quickbooks_settle_seconds,
    )
    dispatcher = Dispatcher(services.database, services.clock, gateway.client, timing, services.wake)
    front_door = asyncio.create_task(server.serve(sockets=[listener]), name="front-door")
    working = [
        asyncio.create_task(dispatcher.run(stopping), name="dispatcher"),
        *(
            asyncio.create_task(
                follow(services.database, services.clock, subscription, holder, services.wake),
                name=subscription.name,
            )
            for subscription in SUBSCRIPTIONS
        ),
    ]
    announced = asyncio.create_task(_announce(server, url, ready), name="ready")
    stopped = asyncio.create_task(stopping.wait(), name="stopping")
    done, _ = await asyncio.wait({front_door, stopped, *working}, return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in done if task is not stopped and not task.cancelled() and task.exception()]
    logger.info("worker.draining", failed=[task.get_name() for task in failed])
    stopping.set()
    server.should_exit = True
    try:
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            await asyncio.wait({front_door, working[0]})
    except TimeoutError:
        logger.warning("worker.drain_timed_out", seconds=DRAIN_SECONDS_MAX)
    for task in (*working, announced, stopped):
        task.cancel()
    await asyncio.gather(*working, announced, stopped, return_exceptions=True)
    await services.database.transaction(subscriptions.release, holder)
    logger.info("worker.stopped")
    for task in failed:
        task.result()


async def _announce(server: "_Server", url: str, ready: Callable[[str], Awaitable[None] | None]) -> None:
    await server.listening.wait()
    logger.info("worker.ready", url=url)
    told = ready(url)
    if told is not None:
        await told


class _Server(uvicorn.Server):
    """Uvicorn, leaving signals to us and saying when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextmanager
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
