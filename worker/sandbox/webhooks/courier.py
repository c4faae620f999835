"""The courier: sends the messages that are due, and tells the receivers' answers."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import httpx

from events.clock import Clock
from worker.runtime.wake import Wake
from worker.sandbox.webhooks.deliveries import Deliveries
from worker.sandbox.webhooks.outgoing import DueDelivery

# Something may become due unnoticed, since the sandbox's clock can be moved from within the process.
LOOK_SECONDS = 1.0


class Courier:
    """Sends messages until it is cancelled.

    Args:
        deliveries: Decides which messages are due.
        clock: The clock that it waits by.
        now: Returns the sandbox's instant, which may be ahead of the clock.
        transport: Carries the messages; by default the network.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        clock: Clock,
        now: Callable[[], datetime],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._now = now
        self._transport = transport
        self._wake = Wake()

    def wake(self) -> None:
        """Look for due messages at once, since something may have changed."""
        if self._deliveries.next_at() is not None:
            self._wake.all()

    async def run(self) -> None:
        """Send messages as they become due."""
        unlimited = httpx.Timeout(None)  # each message has its own limit
        async with (
            httpx.AsyncClient(transport=self._transport, timeout=unlimited, trust_env=False) as http,
            asyncio.TaskGroup() as sending,
        ):
            while True:
                for delivery in self._deliveries.due(self._now()):
                    sending.create_task(self._send(http, delivery))
                await self._wake.wait(self._clock, self._seconds())

    def _seconds(self) -> float:
        next_at = self._deliveries.next_at()
        if next_at is None:
            return LOOK_SECONDS
        return min(max((next_at - self._now()).total_seconds(), 0.0), LOOK_SECONDS)

    async def _send(self, http: httpx.AsyncClient, delivery: DueDelivery) -> None:
        status = await _status(http, delivery)
        self._deliveries.answered(delivery, status, self._now())
        self.wake()


async def _status(http: httpx.AsyncClient, delivery: DueDelivery) -> int | None:
    """Send a message; return the answer's status, or None if there was none in time."""
    try:
        async with asyncio.timeout(delivery.answer_seconds):
            answer = await http.post(delivery.url, content=delivery.body, headers=delivery.headers)
    except (httpx.HTTPError, TimeoutError):
        return None
    return answer.status_code
