"""A run from its beginning to its report: pour, let everything go wrong, settle, and look into the stores."""

import asyncio
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC
from pathlib import Path
from random import Random
from typing import Any

import httpx
from msgspec import Struct

from events.errors import DatabaseUnavailable
from projections import queries
from tests.chaos import checks, ground, stores
from tests.chaos.checks import Acknowledged
from tests.chaos.companies import open_companies
from tests.chaos.faults import Amounts, machine_faults, network_faults
from tests.chaos.fleet import Fleet
from tests.chaos.flow import Flow
from tests.chaos.ground import QUICKBOOKS_TROUBLE, Books, Ground, Servers
from tests.chaos.messages import Identity
from tests.chaos.pouring import Pace, Producer, Visitor, visit
from tests.chaos.report import Report
from tests.chaos.trouble import Trouble
from worker.idle import wait_until_idle
from worker.positions import positions
from worker.sandbox.trouble import Plan
from worker.services import SUBSCRIPTIONS
from worker.verification import invariants

COMPANIES = 4
DEALS_MAX = 100_000


class Options(Struct, frozen=True):
    """How much of everything.

    Attributes:
        seed: Of messages, faults and their order.
        messages: How many good ones are produced, each once.
        tales_each: How many deals of each company are told to their end.
        amounts: Of faults.
        settle_seconds_max: How long it may take until nothing is left to do, once nothing goes wrong any more.
    """

    seed: int
    messages: int
    tales_each: int
    amounts: Amounts
    settle_seconds_max: float


class _Poured(Struct, frozen=True):
    """What was sent, as those who sent it know."""

    flow: Flow
    visitors: Mapping[str, Visitor]
    producer: Producer
    seconds: float


async def run(options: Options, servers: Servers, directory: Path, say: Callable[[str], None]) -> Report:
    """Run; everything that is wrong is in the report.

    Args:
        options: How much of everything.
        servers: Real ones, with nothing in them.
        directory: Where logs go.
        say: Told what is being done.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    fleet = Fleet(directory)
    web_ports = [member.port for member in fleet.of_role("web")]
    seconds: dict[str, float] = {}
    async with (
        ground.running(
            servers, directory, companies=COMPANIES, seed=options.seed, web_ports=web_ports
        ) as laid,
        httpx.AsyncClient(timeout=10) as http,
    ):
        problems: dict[str, list[str]] = {}
        async with fleet.running(laid.variables):
            say("Starting two processes of each role, and setting up the companies")
            problems["everybody starts"] = await fleet.ready()
            visitors = await open_companies(laid, http, options.seed)
            await laid.sandbox.follow(http, QUICKBOOKS_TROUBLE)
            say(f"Sending {options.messages:,} messages while everything goes wrong")
            trouble = Trouble(laid, fleet, directory / "faults.jsonl")
            poured = await _pour(options, laid, trouble, visitors)
            seconds["pouring"] = poured.seconds
            say("Nothing goes wrong any more; waiting until nothing is left to do")
            quickbooks = await laid.sandbox.troubles(http)
            await laid.sandbox.follow(http, Plan())
            settling = clock()
            problems["everything settles"] = await _settled(laid, options.settle_seconds_max)
            seconds["settling"] = clock() - settling
            problems["everybody is ready"] = await fleet.ready()
        problems["everybody ends in order"] = _ends(fleet)
        say("Looking into the stores")
        checking = clock()
        sent = await stores.read_sent(servers.kafka.bootstrap)
        logged = await laid.services.database.read(stores.read_logged)
        books = {
            visitor.workspace: await laid.sandbox.books(http, realm)
            for visitor, realm in zip(visitors.values(), laid.sandbox.realms, strict=True)
        }
        problems |= await _found(laid, poured, sent, logged, books)
        seconds["checking"] = clock() - checking
    seconds["all"] = clock() - began
    counted = Counter(logged.arrived)
    expected = [tale for tales in poured.flow.tales.values() for tale in tales if tale.expects_invoice]
    invoices = [invoice for of in books.values() for invoice in of["Invoice"]]
    return Report(
        good=not any(problems.values()),
        seed=options.seed,
        messages={
            "produced": len(sent.good),
            "in_log": sum(count == 1 for name, count in counted.items() if name in sent.good),
            "sent_again": sent.messages - len(sent.good) - len(sent.bad),
            "poison": len(sent.bad),
            "dead_letters": sum(origin in logged.dead for origin in sent.bad),
            "over_http": sum(len(visitor.acknowledged) for visitor in visitors.values()),
        },
        redelivered=max(0, sum(fleet.received().values()) - sent.messages),
        deals={
            "told": sum(map(len, poured.flow.tales.values())),
            "won": len(expected),
            "invoices": len(invoices),
            "duplicates": len(invoices) - len({invoice["PrivateNote"] for invoice in invoices}),
        },
        kills=_kills(fleet, trouble),
        faults=Counter(done.kind for done in trouble.done),
        troubled={
            f"{proxy.name} {kind}": count
            for proxy in laid.proxies.values()
            for kind, count in proxy.counts.items()
        },
        quickbooks=quickbooks,
        exits=Counter(f"{exit_.asked or 'by itself'} {exit_.status}" for exit_ in fleet.exits()),
        starts=sum(member.starts for member in (*fleet.members.values(), *fleet.guests)),
        seconds={name: round(value, 1) for name, value in seconds.items()},
        per_second=round(sent.messages / seconds["pouring"], 1),
        problems=problems,
        directory=str(directory),
    )


async def _pour(options: Options, laid: Ground, trouble: Trouble, visitors: Mapping[str, Visitor]) -> _Poured:
    """Send everything while everything goes wrong; both end together."""
    clock = asyncio.get_running_loop().time
    now = laid.services.clock.now().astimezone(UTC)
    flow = Flow(
        options.seed, list(visitors), tales_each=options.tales_each, messages=options.messages, now=now
    )
    machines = machine_faults(options.amounts, options.seed)
    networks = network_faults(options.amounts, options.seed)
    expected_seconds = max(sum(fault.takes_seconds for fault in faults) for faults in (machines, networks))
    pace = Pace(flow.messages, flow.messages / expected_seconds)
    producer = Producer(laid.servers.kafka.bootstrap, pace)
    done = 0

    def advanced() -> None:
        nonlocal done
        done += 1
        pace.allow((done + 1) / options.amounts.total)

    async def stored(identities: frozenset[Identity]) -> bool:
        try:
            return await laid.services.database.read(stores.holds, identities)
        except DatabaseUnavailable:  # it was stopped
            return False

    began = clock()
    async with asyncio.TaskGroup() as group:
        group.create_task(producer.pour(flow, stored))
        for name, visitor in visitors.items():
            random = Random(f"{options.seed} telling {name}")
            group.create_task(visit(visitor, flow.by_doors[name], pace, random))
        for faults in (machines, networks):
            group.create_task(trouble.follow(faults, advanced))
    return _Poured(flow, visitors, producer, clock() - began)


async def _settled(laid: Ground, seconds_max: float) -> list[str]:
    """Wait until nothing is left to do; say what is."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds_max
    while True:
        try:
            idleness = await wait_until_idle(laid.services, max(0, until - clock()))
        except DatabaseUnavailable:  # our own connections are from before it was stopped
            continue
        return [] if idleness.idle else [f"Waiting for {idleness.waiting_for}"]


