"""A token never sends more events than its rate limit allows, and a refused request fits after Retry-After."""

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import REGISTRY

from events.contract.envelope import BATCH_EVENTS_MAX
from events.log import log
from tests import stories
from tests.fakes import FakeClock
from tests.world import World
from worker.demo.doors import Secrets
from worker.runtime.environment import Environment
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Envelope
from worker.web.app import create_app
from worker.web.doors.rate import Rate

PER_SECOND, BURST = 2, BATCH_EVENTS_MAX
BATCH = "application/cloudevents-batch+json"
TOLERANCE = 1e-3

limits = st.tuples(st.integers(1, 500), st.integers(1, 3_000))
tries = st.lists(
    st.tuples(st.floats(0, 30, allow_nan=False), st.integers(1, 3_000), st.sampled_from("ab")), max_size=60
)


@given(limits, st.floats(0, 1e7), tries)
def test_over_any_time_no_more_passes_than_the_burst_and_the_refill(
    limit: tuple[int, int], started: float, tries: list[tuple[float, int, str]]
) -> None:
    per_second, burst = limit
    clock = FakeClock()
    clock.advance(started)
    rate = Rate(clock, per_second, burst)
    passed: dict[str, list[tuple[float, int]]] = {"a": [], "b": []}
    for pause, events, token in tries:
        clock.advance(pause)
        taken = min(events, burst)
        if not rate.take(token, taken):
            passed[token].append((clock.monotonic(), taken))
    for mine in passed.values():
        for first, (since, _) in enumerate(mine):
            for last in range(first, len(mine)):
                seconds = mine[last][0] - since
                assert sum(events for _, events in mine[first : last + 1]) <= (
                    burst + per_second * seconds + TOLERANCE
                )


@example((1, 38), 32713.3, [(0.0, 38, "a")] * 2)
@given(limits, st.floats(0, 1e7), tries)
def test_retry_after_is_sufficient_and_at_most_a_second_too_long(
    limit: tuple[int, int], started: float, tries: list[tuple[float, int, str]]
) -> None:
    per_second, burst = limit
    clock = FakeClock()
    clock.advance(started)
    rate = Rate(clock, per_second, burst)
    for pause, events, token in tries:
        clock.advance(pause)
        taken = min(events, burst)
        seconds = rate.take(token, taken)
        assert 0 <= seconds <= math.ceil(burst / per_second)
        if seconds:
            clock.advance(seconds - 1)
            left = rate.take(token, taken)
            assert left <= 1
            if left:
                clock.advance(1)
                assert rate.take(token, taken) == 0


def test_a_token_has_a_bucket_of_its_own_and_idle_ones_are_forgotten() -> None:
    clock = FakeClock()
    rate = Rate(clock, 200, 2_000)
    for number in range(500):
        assert rate.take(f"token-{number}", 2_000) == 0
        assert rate.take(f"token-{number}", 1) == 1
    assert len(rate) == 500
    clock.advance(10)
    assert rate.take("token-0", 1) == 0
    assert len(rate) == 1


def test_a_refused_request_takes_no_events() -> None:
    clock = FakeClock()
    rate = Rate(clock, 10, 100)
    assert rate.take("token", 60) == 0
    assert [rate.take("token", 90) for _ in range(5)] == [5] * 5
    assert rate.take("token", 40) == 0


def test_without_a_limit_no_token_is_limited() -> None:
    rate = Rate(FakeClock(), 0, BURST)
    assert all(rate.take("token", BURST) == 0 for _ in range(1_000))
    assert len(rate) == 0


def test_a_burst_lets_the_largest_batch_pass() -> None:
    with pytest.raises(ValueError, match="events_burst"):
        Environment(events_burst=BATCH_EVENTS_MAX - 1)


@pytest_asyncio.fixture
async def secrets(world: World) -> Secrets:
    return await world.add_workspace("acme")


