"""The hosts of a simulation: each runs the tasks of `q2c up`, and can be killed, frozen and restarted."""

import asyncio
import base64
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from pydantic import SecretStr

from events.database.sqlite import InlineDatabase
from worker.commands.claims import Timing
from worker.quickbooks.gateway import Gateway, open_gateway
from worker.quickbooks.holders import Holders
from worker.roles import dispatch, process, schedule
from worker.roles.reconsidering import is_behind
from worker.roles.role import RoleContext
from worker.roles.sync import keep_in_step
from worker.runtime.environment import Environment
from worker.runtime.vault import Vault
from worker.runtime.wake import Wake
from worker.sandbox.service import Sandbox
from worker.services import Services
from worker.simulation.database import DatabaseTrouble, SimulatedDatabase
from worker.simulation.loop import SimulationLoop
from worker.simulation.ports import SeededEntropy, SimulatedClock
from worker.simulation.wire import SimulatedTransport, Watch
from worker.sync.syncing import Syncer

T = TypeVar("T")

SANDBOX_URL = "https://sandbox.test"
TOKEN_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
REQUEST_SECONDS, SETTLE_SECONDS, THROTTLED_SECONDS, POLL_SECONDS = 10, 60, 15, 12
ANSWER_SECONDS_MAX = 20.0
RESTART_SECONDS = 1.0
SYNC_SECONDS = 4.0  # within which a lease of sync is renewed


class Host:
    """A machine with one worker process, which may be killed and restarted."""

    def __init__(self, name: str, clock: SimulatedClock) -> None:
        self.name = name
        self.clock = clock
        self.lives = 0
        self.steps = 0
        self.services: Services | None = None
        self.gateway: Gateway | None = None
        self.holders: Holders | None = None

    @property
    def life(self) -> str:
        """The name of the current process, which differs from earlier ones."""
        return f"{self.name}#{self.lives}"


