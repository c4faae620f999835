"""The worker's processes, each `q2c run ROLE…`, restarted by a small supervisor whenever one ends."""

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
ROLES_OF_A_MACHINE = (
    ("ingest",),
    ("process",),
    ("dispatch",),
    ("sync",),
    ("relay",),
    ("web", "schedule"),
)
STATIC = "ingest-a"
PROGRAM = "from worker.cli import main; main()"
SABOTAGED = f"from tests.chaos.sabotage import commit; commit({{!r}}); {PROGRAM}"
METRIC = re.compile(rb'^q2c_events_received_total\{door="kafka",outcome="(\w+)"\} (\S+)$', re.MULTILINE)


class Exit(msgspec.Struct, frozen=True):
    """The exit of a process: `status` is negative for a signal, `asked` is the signal that we sent, if any."""

    member: str
    status: int
    asked: str | None
    seconds: float
    """The seconds since our signal, or since its start."""
    age: float
    """The seconds since its start."""
    said: str
    """The end of the log line with the reason, otherwise of the last line."""


class Member:
    """One place in the fleet, and its current process."""

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
        """The records that its earlier processes received from Kafka, by outcome, as last read."""
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
        """Start the process, and restart it whenever it ends."""
        self._variables = {**os.environ, **variables, "Q2C_METRICS_PORT": str(self.ops_port)}
        self.come_back()

    def come_back(self) -> None:
        """Start the process again after `leave`."""
        self._leaving.clear()
        self._keeping = asyncio.create_task(self._keep())

    async def leave(self) -> None:
        """Stop the process for good."""
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
        while self.pid is None:  # noqa: ASYNC110 - between two processes; a poll is fast enough
            await asyncio.sleep(POLL_SECONDS)
        starts = self.starts
        self.signal(which)
        while self.starts == starts:  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_SECONDS)

    def signal(self, which: signal.Signals) -> None:
        """Send a signal to the process, if there is one; record it if it ends the process."""
        if self._process is None or self._process.returncode is not None:
            return
        if which in {signal.SIGKILL, signal.SIGTERM}:
            self._asked = (which, asyncio.get_running_loop().time())
        self._process.send_signal(which)

    async def ready(self, seconds: float = READY_SECONDS_MAX) -> str | None:
        """Wait until the process is ready; return its problem if it is not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (  # noqa: ASYNC110 - another process, which can't set our event
            said := await self._problem()
        ) is not None and loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        return said

    async def look(self) -> None:
        """Read the metrics of the process before it may be killed."""
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
            if self._leaving.is_set():  # `leave` was called between two processes
                self.signal(signal.SIGTERM)
            status = await self._process.wait()
            self._note(status, started)
            await asyncio.sleep(RESTART_SECONDS)

    def _note(self, status: int, started: float) -> None:
        asked, since = (None, started) if self._asked is None else (self._asked[0].name, self._asked[1])
        now = asyncio.get_running_loop().time()
        lines = self.log.read_text(errors="replace").splitlines()[self._lines :]
        self._lines += len(lines)
        said = next((line for line in reversed(lines) if '"critical"' in line), lines[-1] if lines else "")
        self.exits.append(
            Exit(
                member=self.name,
                status=status,
                asked=asked,
                seconds=round(now - since, 2),
                age=round(now - started, 2),
                said=said[-LINE_CHARACTERS_MAX:],
            )
        )
        self.received += self._seen
        self._seen = Counter()


class Fleet:
    """Two machines with a process of each role, and temporary guests."""

    def __init__(self, directory: Path, *, without: str | None = None) -> None:
        """`without` names a safeguard that is removed from its processes."""
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
        """Return a further process, which joins and leaves."""
        member = self._member(roles, f"guest{len(self.guests) + 1}")
        self.guests.append(member)
        member.join(self._variables_of(member))
        return member

    def at(self, target: str) -> list[Member]:
        """Return one process by its name, or those of a machine."""
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
        """Read the metrics of the ingest processes at intervals, until cancelled."""
        while True:
            await asyncio.gather(*(member.look() for member in (*self.of_role("ingest"), *self.guests)))
            await asyncio.sleep(LOOK_SECONDS)

    async def ready(self) -> list[str]:
        """Wait until every process is ready; return those that are not."""
        members = list(self.members.values())
        said = await asyncio.gather(*(member.ready() for member in members))
        return [
            f"{member.name} is not ready: {problem}"
            for member, problem in zip(members, said, strict=True)
            if problem is not None
        ]

    @asynccontextmanager
    async def running(self, variables: Mapping[str, str]) -> AsyncIterator["Fleet"]:
        """Start every process with these settings; stop every process at the end."""
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
        """Return the environment variables of a process; one ingest process is a static member of its Kafka group."""
        if member.name == STATIC:
            return {**self._variables, "Q2C_KAFKA_INSTANCE_ID": member.name}
        return self._variables
