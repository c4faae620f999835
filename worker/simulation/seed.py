"""One seed from its plan to its verdict."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events import catalog, log
from events.sqlite import InlineDatabase
from events.tables import dead_letters
from events.tables import log as events
from worker.commands.identity import CommandKey, marker, request_id
from worker.commands.table import realms
from worker.demo.proof import net
from worker.demo.story import Tale
from worker.idle import left_to_do
from worker.sandbox.oauth import Lifetimes
from worker.sandbox.service import Sandbox
from worker.sandbox.trouble import Plan as QuickBooksPlan
from worker.simulation.chaos import Chaos
from worker.simulation.cluster import Cluster
from worker.simulation.database import DatabaseTrouble, Store
from worker.simulation.loop import SimulationLoop
from worker.simulation.outside import Outside
from worker.simulation.plan import Plan, draw
from worker.simulation.ports import SimulatedClock
from worker.verification.books import Books
from worker.verification.invariants import violations

LOOK_SECONDS = 5.0
SETTLE_SECONDS_MAX = 3600.0
GENERATIONS = range(1, 10)
# Tokens live for minutes here, so that a seed sees them expire and change.
LIFETIMES = Lifetimes(access_seconds=420, rotate_after_seconds=60)
_TOLD_TWICE = (
    sa.select(events.c.workspace, events.c.stream)
    .where(events.c.type == catalog.DEAL_CLOSED_WON)
    .group_by(events.c.workspace, events.c.stream)
    .having(sa.func.count() > 1)
)

_HELD = sa.select(realms.c.realm).where(realms.c.gate.is_not(None), realms.c.connected)
_REFUSED = sa.select(events.c.workspace, events.c.data).where(events.c.type == catalog.COMMAND_REJECTED)
_TOLD_THAT_IT_ENDED = (
    sa.select(events.c.workspace, sa.func.count())
    .where(events.c.type == catalog.CONNECTION_EXPIRED)
    .group_by(events.c.workspace)
)


class Verdict(Struct, frozen=True):
    """What came of a seed, or of a crash point; `name` says which."""

    name: str
    seed: int
    violations: tuple[str, ...]
    trace: str
    faults: dict[str, int]
    deals: int
    steps: int
    requests: int
    virtual_s: float


AfterStep = Callable[[Cluster, str], None]


def run_seed(
    store: Store, seed: int, plan: Plan | None = None, after_step: AfterStep | None = None
) -> Verdict:
    """Play a seed and judge it; the same seed gives the same trace in any process."""
    plan = plan or draw(seed)
    loop = SimulationLoop(Random(f"{seed}:loop"))  # noqa: S311 - a simulation repeats itself
    sandbox = Sandbox(
        SimulatedClock(loop, plan.start), kinds=("us", "us-ast"), seed=seed, lifetimes=LIFETIMES
    )
    trouble = DatabaseTrouble(Random(f"{seed}:database"), plan.database_rate)  # noqa: S311 - as above
    cluster = Cluster(
        loop,
        store.database,
        sandbox,
        seed=seed,
        start=plan.start,
        hosts=plan.hosts,
        database_trouble=trouble,
    )
    if after_step is not None:
        loop.after_step = lambda host: after_step(cluster, host)
    outside = Outside(cluster, plan)
    tailed: list[int] = []
    try:
        found = loop.run(_play(store, cluster, plan, outside, tailed))
    except Exception as error:  # noqa: BLE001 - whatever ends a seed before its end is a finding
        found = [f"The seed did not come to its end: {error!r}"]
    loop.note(repr(found))
    return Verdict(
        name=str(seed),
        seed=seed,
        violations=(*cluster.watch.violations, *found),
        trace=loop.trace,
        faults={**cluster.counts, **trouble.counts, **sandbox.trouble.counts},
        deals=sum(len(tales) for tales in plan.tales.values()),
        steps=loop.steps,
        requests=cluster.watch.requests,
        virtual_s=round(loop.time(), 1),
    )


async def _play(store: Store, cluster: Cluster, plan: Plan, outside: Outside, tailed: list[int]) -> list[str]:
    """Let everything happen, then let it settle, then judge."""
    await store.cleared()
    chaos = Chaos(cluster, plan, outside)
    acts = [asyncio.create_task(act) for act in chaos.acts()]
    background = [asyncio.create_task(habit) for habit in chaos.habits()]
    background.append(asyncio.create_task(_tail(cluster.store, tailed)))
    cluster.sandbox.trouble.follow(plan.quickbooks)
    for host in cluster.hosts:
        cluster.start(host)
    await asyncio.gather(*(outside.play(workspace) for workspace in plan.tales))
    await asyncio.sleep(max(0.0, plan.faults_end - cluster.loop.time()))
    cluster.sandbox.trouble.follow(QuickBooksPlan())
    cluster.trouble.rate, cluster.trouble.full = 0.0, False
    # What was asked of a frozen host is done when it thaws; nobody puts right what is still going wrong.
    await asyncio.gather(*acts)
    await cluster.answered()
    for workspace in plan.tales:
        await outside.finish(workspace)
    waiting_for = await _settle(cluster, outside, tailed)
    for task in background:
        if task.done():
            task.result()
        task.cancel()
    if waiting_for is not None:
        return [f"It does not settle: {waiting_for}"]
    cluster.watch.check_books()
    clock = cluster.hosts[0].clock
    found = await cluster.store.read(lambda connection: _judge(connection, cluster, outside, tailed, clock))
    digest = await cluster.store.read(_digest)
    cluster.loop.note(digest)
    return found


async def _settle(cluster: Cluster, outside: Outside, tailed: Sequence[int]) -> str | None:
    """Wait until nothing is left to do, at two looks in a row; return what is, if it takes too long."""
    until = cluster.loop.time() + SETTLE_SECONDS_MAX
    idle, waiting_for = 0, None
    while cluster.loop.time() < until:
        waiting_for = await _waits_for(cluster, outside, tailed)
        idle = idle + 1 if waiting_for is None else 0
        if idle == 2:  # noqa: PLR2004 - two looks
            return None
        await asyncio.sleep(LOOK_SECONDS)
    return waiting_for or "it never stays done"


async def _waits_for(cluster: Cluster, outside: Outside, tailed: Sequence[int]) -> str | None:
    position, waiting_for = await cluster.store.read(left_to_do)
    if held := await cluster.store.read(lambda connection: connection.scalar(_HELD)):
        waiting_for = waiting_for or f"company {held}, which QuickBooks refused"
    for workspace in outside.plan.tales:
        asked = await outside.asked(workspace)
        if asked.to_connect or asked.to_order:
            waiting_for = waiting_for or f"a person of {workspace}: {asked}"
    if waiting_for is None and not (tailed and tailed[-1] >= position):
        return "a reader of the log"
    return waiting_for


async def _tail(store: InlineDatabase, tailed: list[int]) -> None:
    """Read the log as a consumer does: page by page, from where it stopped."""
    after = 0
    while True:
        page = await store.read(log.read, after=after, limit=20)
        tailed += [recorded.position for recorded in page]
        after = page[-1].position if page else after
        await asyncio.sleep(0 if page else LOOK_SECONDS)


def _judge(
    connection: sa.Connection,
    cluster: Cluster,
    outside: Outside,
    tailed: Sequence[int],
    clock: SimulatedClock,
) -> list[str]:
    books = {realm: company.books()["Invoice"] for realm, company in cluster.sandbox.companies.items()}
    broken = violations(connection, clock.now(), Books(books))
    found = [f"{name}: {violation}" for name, found in broken.items() for violation in found]
    for workspace, tales in outside.plan.tales.items():
        realm = outside.realms[workspace]
        for tale in tales:
            found += _compared(workspace, realm, tale, books[realm])
    found += [f"{workspace}/{deal} is told won twice" for workspace, deal in connection.execute(_TOLD_TWICE)]
    found += [
        f"{workspace} is told {count} times that its connection ended, {outside.ended[workspace]} grants did"
        for workspace, count in connection.execute(_TOLD_THAT_IT_ENDED)
        if count > outside.ended[workspace]
    ]
    found += _refused_by_nobody(connection, cluster.watch.refused)
    kept = {
        (row.workspace, row.source, row.id): row.position
        for row in connection.execute(
            sa.select(events.c.workspace, events.c.source, events.c.id, events.c.position)
        )
    }
    positions = set(kept.values())
    lost = sorted(map(str, (outside.acknowledged - kept.keys()) | (outside.actions - positions)))
    found += [f"I2: {event} was acknowledged and is lost" for event in lost]
    if list(tailed) != sorted(positions):
        found.append("I8: a reader that followed the log missed events")
    buried = {(row.workspace, row.raw) for row in connection.execute(sa.select(dead_letters))}
    if buried != outside.poison:
        found.append(f"I6: {len(outside.poison)} useless messages, {len(buried)} dead letters")
    return found


def _refused_by_nobody(connection: sa.Connection, refused: set[str]) -> Iterator[str]:
    """Find what is recorded as refused though QuickBooks never refused to make it."""
    for workspace, data in connection.execute(_REFUSED):
        fact = catalog.payload(catalog.COMMAND_REJECTED, data)
        if fact.code is not None and fact.request_id not in refused:
            yield f"{workspace}/{fact.subject}: {fact.kind} counts as refused, and nothing refused it"


def _compared(workspace: str, realm: str, tale: Tale, books: list[dict[str, Any]]) -> Iterator[str]:
    """Compare a deal with the books, knowing how the story goes rather than what was decided."""
    keys = (CommandKey(workspace, tale.deal_id, "create_invoice", 0, number) for number in GENERATIONS)
    marks = [marker(request_id(realm, key)) for key in keys]
    found = [invoice for invoice in books if any(mark in str(invoice.get("PrivateNote")) for mark in marks)]
    expected = 1 if tale.expects_invoice else 0
    if len(found) != expected:
        yield f"I1: {workspace}/{tale.deal_id} ({tale.twist}): {len(found)} invoices instead of {expected}"
    for invoice in found:
        if net(invoice) != tale.total:
            yield f"I1: {workspace}/{tale.deal_id}: {net(invoice)} in QuickBooks, {tale.total} signed"


def _digest(connection: sa.Connection) -> str:
    rows = connection.execute(sa.select(events).order_by(events.c.position))
    return "\n".join(repr(tuple(row)) for row in rows)