class Cluster:
    """Hosts, the database between them, and QuickBooks."""

    def __init__(
        self,
        loop: SimulationLoop,
        store: InlineDatabase,
        sandbox: Sandbox,
        *,
        seed: int,
        world: SimulatedClock,
        hosts: int,
        database_trouble: DatabaseTrouble,
    ) -> None:
        self.loop = loop
        self.store = store
        self.sandbox = sandbox
        self.seed = seed
        self.trouble = database_trouble
        self.watch = Watch(
            loop,
            sandbox,
            world,
            settle=SETTLE_SECONDS,
            pause=THROTTLED_SECONDS,
            old=Timing().look_up_after_seconds,
        )
        self.counts: Counter[str] = Counter()
        self.world = world
        self._began_at = world.now()
        self.hosts: list[Host] = []
        for _ in range(hosts):
            self.join()
        self._network = Random(f"{seed}:network")  # noqa: S311 - a simulation repeats itself
        self._asked: list[tuple[str, asyncio.Task[Any]]] = []
        self._halted_until = 0.0
        # Called at a crash point with a number of seconds: a copy of the store is made, and restored after that time.
        self.copy_now: Callable[[float], None] = lambda _: None
        self._environment = Environment(
            public_url="https://worker.test",
            quickbooks_api_url=SANDBOX_URL,
            quickbooks_discovery_url=f"{SANDBOX_URL}/.well-known/openid_sandbox_configuration",
            quickbooks_client_id=sandbox.oauth.client_id,
            quickbooks_client_secret=SecretStr(sandbox.oauth.client_secret),
            quickbooks_verifier_token=SecretStr(sandbox.verifier_token),
            quickbooks_timeout_seconds=REQUEST_SECONDS,
            quickbooks_settle_seconds=SETTLE_SECONDS,
            quickbooks_throttled_seconds=THROTTLED_SECONDS,
            poll_seconds=POLL_SECONDS,
        )

    def join(self) -> Host:
        """Add a host without a worker."""
        host = Host(f"w{len(self.hosts) + 1}", SimulatedClock(self.loop, self._began_at))
        self.hosts.append(host)
        return host

    def start(self, host: Host) -> None:
        """Start a worker on a host, as soon as workers may run."""
        if (wait := self._halted_until - self.loop.time()) > 0:
            self.loop.call_later(wait, self.start, host)
            return
        host.lives += 1
        host.services = self._services(host)
        host.holders = Holders(host.services.database, host.clock)
        self.loop.spawn(host.life, self._work(host, host.services))

    def kill(self, host: Host, *, down_seconds: float = RESTART_SECONDS) -> None:
        """Kill the worker of a host, as SIGKILL does; another one starts soon."""
        self.counts["kill"] += 1
        self.loop.kill(host.life)
        self.watch.gone.add(host.life)
        host.services = host.gateway = host.holders = None
        self.loop.call_later(down_seconds, self.start, host)

    def halt(self, seconds: float) -> None:
        """Kill every worker, and start none for a while."""
        self._halted_until = self.loop.time() + seconds
        for host in self.hosts:
            if host.services is not None:
                self.kill(host)

    def freeze(self, host: Host, seconds: float) -> None:
        """Suspend a host for a while without its noticing."""
        self.counts["freeze"] += 1
        self.watch.lenient.add(host.life)
        life = host.life
        self.loop.freeze(life)
        self.loop.call_later(seconds, self.loop.thaw, life)

    def jump(self, host: Host, seconds: float) -> None:
        """Set a host's wall clock."""
        self.counts["clock_jump"] += 1
        self.watch.clocks_wrong_seconds += abs(seconds)
        host.clock.jump(timedelta(seconds=seconds))

    def reset(self, seconds: float) -> None:
        """Kill every worker, and set all wall clocks before any restarts."""
        for host in self.hosts:
            if host.services is not None:
                self.kill(host)
            host.clock.jump(timedelta(seconds=seconds))
        self.counts["clock_reset"] += 1
        self.watch.clocks_wrong_seconds += abs(seconds)

    def leap(self, seconds: float) -> None:
        """Let time pass everywhere at once, for the hosts and for QuickBooks, in no time of the loop."""
        for clock in (self.world, *(host.clock for host in self.hosts)):
            clock.jump(timedelta(seconds=seconds))

    async def call(self, host: Host, work: Callable[[Services, Gateway], Awaitable[T]]) -> T:
        """Run work on a host, as a request to it would.

        Raises:
            ConnectionError: The host is down, or did not answer; it may have done the work all the same.
        """
        services, gateway = host.services, host.gateway
        if services is None or gateway is None:
            raise ConnectionError(f"{host.name} is down")

        async def handler() -> T:
            return await work(services, gateway)

        task = self.loop.spawn(host.life, handler())
        self._asked.append((host.life, task))
        await asyncio.wait({task}, timeout=ANSWER_SECONDS_MAX)
        if not task.done():
            raise ConnectionError(f"{host.name} did not answer")
        return task.result()

    async def answered(self) -> None:
        """Wait until no host works on a request, including requests whose sender gave up."""
        while working := self._at_work():
            await asyncio.wait(working, timeout=RESTART_SECONDS)

    def _at_work(self) -> list[asyncio.Task[Any]]:
        return [task for life, task in self._asked if life not in self.watch.gone and not task.done()]

    async def _work(self, host: Host, services: Services) -> None:
        try:
            transport = SimulatedTransport(
                host.life, self.loop, self.sandbox, host.clock, self._network, self.watch
            )
            async with open_gateway(
                services.environment,
                services.database,
                services.clock,
                services.entropy,
                services.vault,
                transport=transport,
            ) as gateway:
                host.gateway = gateway
                stopping = asyncio.Event()
                context = RoleContext(services, gateway, host.life, stopping, "", 0, lambda _: None)
                dispatching = asyncio.create_task(dispatch.run(context), name="dispatcher")
                following = asyncio.create_task(process.follow_the_log(context), name="subscriptions")
                keeping = asyncio.create_task(schedule.keep_time(services, stopping), name="scheduler")
                syncer = Syncer(services.database, services.clock, gateway.client, host.life, is_behind)
                syncing = asyncio.create_task(
                    keep_in_step(syncer, services, stopping, look_seconds=SYNC_SECONDS), name="sync"
                )
                tasks = {dispatching, following, keeping, syncing}
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        except Exception as error:  # noqa: BLE001 - any error that ends a worker is a finding
            self.watch.violations.append(f"a worker ended: {error!r}")
            self.kill(host)

    def _services(self, host: Host) -> Services:
        entropy = SeededEntropy(f"{self.seed}:{host.life}")
        database = SimulatedDatabase(self.store, self.trouble, host.life, self.watch)
        return Services(self._environment, database, host.clock, entropy, Vault([TOKEN_KEY], entropy), Wake())