async def _found(
    laid: Ground, poured: _Poured, sent: stores.Sent, logged: stores.Logged, books: Mapping[str, Books]
) -> dict[str, list[str]]:
    """Check everything."""
    services, visitors = laid.services, poured.visitors.values()
    acknowledged = Acknowledged(
        to_kafka=poured.producer.acknowledged,
        to_doors=set().union(*(visitor.acknowledged for visitor in visitors)),
        given=set().union(*(visitor.given for visitor in visitors)),
    )
    relayed = await stores.read_relayed(laid.servers.kafka.bootstrap)
    ends = {
        (at.topic, at.partition): at.end for at in await positions(services.environment, services.database)
    }
    names = [subscription.name for subscription in SUBSCRIPTIONS]
    problems = {
        "every event is in the log once": list(checks.every_event_once(sent, acknowledged, logged)),
        "every poison is a dead letter": list(checks.every_poison_is_a_dead_letter(sent, logged)),
        "every dead letter is published": list(checks.every_dead_letter_is_published(sent, relayed)),
        "everything is relayed, in order": list(checks.everything_is_relayed_in_order(logged, relayed)),
        "everything is at its end": list(
            checks.everything_is_at_its_end(logged, [*names, *checks.RELAYS], ends)
        ),
    }
    wrong: list[str] = []
    for workspace, tales in poured.flow.tales.items():
        rows = await services.database.read(queries.list_deals, workspace, DEALS_MAX)
        wrong += [
            f"{workspace}: {problem}" for problem in checks.books_are_right(tales, rows, books[workspace])
        ]
    problems["QuickBooks' books are right"] = wrong
    by_realm: dict[str, list[dict[str, Any]]] = {
        realm: of["Invoice"] for realm, of in zip(laid.sandbox.realms, books.values(), strict=True)
    }
    violated = await services.database.read(invariants.violations, services.clock.now(), by_realm)
    says = {invariant.name: invariant.says for invariant in invariants.INVARIANTS}
    return problems | {f"{name}: {says[name]}": found for name, found in violated.items()}


def _ends(fleet: Fleet) -> list[str]:
    """Say who did not end in order when everything was well."""
    last = [member.exits[-1] for member in fleet.members.values() if member.exits]
    return [
        f"{exit_.member} ended with {exit_.status} after {exit_.seconds} s"
        for exit_ in last
        if exit_.asked != signal.SIGTERM.name or exit_.status != 0
    ]


def _kills(fleet: Fleet, trouble: Trouble) -> dict[str, int]:
    killed = [exit_ for exit_ in fleet.exits() if exit_.status == -signal.SIGKILL]
    by_role = Counter(exit_.member.partition("-")[0] for exit_ in killed)
    servers = Counter(done.target for done in trouble.done if done.kind == "broker")
    return dict(by_role + servers)


def failed(options: Options, directory: Path, error: BaseException) -> str:
    """What to say of a run that did not come to its report."""
    said = "".join(traceback.format_exception(error))
    return f"{said}\nThe run broke. Again: python -m tests.chaos --seed {options.seed}. Logs: {directory}"


def amounts_of(kills: int) -> Amounts:
    """A run of so many kills, and of everything else in proportion."""
    return Amounts(
        kills=kills,
        terms=max(5, kills // 2),
        freezes=max(2, kills // 4),
        brokers=max(1, kills // 7),
        postgres=max(2, kills // 5),
        guests=max(1, kills // 7),
        rounds=max(1, kills // 7),
    )
