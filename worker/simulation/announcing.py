"""QuickBooks' webhooks in a simulation: carried to a host, and stored by the function behind the door."""

import asyncio
from random import Random

from events.errors import DatabaseUnavailable
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.notices import Signature
from worker.sandbox.webhooks.outgoing import DueDelivery
from worker.services import Services
from worker.simulation.cluster import Cluster, Host
from worker.web.doors.quickbooks import SIGNATURE, store_delivery
from worker.web.problems import Problem

LOOK_SECONDS = 1.0
STORED, REFUSED = 200, 401


async def announce(cluster: Cluster, random: Random) -> None:
    """Send each message that is due to a host, for ever; QuickBooks sends it again until it is acknowledged."""
    sending: set[asyncio.Task[None]] = set()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for delivery in cluster.sandbox.deliveries.due(cluster.world.now()):
            task = asyncio.create_task(_send(cluster, delivery, random))
            sending.add(task)
            task.add_done_callback(sending.discard)


async def _send(cluster: Cluster, delivery: DueDelivery, random: Random) -> None:
    status = None
    try:
        async with asyncio.timeout(delivery.answer_seconds):
            await asyncio.sleep(random.uniform(0, delivery.answer_seconds / 3))
            status = await _answered(cluster, random.choice(cluster.hosts), delivery)
    except (ConnectionError, DatabaseUnavailable, Problem, TimeoutError):
        pass  # no 200, so it is sent again
    cluster.counts["webhook" if status == STORED else "webhook_unanswered"] += 1
    cluster.sandbox.deliveries.answered(delivery, status, cluster.world.now())


async def _answered(cluster: Cluster, host: Host, delivery: DueDelivery) -> int:
    async def receive(services: Services, _: Gateway) -> int:
        token = services.environment.quickbooks_verifier_token
        if token is None or host.holders is None:
            raise ConnectionError(f"{host.name} is down")
        signature = Signature(token.get_secret_value())
        signature.update(delivery.body)
        if not signature.fits(delivery.headers[SIGNATURE]):
            return REFUSED
        await store_delivery(services, host.holders, delivery.body)
        return STORED

    return await cluster.call(host, receive)
