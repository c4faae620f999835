"""Run one seed, from its plan to its verdict."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from random import Random
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.contract.gates import CUSTOMER_CHANGED
from events.log.tables import dead_letters
from events.log.tables import log as events
from projections.deals import deals
from worker.commands.table import realms
from worker.quote_to_cash import view
from worker.roles import reconsidering, suggesting
from worker.roles.idle import left_to_do
from worker.sandbox.failing.trouble import Plan as QuickBooksPlan
from worker.simulation import companies, noticing, observing, resting, reviewed
from worker.simulation.bookkeeper import Bookkeeper
from worker.simulation.chaos import Chaos
from worker.simulation.cluster import Cluster
from worker.simulation.comparing import Comparison
from worker.simulation.database import DatabaseTrouble, Store
from worker.simulation.loop import SimulationLoop
from worker.simulation.outside import LOOK_SECONDS, Outside
from worker.simulation.plan import SeedPlan, draw
from worker.simulation.ports import SimulatedClock
from worker.simulation.reviewing import Reviewing
from worker.simulation.telling import Telling
from worker.verification.books import Books
from worker.verification.invariants import violations

SETTLE_SECONDS_MAX = 3600.0
FAULTS_SECONDS_MAX: float | None = 600.0
_HELD = sa.select(realms.c.realm).where(realms.c.gate.is_not(None), realms.c.connected)
_REFUSED = sa.select(events.c.workspace, events.c.data).where(events.c.type == catalog.COMMAND_REJECTED)
_BEING_READ = sa.select(deals.c.deal).where(deals.c.gate == "mapping_being_read").limit(1)
_TOLD_THAT_IT_ENDED = (
    sa.select(events.c.workspace, sa.func.count())
    .where(events.c.type == catalog.CONNECTION_EXPIRED)
    .group_by(events.c.workspace)
)


class Verdict(Struct, frozen=True):
    """The result of the seed or crash point `name`."""

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
MoreActs = Callable[[Sequence[Reviewing]], Sequence[Coroutine[Any, Any, None]]]


def run_seed(
    store: Store, seed: int, plan: SeedPlan | None = None, after_step: AfterStep | None = None
) -> Verdict:
    """Run a seed and check the result; the same seed gives the same trace in any process."""
    plan = plan or draw(seed)
    loop = SimulationLoop(Random(f"{seed}:loop"))  # noqa: S311 - a simulation repeats itself
    clock = SimulatedClock(loop, plan.start)
    sandbox = companies.opened(plan.companies, clock, seed, others=bool(plan.interludes))
    trouble = DatabaseTrouble(Random(f"{seed}:database"), plan.database_rate)  # noqa: S311 - as above
    cluster = Cluster(
        loop,
        store.database,
        sandbox,
        seed=seed,
        world=clock,
        hosts=plan.hosts,
        database_trouble=trouble,
    )
    if after_step is not None:
        loop.after_step = lambda host: after_step(cluster, host)
    outside = Outside(cluster, plan)
    sandbox.deliveries.subscribe(plan.sync.subscription)
    for realm, traits in zip(sandbox.companies, plan.sync.traits, strict=False):
        sandbox.change_traits(realm, traits)
    try:
        with (
            patch.object(view, "AT_ONCE", plan.at_once),
            patch.object(reconsidering, "STREAMS_MAX", plan.at_once),
            patch.object(suggesting, "COMPARED_MAX", plan.at_once),
        ):
            found = loop.run(play(store, cluster, plan, outside))
    except Exception as error:  # noqa: BLE001 - any error that ends a seed early is a finding
        found = [f"The seed ended early: {error!r}"]
    loop.note(repr(found))
    return Verdict(
        name=str(seed),
        seed=seed,
        violations=(*cluster.watch.violations, *found),
        trace=loop.trace,
        faults={
            **cluster.counts,
            **trouble.counts,
            **sandbox.trouble.counts,
            "limit_reached": sandbox.throttle.refused.total(),
        },
        deals=sum(len(tales) for tales in plan.tales.values()),
        steps=loop.steps,
        requests=cluster.watch.requests,
        virtual_s=round(loop.time(), 1),
    )


async def play(
    store: Store,
    cluster: Cluster,
    plan: SeedPlan,
    outside: Outside,
    more: MoreActs = lambda _: (),
) -> list[str]:
    """Run the story with its faults and `more`, then wait until all work is finished, then check the result."""
    await store.cleared()
    tellings = {workspace: Telling(outside, workspace) for workspace in plan.tales}
    chaos = Chaos(cluster, store, outside, tellings)
    random = Random(f"{cluster.seed}:accountant")  # noqa: S311 - a simulation repeats itself
    keeper = Bookkeeper(random)
    reviews = [Reviewing(outside, telling, plan.reviews) for telling in tellings.values() if plan.reviews]
    acts = [asyncio.create_task(act) for act in (*chaos.acts(), *more(reviews))]
    acts.append(asyncio.create_task(observing.edit(cluster, outside, keeper, plan.sync)))
    acts += [asyncio.create_task(review.play()) for review in reviews]
    background = [
        asyncio.create_task(habit) for habit in (*chaos.habits(), *(each.crm.follow() for each in reviews))
    ]
    admins = [asyncio.create_task(habit) for habit in chaos.admins()]
    cluster.sandbox.trouble.follow(plan.quickbooks)
    for host in cluster.hosts:
        cluster.start(host)
    told = asyncio.gather(*(telling.play() for telling in tellings.values()))
    # A consent needs several reads that succeed, which at the highest rate of faults may take for ever.
    await asyncio.wait({told}, timeout=FAULTS_SECONDS_MAX)
    await asyncio.sleep(max(0.0, plan.faults_end - cluster.loop.time()))
    cluster.sandbox.trouble.follow(QuickBooksPlan())
    cluster.trouble.rate, cluster.trouble.full = 0.0, False
    await told
    # A frozen host carries out its pending requests when it thaws; admins act only after the faults have ended.
    await asyncio.gather(*acts)
    await cluster.answered()
    for workspace in plan.tales:
        await outside.finish(workspace)
    waiting_for = await _settle(cluster, outside, tellings, reviews)
    _end(admins)
    if waiting_for is not None:
        return [f"The work does not finish: {waiting_for}"]
    cluster.watch.check_books()
    clock = cluster.hosts[0].clock
    found = await cluster.store.read(lambda connection: _judge(connection, cluster, outside, tellings, clock))
    for review in reviews:
        found += await cluster.store.read(resting.violations, review)
    found += await observing.afterwards(cluster, outside, keeper, plan.sync, random)
    if plan.sync.flurries and not found:
        found += await noticing.flurries(cluster, outside, keeper, plan.sync, random)
    if plan.reviews is not None and not found:
        found += await _reviewed(cluster, reviews)
    _end(background)
    digest = await cluster.store.read(_digest)
    cluster.loop.note(digest)
    return found


async def _reviewed(cluster: Cluster, reviews: Sequence[Reviewing]) -> list[str]:
    """Return what is wrong with the mappings at rest after the accountant's last edits, which concern any customers."""
    found = await resting.judged(cluster, reviews)
    if found.waiting_for is not None:
        return [f"I10: the review does not come to rest: {found.waiting_for}"]
    return list(found.violations)


