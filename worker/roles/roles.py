"""What a worker can be: each role is one loop that runs until it is told to stop.

`ingest` and `dispatch` share their work among any number of processes; of `process` and `relay` one leads
by lease and the others stand by; `web` and `schedule` may run anywhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from events.log import subscriptions
from worker.commands.claims import Timing
from worker.commands.dispatcher import Dispatcher
from worker.connections import proving
from worker.docusign.watch import watch as watch_docusign
from worker.quickbooks.gateway import Gateway
from worker.roles import schedule
from worker.roles.reconsidering import reconsider
from worker.roles.runner import follow
from worker.runtime.environment import ConfigurationError, Environment
from worker.runtime.serving import serve
from worker.runtime.watchdog import Progress, watch
from worker.services import SUBSCRIPTIONS, Services


class Role(StrEnum):
    """A part of the work that a process can take on."""

    WEB = "web"
    INGEST = "ingest"
    PROCESS = "process"
    DISPATCH = "dispatch"
    RELAY = "relay"
    SCHEDULE = "schedule"


NEEDS_KAFKA = frozenset({Role.INGEST, Role.RELAY})
NEEDS_QUICKBOOKS = frozenset({Role.WEB, Role.DISPATCH})
PUBLISHES = frozenset({Role.WEB, Role.RELAY})


class Post(Struct, frozen=True):
    """Where a role is run, and with what.

    Attributes:
        services: Open services.
        gateway: The way to QuickBooks, for the roles that need one.
        holder: The name that leases are held under; no two processes have the same.
        stopping: Set when the role is to finish what it does, and end.
        host: Where the front door listens.
        port: Its port; 0 picks a free one.
        listening: Told the URL once the front door answers.
    """

    services: Services
    gateway: Gateway | None
    holder: str
    stopping: asyncio.Event
    host: str
    port: int
    listening: Callable[[str], None]

    def quickbooks(self) -> Gateway:
        """Return the way to QuickBooks.

        Raises:
            ConfigurationError: Nobody opened one.
        """
        if self.gateway is None:
            raise ConfigurationError("This role needs QuickBooks")
        return self.gateway


def chosen(environment: Environment, names: Sequence[str]) -> tuple[Role, ...]:
    """Return the roles of a process of its own.

    Raises:
        ConfigurationError: There is no such role, or the installation can't have it.
    """
    known = ", ".join(Role)
    if unknown := [name for name in names if name not in set(Role)]:
        raise ConfigurationError(f"There is no role {unknown[0]!r}; there are {known}")
    if environment.embedded:
        raise ConfigurationError(
            "Roles as processes of their own need PostgreSQL, since a SQLite file has one writer at a time:"
            " set Q2C_DATABASE_URL to postgresql://…, or run everything in one process with q2c up"
        )
    roles = tuple(dict.fromkeys(Role(name) for name in names))
    if environment.kafka_url is None and (lacking := [role for role in roles if role in NEEDS_KAFKA]):
        raise ConfigurationError(f"Q2C_KAFKA_URL: the role {lacking[0]} needs it")
    return roles


def all_that_fit(environment: Environment) -> tuple[Role, ...]:
    """Return every role that an installation has a use for."""
    return tuple(role for role in Role if environment.kafka_url or role not in NEEDS_KAFKA)


async def web(post: Post) -> None:
    """Serve the front door: events, webhooks, feeds, the API."""
    from worker.web.app import create_app  # noqa: PLC0415 - only this role needs the web framework

    def listening(url: str) -> None:
        post.services.health.good(Role.WEB)
        post.listening(url)

    app = create_app(post.services, post.quickbooks())
    try:
        await serve(app, host=post.host, port=post.port, ready=listening, stopping=post.stopping)
    finally:
        await app.state.access.close()


async def ingest(post: Post) -> None:
    """Take events in from Kafka."""
    from worker.sources import faust  # noqa: PLC0415 - only this role needs Faust

    await faust.ingest(post.services, post.stopping)


async def process(post: Post) -> None:
    """Follow the log: decide, and keep the read models up to date."""
    services = post.services
    names = [subscription.name for subscription in SUBSCRIPTIONS]

    async def look() -> Progress:
        # What another process leads is not ours to do: if it stands still, its lease ends, and then it is.
        ours = await services.database.read(subscriptions.pending, names, post.holder, services.clock.now())
        positions = await services.database.read(subscriptions.checkpoints)
        return Progress(tuple(sorted(positions.items())), bool(ours))

    await _watched(post, Role.PROCESS, decide(post), look)


async def decide(post: Post) -> None:
    """Follow the log, and reconsider in portions what many deals wait on."""
    async with asyncio.TaskGroup() as work:
        work.create_task(follow(post.services, SUBSCRIPTIONS, post.holder, post.stopping))
        work.create_task(reconsider(post.services, post.holder, post.stopping))


async def dispatch(post: Post) -> None:
    """Send commands to QuickBooks, and see consents through that it has not answered yet."""
    services, environment = post.services, post.services.environment
    timing = Timing(
        request_seconds=environment.quickbooks_timeout_seconds,
        settle_seconds=environment.quickbooks_settle_seconds,
        throttled_seconds=environment.quickbooks_throttled_seconds,
        began_at=services.clock.now(),
    )
    dispatcher = Dispatcher(
        services.database,
        services.clock,
        post.quickbooks().client,
        timing,
        services.wake,
        post.holder,
        poll_seconds=environment.poll_seconds,
        health=services.health,
    )
    async with asyncio.TaskGroup() as work:
        work.create_task(dispatcher.run(post.stopping), name="commands")
        work.create_task(proving.work_off(services, post.quickbooks(), post.stopping), name="consents")


async def relay_out(post: Post) -> None:
    """Send what goes out to Kafka's topics."""
    from worker.roles import relay  # noqa: PLC0415 - only this role needs it

    await relay.relay(post.services, post.holder, post.stopping)


async def keep_time(post: Post) -> None:
    """Tell the log when days begin, and whether DocuSign's messages are taken."""
    async with asyncio.TaskGroup() as work:
        work.create_task(schedule.keep_time(post.services, post.stopping))
        work.create_task(watch_docusign(post.services, post.stopping))


RUN: dict[Role, Callable[[Post], Coroutine[Any, Any, None]]] = {
    Role.WEB: web,
    Role.INGEST: ingest,
    Role.PROCESS: process,
    Role.DISPATCH: dispatch,
    Role.RELAY: relay_out,
    Role.SCHEDULE: keep_time,
}


async def _watched(
    post: Post, role: Role, work: Awaitable[None], look: Callable[[], Awaitable[Progress]]
) -> None:
    """Run a role's work until it ends, or until it has work and gets nowhere."""
    services = post.services
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
