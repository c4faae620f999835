"""Compare people's decisions and both sides once the worker and the CRM have nothing left to do."""

import asyncio
from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct

from events.log import log
from worker.simulation import agreeing, observing, reviewed
from worker.simulation.cluster import Cluster
from worker.simulation.outside import LOOK_SECONDS
from worker.simulation.reviewing import Reviewing


class AtRest(Struct, frozen=True):
    """What is left to do, None without anything; then what is wrong with the mappings and with both sides."""

    waiting_for: str | None
    violations: tuple[str, ...] = ()


async def judged(cluster: Cluster, reviews: Sequence[Reviewing]) -> AtRest:
    """Wait until the worker and the CRM have nothing left to do, and compare; the wait ends if it takes too long."""
    until = cluster.loop.time() + observing.AT_REST_SECONDS_MAX
    while True:
        await observing.rest(cluster)
        found = await cluster.store.read(_judge, reviews)
        if found.waiting_for is None or cluster.loop.time() >= until:
            return found
        await asyncio.sleep(LOOK_SECONDS)


def violations(connection: sa.Connection, review: Reviewing) -> list[str]:
    """Return what is wrong with the mappings of a workspace, and with its accounts and their customers."""
    of_people = reviewed.violations(connection, review.workspace)
    return [*of_people, *agreeing.violations(connection, review.workspace, review.edits)]


def _judge(connection: sa.Connection, reviews: Sequence[Reviewing]) -> AtRest:
    """Look and compare at one instant, since more may arrive at the next one."""
    waiting_for, head = observing.waits_for(connection), log.head(connection)
    if waiting_for is None and not all(review.crm.is_idle_at(head) for review in reviews):
        waiting_for = "the CRM"
    if waiting_for is not None:
        return AtRest(waiting_for)
    return AtRest(None, tuple(each for review in reviews for each in violations(connection, review)))