def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()


async def _settle(
    cluster: Cluster, outside: Outside, tellings: Mapping[str, Telling], reviews: Sequence[Reviewing]
) -> str | None:
    """Wait until two checks in a row find no work; return the remaining work if it takes too long."""
    until = cluster.loop.time() + SETTLE_SECONDS_MAX
    idle, waiting_for = 0, None
    while cluster.loop.time() < until:
        waiting_for = await _waits_for(cluster, outside, tellings)
        if not all([await review.crm.is_idle() for review in reviews]):
            waiting_for = waiting_for or "the CRM to take over what it is told"
        idle = idle + 1 if waiting_for is None else 0
        if idle == 2:  # noqa: PLR2004 - two checks
            return None
        await asyncio.sleep(LOOK_SECONDS)
    return waiting_for or "it never stays done"


async def _waits_for(cluster: Cluster, outside: Outside, tellings: Mapping[str, Telling]) -> str | None:
    position, waiting_for = await cluster.store.read(left_to_do)
    if held := await cluster.store.read(lambda connection: connection.scalar(_HELD)):
        waiting_for = waiting_for or f"company {held}, which QuickBooks refused"
    for workspace, telling in tellings.items():
        asked, unmapped = await outside.pending_actions(workspace), await telling.unmapped()
        if asked.to_connect or asked.to_order or asked.batched or unmapped:
            waiting_for = waiting_for or f"a person of {workspace}: {asked}"
    if await cluster.store.read(lambda connection: connection.scalar(_BEING_READ)):
        waiting_for = waiting_for or "the first sync of a company, for which a deal waits"
    if outside.restores_left:
        return "a copy of the store to be restored"
    if waiting_for is None and not (outside.followed and outside.followed[-1] >= position):
        return "a reader of the log"
    return waiting_for


def _judge(
    connection: sa.Connection,
    cluster: Cluster,
    outside: Outside,
    tellings: Mapping[str, Telling],
    clock: SimulatedClock,
) -> list[str]:
    books = {realm: company.books()["Invoice"] for realm, company in cluster.sandbox.companies.items()}
    broken = violations(connection, clock.now(), Books(books))
    found = [f"{name}: {violation}" for name, found in broken.items() for violation in found]
    for telling in tellings.values():
        found += Comparison(connection, outside, telling).violations()
        if outside.plan.reviews is None:  # else once the CRM has taken over what it was told
            found += reviewed.violations(connection, telling.workspace)
    found += [
        f"{workspace} has {count} events of an ended connection, but {outside.ended_of(workspace)} grants ended"
        for workspace, count in connection.execute(_TOLD_THAT_IT_ENDED)
        if count > outside.ended_of(workspace)
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
    if list(outside.followed) != sorted(positions):
        found.append("I8: a reader that followed the log missed events")
    stored_letters = {(row.workspace, row.raw) for row in connection.execute(sa.select(dead_letters))}
    if stored_letters != outside.poison:
        found.append(f"I6: {len(outside.poison)} unusable messages, {len(stored_letters)} dead letters")
    return found


def _refused_by_nobody(connection: sa.Connection, refused: set[str]) -> Iterator[str]:
    """Yield the commands that are recorded as rejected although QuickBooks never rejected them."""
    for workspace, data in connection.execute(_REFUSED):
        fact = catalog.payload(catalog.COMMAND_REJECTED, data)
        # If the answer to an update was lost, its customer's version tells that it was not made.
        if fact.code is not None and fact.gate != CUSTOMER_CHANGED and fact.request_id not in refused:
            yield f"{workspace}/{fact.subject}: {fact.kind} is recorded as rejected, but QuickBooks never rejected it"


def _digest(connection: sa.Connection) -> str:
    rows = connection.execute(sa.select(events).order_by(events.c.position))
    return "\n".join(repr(tuple(row)) for row in rows)