@pytest_asyncio.fixture
async def http(world: World, secrets: Secrets) -> AsyncIterator[httpx.AsyncClient]:
    settings = world.services.environment.model_copy(
        update={"events_per_second": PER_SECOND, "events_burst": BURST}
    )
    app: Any = create_app(replace(world.services, environment=settings), world.gateway)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://worker.test",
        headers=_authorization(secrets.token),
    ) as client:
        yield client


def _authorization(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def _send(http: httpx.AsyncClient, first: int, events: int, **headers: str) -> httpx.Response:
    batch = [stories.deal(f"D-{number}") for number in range(first, first + events)]
    return await http.post("/events", content=json.dumps(batch), headers={"content-type": BATCH, **headers})


async def _head(world: World) -> int:
    return await world.services.database.read(log.head)


def _limited() -> float:
    return REGISTRY.get_sample_value("q2c_requests_limited_total") or 0.0


async def test_a_request_beyond_the_limit_is_refused_whole_and_fits_after_retry_after(
    world: World, http: httpx.AsyncClient
) -> None:
    assert (await _send(http, 0, BURST - 10)).status_code == 202
    before = _limited()
    answer = await _send(http, BURST, 21)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "6")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["reason"]) == (429, "rate_limited")
    assert "Send the request again in 6 s" in problem["detail"]
    assert "2 events a second" in problem["detail"]
    assert _limited() == before + 1
    assert await _head(world) == BURST - 10
    world.clock.advance(6)
    assert (await _send(http, BURST, 21)).status_code == 202
    assert await _head(world) == BURST + 11


async def test_one_event_counts_as_one_and_so_does_an_invalid_batch(http: httpx.AsyncClient) -> None:
    assert (await _send(http, 0, BURST - 2)).status_code == 202
    assert (await http.post("/events", json=stories.deal("D-a"))).status_code == 202
    broken = await http.post("/events", content=b"[1", headers={"content-type": BATCH})
    assert broken.status_code != 429
    assert (await http.post("/events", json=stories.deal("D-b"))).status_code == 429
    assert (await http.post("/events", content=b"[]", headers={"content-type": BATCH})).status_code == 202


async def test_a_batch_that_could_never_pass_is_refused_for_its_size(
    world: World, http: httpx.AsyncClient
) -> None:
    answer = await _send(http, 0, BATCH_EVENTS_MAX + 1)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_many_events")
    assert await _head(world) == 0


async def test_a_limited_token_limits_neither_other_tokens_nor_docusign(
    world: World, http: httpx.AsyncClient, secrets: Secrets
) -> None:
    other = await world.add_workspace("globex")
    assert (await _send(http, 0, BURST)).status_code == 202
    assert (await _send(http, BURST, 1)).status_code == 429
    assert (await _send(http, BURST, 1, **_authorization(other.token))).status_code == 202
    assert (await http.get("/api/v1/deals")).status_code == 200
    for number in range(BURST // 100):
        envelope = Envelope(f"C-{number}", f"D-{number}", "signer@customer.example", world.clock.now())
        body = docusign.message(envelope, "sent", world.clock.now())
        headers = docusign.signature_headers(body, list(secrets.docusign_keys))
        assert (await http.post("/webhooks/docusign/acme", content=body, headers=headers)).is_success


async def test_an_unknown_token_has_no_bucket(
    monkeypatch: pytest.MonkeyPatch, http: httpx.AsyncClient
) -> None:
    asked: list[tuple[str, int]] = []

    def take(_: Rate, token: tuple[str, int], _events: int) -> int:
        asked.append(token)
        return 0

    monkeypatch.setattr(Rate, "take", take)
    for number in range(5):
        answer = await _send(http, 0, 1, **_authorization(f"q2c_{number}"))
        assert answer.status_code == 401
    assert asked == []
    assert (await _send(http, 0, 1)).status_code == 202
    assert asked == [("acme", 1)]
