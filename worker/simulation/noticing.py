"""Edit objects several times in a few seconds, and compare what was observed before anybody asks for a sync.

The sync that a person asks for at the end of a seed reads what notices should have told. Here no message of QuickBooks is
lost, so notices alone have to keep a company in step; only a sweep that they ask for themselves may help.
"""

import asyncio
from collections.abc import Sequence
from random import Random

import sqlalchemy as sa
from msgspec.structs import replace

from events.contract import catalog
from worker.actions.settings import change_settings
from worker.commands.table import realms
from worker.sandbox.books.company import Company
from worker.sandbox.failing.trouble import Plan as QuickBooksPlan
from worker.simulation import observing
from worker.simulation.bookkeeper import Bookkeeper
from worker.simulation.changing import Flurry, SyncPlan
from worker.simulation.cluster import Cluster
from worker.simulation.outside import LOOK_SECONDS, Outside
from worker.sync.entities import BY_NAME, named
from worker.sync.notices import ONCE_MORE
from worker.sync.observing import known_of
from worker.sync.tables import sync_companies
from worker.sync.versions import LastVersion
from worker.workspaces.kinds import REAL_TIME

GAP_SECONDS_MAX = 4.0
ANSWER_SECONDS_MAX = 6.0
# Up to so many seconds, differently in each query.
QUERY_LAGS = (0, 5, 20)


async def flurries(
    cluster: Cluster, outside: Outside, keeper: Bookkeeper, plan: SyncPlan, random: Random
) -> list[str]:
    """Make the plan's flurries of edits while QuickBooks answers slowly, and return the differences at rest."""
    for workspace in outside.plan.tales:
        await outside.administer(workspace, change_settings, {"sync_frequency": REAL_TIME})
    connected = await cluster.store.read(observing.readable)
    companies = [cluster.sandbox.companies[realm] for realm in connected]
    number = _subscribe_anew(cluster, plan)
    waiting_for = await _rest(cluster, number)
    if waiting_for is None:
        before = {company.realm: len(company.journal) for company in companies}
        cluster.sandbox.trouble.follow(QuickBooksPlan(latency_seconds=random.uniform(0, ANSWER_SECONDS_MAX)))
        for company in companies:
            lag = random.choice(QUERY_LAGS)
            cluster.sandbox.change_traits(company.realm, {"query_lag_seconds": lag, "query_lag_varies": True})
        await asyncio.gather(
            *(_edit(cluster, keeper, company, plan.flurries, random) for company in companies)
        )
        waiting_for = await _rest(cluster, number)
        cluster.sandbox.trouble.follow(QuickBooksPlan())
    if waiting_for is not None:
        return [f"I9: notices do not come to rest: {waiting_for}"]
    found = await observing.judged(cluster)
    for company in companies:
        found += await cluster.store.read(_unmarked_voids, company, before[company.realm])
    return [f"{each}, before a sync was asked for" for each in found]


def _subscribe_anew(cluster: Cluster, plan: SyncPlan) -> int:
    """Set up webhooks of which none is lost; messages that QuickBooks still repeats are forgotten."""
    deliveries = cluster.sandbox.deliveries
    for number in deliveries.subscriptions:
        deliveries.unsubscribe(number)
    mishaps = plan.subscription.mishaps
    kept = replace(mishaps, probability={**mishaps.probability, "lost": 0.0})
    return deliveries.subscribe(replace(plan.subscription, mishaps=kept))


async def _edit(
    cluster: Cluster, keeper: Bookkeeper, company: Company, chosen: Sequence[Flurry], random: Random
) -> None:
    for flurry in chosen:
        for _ in keeper.flurry(company, flurry, cluster.world.now):
            cluster.counts["flurry_edit"] += 1
            await asyncio.sleep(random.uniform(0, GAP_SECONDS_MAX))


async def _rest(cluster: Cluster, number: int) -> str | None:
    """Wait until two checks in a row find no work; return what is left if it takes too long."""
    until = cluster.loop.time() + observing.AT_REST_SECONDS_MAX
    idle, waiting_for = 0, None
    while idle < 2 and cluster.loop.time() < until:  # noqa: PLR2004 - two checks
        latest = max(host.clock.now() for host in cluster.hosts) + ONCE_MORE
        waiting_for = await cluster.store.read(observing.waits_for)
        if cluster.sandbox.deliveries.is_sending(number):
            waiting_for = "webhooks to be acknowledged"
        elif await cluster.store.read(lambda connection: connection.scalar(_SOON, {"latest": latest})):  # noqa: B023
            waiting_for = waiting_for or "a sweep that begins in a moment"
        idle = idle + 1 if waiting_for is None else 0
        await asyncio.sleep(LOOK_SECONDS)
    return waiting_for


def _unmarked_voids(connection: sa.Connection, company: Company, since: int) -> list[str]:
    """Return the voided transactions that are not observed as such, though a notice said so."""
    voided = {
        (change.entity, change.identifier)
        for change in company.journal.after(since)
        if change.operation == "Void" and change.entity in BY_NAME
    }
    known = known_of(connection, company.realm, voided)
    return [
        f"I9: {company.realm}: {named(*key)} is not observed as voided"
        for key in sorted(voided)
        if company.get(*key) is not None and not _is_void(known.get((company.realm, *key)))
    ]


def _is_void(known: LastVersion | None) -> bool:
    """Return whether a transaction was observed as voided, or has an amount again; a missing one is found elsewhere."""
    if known is None:
        return True
    fact = catalog.payload(BY_NAME[known.entity].event, known.content)
    return bool(fact.total) or bool(fact.voided)


_SOON = (
    sa.select(sync_companies.c.realm)
    .join(realms, realms.c.realm == sync_companies.c.realm)
    .where(realms.c.connected, realms.c.gate.is_(None))
    .where(sync_companies.c.next_sync <= sa.bindparam("latest", type_=sync_companies.c.next_sync.type))
)
