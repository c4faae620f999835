"""Half of the system's rate for a long time: no figure may grow."""

import asyncio
import itertools
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from random import Random

import httpx
import sqlalchemy as sa
from msgspec import Struct

from events.log import log, subscriptions
from tests.chaos import ground
from tests.chaos.companies import open_companies
from tests.chaos.fleet import Fleet
from tests.chaos.flow import endless
from tests.chaos.ground import Ground, running_servers
from tests.chaos.messages import Identity, Message
from tests.chaos.pouring import Pace, Producer
from tests.chaos.run import settled
from worker.services import SUBSCRIPTIONS

COMPANIES = 4
CEILING_SECONDS_MAX = 120.0
BACKLOG_MESSAGES = 120_000
FLOOD_PER_SECOND = 50_000.0
SETTLE_SECONDS_MAX = 600.0
LOOK_SECONDS = 5.0
WARM_UP = 0.25
COMPARED = 0.2
MEMORY_DRIFT_MAX = 0.05
COUNT_DRIFT_MAX = 2.0
WON_EVERY = 250
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MEGABYTE = 1024 * 1024
ESTABLISHED = "01"
_CONNECTIONS = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


class Growth(Struct, frozen=True):
    """A figure after the warm-up and at the end."""

    what: str
    unit: str
    before: float
    after: float
    grown: bool


class Soaked(Struct, frozen=True):
    """A soak.

    Attributes:
        good: Whether no figure has grown and every check passed.
        minutes: The duration.
        ceiling_per_second: The rate of the slowest part, measured before.
        per_second: The rate of sent messages.
        messages: The number of messages.
        growth: The growth of each figure.
        problems: The findings, as sentences.
        directory: The directory of the processes' logs.
    """

    good: bool
    minutes: float
    ceiling_per_second: float
    per_second: float
    messages: int
    growth: Sequence[Growth]
    problems: Sequence[str]
    directory: str


async def soak(minutes: float, seed: int, say: Callable[[str], None]) -> Soaked:
    """Measure the ceiling, then send at half of it, and watch the figures."""
    directory = Path(tempfile.mkdtemp(prefix="q2c-soak-"))
    say(f"Seed {seed}; the logs are in {directory}")
    fleet = Fleet(directory)
    web_ports = [member.port for member in fleet.of_role("web")]
    with running_servers() as servers:
        laying = ground.running(servers, directory, companies=COMPANIES, seed=seed, web_ports=web_ports)
        async with laying as laid, httpx.AsyncClient(timeout=10) as http, fleet.running(laid.direct):
            problems = await fleet.ready()
            workspaces = list(await open_companies(laid, http, seed))
            said = endless(
                Random(seed), workspaces, laid.services.clock.now().astimezone(UTC), won_every=WON_EVERY
            )
            say(f"Measuring the highest rate with {BACKLOG_MESSAGES:,} messages")
            ceiling = await _ceiling(laid, said)
            problems += await settled(laid, SETTLE_SECONDS_MAX)
            say(f"{ceiling:,.0f} messages a second; half of that for {minutes:g} minutes")
            samples, messages = await _steady(laid, fleet, said, ceiling / 2, minutes * 60)
            problems += await settled(laid, 60)
            problems += await fleet.ready()
    problems += [
        f"{exit_.member} ended with {exit_.status}: {exit_.said}"
        for exit_ in fleet.exits()
        if exit_.asked is None
    ]
    growth = list(_growth(samples))
    problems += [
        f"{grown.what}: {grown.before:g} {grown.unit} became {grown.after:g}"
        for grown in growth
        if grown.grown
    ]
    if not problems:
        shutil.rmtree(directory)
    return Soaked(
        not problems,
        minutes,
        round(ceiling, 1),
        round(ceiling / 2, 1),
        messages,
        growth,
        problems,
        str(directory),
    )


def text(soaked: Soaked) -> str:
    """Return the report as text."""
    return "\n".join(_lines(soaked))


