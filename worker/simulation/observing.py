"""Edit the books behind the worker's back while a seed runs and afterwards, and compare what was observed with them."""

import asyncio
from collections.abc import Iterator, Sequence
from random import Random

import sqlalchemy as sa

from worker.actions.admin import ActionRefused
from worker.actions.syncs import request_sync
from worker.commands.table import realms
from worker.roles.idle import left_to_do
from worker.simulation.bookkeeper import Bookkeeper
from worker.simulation.changing import CHANGES_LAGS, SyncPlan
from worker.simulation.cluster import Cluster
from worker.simulation.outside import LOOK_SECONDS, Outside
from worker.sync.notices import FOLLOWS_A_BATCH
from worker.sync.tables import sync_companies, sync_notices
from worker.verification.observed import differences
from worker.verification.versions import unrecorded_versions
from worker.workspaces.kinds import REAL_TIME

DOWN_SECONDS = 30.0
AT_REST_SECONDS_MAX = 7200.0


async def edit(cluster: Cluster, outside: Outside, keeper: Bookkeeper, plan: SyncPlan) -> None:
    """Make the edits that happen while the story is told."""
    for at, workspace in sorted(plan.edits):
        await asyncio.sleep(max(0.0, at - cluster.loop.time()))
        _edit(cluster, outside, keeper, workspace)


async def afterwards(
    cluster: Cluster, outside: Outside, keeper: Bookkeeper, plan: SyncPlan, random: Random
) -> list[str]:
    """Edit any objects, during an outage if the plan has one; then ask for a sync, and return the differences at rest."""
    keeper.touches_ours = True
    if plan.outage_seconds:
        cluster.counts["outage"] += 1
        cluster.halt(DOWN_SECONDS)
    workspaces = list(outside.realms)[: len(outside.plan.tales)]
    for _ in range(plan.later_edits):
        _edit(cluster, outside, keeper, random.choice(workspaces))
        cluster.leap(plan.outage_seconds / plan.later_edits)
        await asyncio.sleep(random.uniform(0, DOWN_SECONDS / plan.later_edits))
    if not plan.later_edits:
        cluster.leap(plan.outage_seconds)
    began = cluster.loop.time()
    for after, number in sorted(plan.kills):
        await asyncio.sleep(max(0.0, began + after - cluster.loop.time()))
        if cluster.hosts[number].services is not None:
            cluster.kill(cluster.hosts[number])
    # The first sync comes too early to see the last changes, by the lag of change data capture.
    for _ in range(2):
        for workspace in workspaces:
            await _ask(cluster, outside, workspace)
        waiting_for = await rest(cluster)
        if waiting_for is not None:
            return [f"I9: sync does not come to rest: {waiting_for}"]
        await asyncio.sleep(max(CHANGES_LAGS))
    return await judged(cluster)


async def judged(cluster: Cluster) -> list[str]:
    """Return the differences between what was observed and the books."""
    books = {realm: company.books() for realm, company in cluster.sandbox.companies.items()}
    return await cluster.store.read(lambda connection: list(_judge(connection, books)))


def _edit(cluster: Cluster, outside: Outside, keeper: Bookkeeper, workspace: str) -> None:
    company = cluster.sandbox.companies[outside.realms[workspace]]
    if keeper.edit(company, cluster.world.now()) is not None:
        cluster.counts["edit"] += 1


async def _ask(cluster: Cluster, outside: Outside, workspace: str) -> None:
    """Ask for a sync, as a person does, unless the connection has ended: as by a token that was lost on its way."""
    realm = outside.realms[workspace]
    while realm in await cluster.store.read(readable):
        try:
            await outside.administer(workspace, request_sync, full=False)
        except ActionRefused:  # it was connected only now
            await asyncio.sleep(LOOK_SECONDS)
        else:
            return


async def rest(cluster: Cluster) -> str | None:
    """Wait until no sync runs or is asked for; return what is left if it takes too long."""
    until = cluster.loop.time() + AT_REST_SECONDS_MAX
    while True:
        waiting_for = await cluster.store.read(waits_for)
        if waiting_for is None or cluster.loop.time() >= until:
            return waiting_for
        await asyncio.sleep(LOOK_SECONDS)


def waits_for(connection: sa.Connection) -> str | None:
    """Return what is left of the log and of the syncs that run or were asked for; None without anything."""
    _, waiting_for = left_to_do(connection)
    if waiting_for is not None:
        return waiting_for
    row = connection.execute(_UNFINISHED).first()
    return (
        None if row is None else f"company {row.realm}: {row.mode or row.wanted or 'notices'}, {row.problem}"
    )


def _judge(connection: sa.Connection, books: dict[str, dict[str, list[dict[str, object]]]]) -> Iterator[str]:
    """Yield the differences of connected companies; a company that QuickBooks refuses, or that is cut off, can't be read."""
    yield from (f"I9: {each}" for each in unrecorded_versions(connection))
    for realm in readable(connection):
        yield from (f"I9: {realm}: {each}" for each in differences(connection, realm, books[realm]))


def readable(connection: sa.Connection) -> Sequence[str]:
    """Return the companies that are connected, and that QuickBooks does not refuse."""
    return connection.scalars(_READABLE).all()


_READABLE = (
    sa.select(realms.c.realm).where(realms.c.connected, realms.c.gate.is_(None)).order_by(realms.c.realm)
)
_UNFINISHED = (
    sa.select(
        sync_companies.c.realm, sync_companies.c.mode, sync_companies.c.wanted, sync_companies.c.problem
    )
    .join(realms, realms.c.realm == sync_companies.c.realm)
    .where(realms.c.connected, realms.c.gate.is_(None))
    .where(
        sa.or_(
            sync_companies.c.mode.is_not(None),
            sync_companies.c.wanted.is_not(None),
            # Others wait for the next batch.
            sa.exists().where(
                sync_notices.c.realm == sync_companies.c.realm,
                sa.or_(realms.c.sync_frequency == REAL_TIME, FOLLOWS_A_BATCH),
            ),
        )
    )
    .order_by(sync_companies.c.realm)
)
