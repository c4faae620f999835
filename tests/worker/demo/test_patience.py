"""The demo's senders obey Retry-After."""

from random import Random

import httpx

from tests.fakes import FakeClock
from worker.demo.doors import Doors, Secrets


async def test_a_sender_waits_for_retry_after_and_repeats_its_request() -> None:
    clock, bodies = FakeClock(), []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append((clock.monotonic(), request.content))
        if len(bodies) == 1:
            return httpx.Response(429, headers={"retry-after": "7"})
        return httpx.Response(202, json={})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        secrets = Secrets("acme", "token", ("key",))
        doors = Doors(http, clock, Random(1), url="http://worker.test", secrets=secrets)
        await doors.api("settings", {})
    assert [at for at, _ in bodies] == [0, 7]
    assert bodies[0][1] == bodies[1][1]