async def _ceiling(laid: Ground, said: Iterator[Message]) -> float:
    """Send a backlog as fast as possible, and return the rate of the slowest subscription."""
    clock = asyncio.get_running_loop().time
    began, first = clock(), await laid.services.database.read(_handled)
    await _sent(laid, itertools.islice(said, BACKLOG_MESSAGES), FLOOD_PER_SECOND)
    while True:
        await asyncio.sleep(1)
        head = await laid.services.database.read(log.head)
        last = await laid.services.database.read(_handled)
        if last >= head or clock() - began >= CEILING_SECONDS_MAX:
            return (last - first) / (clock() - began)


async def _steady(
    laid: Ground, fleet: Fleet, said: Iterator[Message], per_second: float, seconds: float
) -> tuple[list[dict[str, float]], int]:
    """Send at a steady rate, and sample the figures at intervals."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    sending = asyncio.create_task(
        _sent(laid, itertools.takewhile(lambda _: clock() < until, said), per_second)
    )
    samples = []
    while not sending.done():
        samples.append(await _sample(laid, fleet))
        await asyncio.wait({sending}, timeout=LOOK_SECONDS)
    return samples, await sending


async def _sent(laid: Ground, messages: Iterator[Message], per_second: float) -> int:
    async def stored(_: frozenset[Identity]) -> bool:
        return True

    pace = Pace(1, per_second)
    pace.allow(1)
    await Producer(laid.kafka, pace).pour(messages, stored)
    return pace.sent


def _handled(connection: sa.Connection) -> int:
    """Return the position up to which every subscription has handled the log."""
    checkpoints = subscriptions.checkpoints(connection)
    return min(checkpoints.get(subscription.name, 0) for subscription in SUBSCRIPTIONS)


async def _sample(laid: Ground, fleet: Fleet) -> dict[str, float]:
    sample: dict[str, float] = {}
    for name, member in fleet.members.items():
        if member.pid is not None:
            process = Path("/proc", str(member.pid))
            sample[f"{name} memory"] = int((process / "statm").read_text().split()[1]) * PAGE_BYTES / MEGABYTE
            sample[f"{name} files"] = len(list((process / "fd").iterdir()))
    connections = await laid.services.database.read(lambda connection: connection.scalar(_CONNECTIONS))
    sample["PostgreSQL connections"] = int(connections or 0)
    sample["Kafka connections"] = _established(laid.servers.kafka.bootstrap)
    return sample


def _established(address: str) -> int:
    """Return the number of connections to a server on this machine."""
    port = f"{int(address.rpartition(':')[2]):04X}"
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text().splitlines()[1:]
    ]
    return sum(line[1].endswith(f":{port}") and line[3] == ESTABLISHED for line in lines)


def _growth(samples: Sequence[Mapping[str, float]]) -> Iterator[Growth]:
    """Compare the first part after the warm-up with the last."""
    warm = samples[int(len(samples) * WARM_UP) :]
    part = max(1, int(len(warm) * COMPARED))
    for what in sorted({name for sample in samples for name in sample}):
        before, after = (
            statistics.median(sample[what] for sample in some if what in sample)
            for some in (warm[:part], warm[-part:])
        )
        in_megabytes = what.endswith("memory")
        grown = after > before * (1 + MEMORY_DRIFT_MAX) if in_megabytes else after > before + COUNT_DRIFT_MAX
        yield Growth(what, "MB" if in_megabytes else "", round(before, 1), round(after, 1), grown)


def _lines(soaked: Soaked) -> Iterator[str]:
    yield f"ceiling     {soaked.ceiling_per_second:,.0f} messages a second"
    yield f"sent        {soaked.messages:,} in {soaked.minutes:g} minutes, {soaked.per_second:,.0f} a second"
    yield f"{'':28}{'after warm-up':>14}{'in the end':>14}{'':>4}{'drift':>8}"
    for grown in soaked.growth:
        drift = f"{grown.after / grown.before - 1:+.1%}" if grown.before else ""
        mark = "✗" if grown.grown else "✓"
        yield f"{mark} {grown.what:26}{grown.before:>14g}{grown.after:>14g} {grown.unit:3}{drift:>8}"
    for problem in soaked.problems:
        yield f"✗ {problem}"
    if not soaked.good:
        yield f"The logs are in {soaked.directory}"
