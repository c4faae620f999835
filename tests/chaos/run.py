"""A run: send messages, carry out faults, wait until all work is finished, and check the databases."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC
from pathlib import Path
from random import Random

import httpx
from msgspec import Struct

from events.errors import DatabaseUnavailable
from tests.chaos import ground, outcome, stores
from tests.chaos.companies import open_companies
from tests.chaos.faults import Amounts, machine_faults, network_faults
from tests.chaos.fleet import Fleet
from tests.chaos.flow import Flow
from tests.chaos.ground import QUICKBOOKS_TROUBLE, Ground, Servers
from tests.chaos.messages import Identity
from tests.chaos.outcome import Outcome, Poured
from tests.chaos.pouring import Pace, Producer, Visitor, visit
from tests.chaos.report import Report
from tests.chaos.trouble import Trouble
from worker.kafka.messages import BrokerUnavailable
from worker.roles.idle import wait_until_idle
from worker.sandbox.failing.trouble import Plan

COMPANIES = 4
AGAIN_SECONDS = 0.2
AHEAD_MAX = 0.05  # how far a list of faults may be ahead of the sent messages


class Options(Struct, frozen=True):
    """The size of a run.

    Attributes:
        seed: The seed of messages, faults and their order.
        messages: The number of valid messages, each produced once.
        tales_each: The number of complete deals of each company.
        amounts: The numbers of faults.
        settle_seconds_max: The longest time until all work is finished after the faults.
        without: The safeguard that is removed from the worker's processes, if any.
    """

    seed: int
    messages: int
    tales_each: int
    amounts: Amounts
    settle_seconds_max: float
    without: str | None = None


async def run(
    options: Options,
    say: Callable[[str], None],
    *,
    kept: bool = False,
    opened: Callable[[], AbstractContextManager[Servers]] = ground.running_servers,
) -> Report:
    """Run on servers that are started for it; the report has every finding.

    Args:
        options: The size of the run.
        say: Called with each progress message.
        kept: Whether the logs are kept if every check passes.
        opened: Starts the servers.
    """
    directory = Path(tempfile.mkdtemp(prefix="q2c-chaos-"))
    say(f"Seed {options.seed}; the logs are in {directory}")
    with opened() as servers:
        found = await _run(options, servers, directory, say)
    if found.good and not kept:
        shutil.rmtree(directory)
    return found


async def _run(options: Options, servers: Servers, directory: Path, say: Callable[[str], None]) -> Report:
    clock = asyncio.get_running_loop().time
    began = clock()
    fleet = Fleet(directory, without=options.without)
    web_ports = [member.port for member in fleet.of_role("web")]
    problems: dict[str, list[str]] = {}
    laying = ground.running(servers, directory, companies=COMPANIES, seed=options.seed, web_ports=web_ports)
    async with laying as laid, httpx.AsyncClient(timeout=10) as http:
        async with fleet.running(laid.variables):
            say("Starting two processes of each role, and setting up the companies")
            problems["everybody starts"] = await fleet.ready()
            visitors = await open_companies(laid, http, options.seed)
            await laid.sandbox.follow(http, QUICKBOOKS_TROUBLE)
            say(f"Sending {options.messages:,} messages during the faults")
            trouble = Trouble(laid, fleet, directory / "faults.jsonl")
            pouring = clock()
            poured = await _pour(options, laid, trouble, visitors)
            settling = clock()
            say("The faults have ended; waiting until all work is finished")
            quickbooks = await laid.sandbox.troubles(http)
            await laid.sandbox.follow(http, Plan())
            problems["everything settles"] = await settled(laid, options.settle_seconds_max)
            checking = clock()
            problems["everybody is ready"] = await fleet.ready()
        problems["everybody ends in order"] = outcome.ends(fleet)
        say("Checking the databases and Kafka")
        found = await stores.read_all(laid, http, list(visitors))
        problems |= await outcome.check(laid, poured, found)
    ended = clock()
    seconds = {
        "pouring": settling - pouring,
        "settling": checking - settling,
        "checking": ended - checking,
        "all": ended - began,
    }
    outcome_ = Outcome(options.seed, poured, found, fleet, trouble, quickbooks, seconds, problems, directory)
    return outcome.report_of(outcome_, laid.proxies)


async def _pour(options: Options, laid: Ground, trouble: Trouble, visitors: Mapping[str, Visitor]) -> Poured:
    """Send all messages during the faults; both end together."""
    now = laid.services.clock.now().astimezone(UTC)
    flow = Flow(
        options.seed, list(visitors), tales_each=options.tales_each, messages=options.messages, now=now
    )
    machines = machine_faults(options.amounts, options.seed)
    networks = network_faults(options.amounts, options.seed)
    expected_seconds = max(sum(fault.takes_seconds for fault in faults) for faults in (machines, networks))
    pace = Pace(flow.messages, flow.messages / expected_seconds)
    producer = Producer(laid.kafka, pace)
    done = 0

    async def advanced(share: float) -> None:
        """Allow more messages; return once the sent share matches the share of done faults."""
        nonlocal done
        done += 1
        pace.allow((done + 1) / options.amounts.total)
        await pace.sent_share(share - AHEAD_MAX)

    async def stored(identities: frozenset[Identity]) -> bool:
        try:
            return await laid.services.database.read(stores.holds, identities)
        except DatabaseUnavailable:  # it was stopped
            return False

    async with asyncio.TaskGroup() as group:
        group.create_task(producer.pour(flow, stored))
        for name, visitor in visitors.items():
            random = Random(f"{options.seed} telling {name}")
            group.create_task(visit(visitor, flow.by_doors[name], pace, random))
        for faults in (machines, networks):
            group.create_task(trouble.follow(faults, advanced))
    return Poured(flow, visitors, producer)


async def settled(laid: Ground, seconds_max: float) -> list[str]:
    """Wait until all work is finished; return the remaining work."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds_max
    while True:
        try:
            idleness = await wait_until_idle(laid.services, max(0, until - clock()))
        except (DatabaseUnavailable, BrokerUnavailable) as error:
            if clock() > until:
                return [str(error)]
            await asyncio.sleep(
                AGAIN_SECONDS
            )  # our own connections may be from before PostgreSQL was stopped
            continue
        return [] if idleness.idle else [f"Waiting for {idleness.waiting_for}"]


def amounts_of(kills: int) -> Amounts:
    """Return the numbers of faults for a number of kills, all others in proportion."""
    return Amounts(
        kills=kills,
        terms=max(5, kills // 2),
        freezes=max(2, kills // 4),
        brokers=max(1, kills // 7),
        postgres=max(2, kills // 5),
        guests=max(1, kills // 7),
        rounds=max(1, kills // 5),
    )
