"""The worker's processes, each `q2c run ROLE…`, started again by a small supervisor whenever one ends."""

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec

from tests.servers.processes import LOOPBACK, _dying_with_us, free_port

RESTART_SECONDS = 0.3
STOP_SECONDS_MAX = 60.0
READY_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1
LOOK_SECONDS = 0.5
ASK_SECONDS_MAX = 2.0
LINE_CHARACTERS_MAX = 400
MACHINES = ("a", "b")
ROLES_OF_A_MACHINE = (("ingest",), ("process",), ("dispatch",), ("relay",), ("web", "schedule"))
STATIC = "ingest-a"
PROGRAM = "from worker.cli import main; main()"
SABOTAGED = f"from tests.chaos.sabotage import commit; commit({{!r}}); {PROGRAM}"
METRIC = re.compile(rb'^q2c_events_received_total\{door="kafka",outcome="(\w+)"\} (\S+)$', re.MULTILINE)


class Exit(msgspec.Struct, frozen=True):
    """How a process ended: `status` is negative for a signal, `asked` the signal that we sent, if we did."""

    member: str
    status: int
    asked: str | None
    seconds: float
    """After it was asked, or after its start where it was not."""
    said: str
    """The end of the line of its log that says why, or else of the last."""


class Member:
    """One place in the fleet, and the process that holds it at present."""

    def __init__(
        self,
        name: str,
        roles: Sequence[str],
        directory: Path,
        http: httpx.AsyncClient,
        *,
        without: str | None = None,
    ) -> None:
        self.name = name
        self.roles = tuple(roles)
        self.log = directory / f"{name}.log"
        self.port = free_port()
        self.ops_port = free_port()
        self.exits: list[Exit] = []
        self.starts = 0
        self.received: Counter[str] = Counter()
        """What its earlier processes received from Kafka, by outcome, as far as they were asked in time."""
        self._seen: Counter[str] = Counter()
        self._http = http
        self._program = PROGRAM if without is None else SABOTAGED.format(without)
        self._lines = 0
        self._variables: dict[str, str] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._asked: tuple[signal.Signals, float] | None = None
        self._leaving = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def join(self, variables: Mapping[str, str]) -> None:
        """Start, and start again whenever it ends."""
        self._variables = {**os.environ, **variables, "Q2C_METRICS_PORT": str(self.ops_port)}
        self.come_back()

    def come_back(self) -> None:
        """Start once more, after it has left."""
        self._leaving.clear()
        self._keeping = asyncio.create_task(self._keep())

    async def leave(self) -> None:
        """Ask it to end, and let it be."""
        self._leaving.set()
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self._keeping is not None:
            try:
                async with asyncio.timeout(STOP_SECONDS_MAX):
                    await asyncio.shield(self._keeping)
            except TimeoutError:
                self.signal(signal.SIGKILL)
                await self._keeping

    async def end(self, which: signal.Signals) -> None:
        """End the process by a signal; the next one starts a moment later."""
        while self.pid is None:  # noqa: ASYNC110 - it is between two lives, and nobody is in a hurry
            await asyncio.sleep(POLL_SECONDS)
        starts = self.starts
        self.signal(which)
        while self.starts == starts:  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_SECONDS)

    def signal(self, which: signal.Signals) -> None:
        """Send a signal, if there is a process; remember it if it should end by it."""
        if self._process is None or self._process.returncode is not None:
            return
        if which in {signal.SIGKILL, signal.SIGTERM}:
            self._asked = (which, asyncio.get_running_loop().time())
        self._process.send_signal(which)

    async def ready(self, seconds: float = READY_SECONDS_MAX) -> str | None:
        """Wait until it says that it is ready; return what it says otherwise."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (  # noqa: ASYNC110 - it is another process, which sets no event of ours
            said := await self._problem()
        ) is not None and loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        return said

    async def look(self) -> None:
        """Read the numbers of the process, before it may die."""
        try:
            answer = await self._http.get(f"http://{LOOPBACK}:{self.ops_port}/metrics")
        except httpx.TransportError:
            return
        self._seen = Counter(
            {name.decode(): int(float(count)) for name, count in METRIC.findall(answer.content)}
        )

    def all_received(self) -> Counter[str]:
        return self.received + self._seen

    async def _problem(self) -> str | None:
        try:
            answer = await self._http.get(f"http://{LOOPBACK}:{self.ops_port}/readyz")
        except httpx.TransportError as error:
            return f"{type(error).__name__}: {error}"
        return None if answer.status_code == 200 else answer.text

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._leaving.is_set():
            self._asked = None
            self.starts += 1
            started = loop.time()
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *_dying_with_us(signal.SIGKILL),
                    sys.executable,
                    *("-c", self._program),
                    *("run", *self.roles, "--json", "--host", LOOPBACK, "--port", str(self.port)),
                    env=self._variables,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            if self._leaving.is_set():  # it was asked while there was nobody to ask
                self.signal(signal.SIGTERM)
            status = await self._process.wait()
            self._note(status, started)
            await asyncio.sleep(RESTART_SECONDS)

    def _note(self, status: int, started: float) -> None:
        asked, since = (None, started) if self._asked is None else (self._asked[0].name, self._asked[1])
        seconds = round(asyncio.get_running_loop().time() - since, 2)
        lines = self.log.read_text(errors="replace").splitlines()[self._lines :]
        self._lines += len(lines)
        said = next((line for line in reversed(lines) if '"critical"' in line), lines[-1] if lines else "")
        self.exits.append(Exit(self.name, status, asked, seconds, said[-LINE_CHARACTERS_MAX:]))
        self.received += self._seen
        self._seen = Counter()


class Fleet:
    """Two machines with a process of each role, and whoever joins for a while."""

    def __init__(self, directory: Path, *, without: str | None = None) -> None:
        """`without` names a safeguard that its processes do without."""
        self._directory = directory
        self._without = without
        self._variables: Mapping[str, str] = {}
        self._http = httpx.AsyncClient(timeout=ASK_SECONDS_MAX)
        self.members = {
            member.name: member
            for machine in MACHINES
            for member in (self._member(roles, machine) for roles in ROLES_OF_A_MACHINE)
        }
        self.guests: list[Member] = []

    def guest(self, *roles: str) -> Member:
        """A further process, which joins, and will leave."""
        member = self._member(roles, f"guest{len(self.guests) + 1}")
        self.guests.append(member)
        member.join(self._variables_of(member))
        return member

    def at(self, target: str) -> list[Member]:
        """One process by its name, or those of a machine."""
        if target in MACHINES:
            return [member for name, member in self.members.items() if name.endswith(f"-{target}")]
        return [self.members[target]]

    def of_role(self, role: str) -> list[Member]:
        return [member for member in self.members.values() if role in member.roles]

    def exits(self) -> list[Exit]:
        return [exit_ for member in (*self.members.values(), *self.guests) for exit_ in member.exits]

    @property
    def starts(self) -> int:
        return sum(member.starts for member in (*self.members.values(), *self.guests))

    def received(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for member in (*self.members.values(), *self.guests):
            counts += member.all_received()
        return counts

    async def _watch(self) -> None:
        """Read the numbers of those who take events in, again and again, until cancelled."""
        while True:
            await asyncio.gather(*(member.look() for member in (*self.of_role("ingest"), *self.guests)))
            await asyncio.sleep(LOOK_SECONDS)

    async def ready(self) -> list[str]:
        """Wait until everybody is ready; say who is not."""
        members = list(self.members.values())
        said = await asyncio.gather(*(member.ready() for member in members))
        return [
            f"{member.name} is not ready: {problem}"
            for member, problem in zip(members, said, strict=True)
            if problem is not None
        ]

    @asynccontextmanager
    async def running(self, variables: Mapping[str, str]) -> AsyncIterator["Fleet"]:
        """Start everybody, with these settings; end everybody."""
        self._variables = variables
        watching = asyncio.create_task(self._watch())
        try:
            for member in self.members.values():
                member.join(self._variables_of(member))
            yield self
        finally:
            watching.cancel()
            await asyncio.gather(*(member.leave() for member in (*self.members.values(), *self.guests)))
            await self._http.aclose()

    def _member(self, roles: Sequence[str], suffix: str) -> Member:
        return Member(f"{roles[0]}-{suffix}", roles, self._directory, self._http, without=self._without)

    def _variables_of(self, member: Member) -> Mapping[str, str]:
        """What a process is told; one of those who take events in has a name of its own with Kafka."""
        if member.name == STATIC:
            return {**self._variables, "Q2C_KAFKA_INSTANCE_ID": member.name}
        return self._variables
