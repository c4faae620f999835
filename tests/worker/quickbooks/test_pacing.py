import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeClock
from worker.quickbooks.errors import Throttled
from worker.quickbooks.pacing import CONCURRENT_MAX, WAIT_SECONDS_MAX, WAITING_MAX, Pacing


def busiest(times: list[float], seconds: float) -> int:
    """Return the largest number of instants in a window of a length."""
    return max(sum(1 for at in times if start <= at < start + seconds) for start in times)


async def go(pacing: Pacing, clock: FakeClock, realm: str, times: list[float], takes: float = 0.0) -> None:
    async with pacing.slot(realm):
        times.append(clock.monotonic())
        if takes:
            await clock.sleep(takes)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2)), min_size=1, max_size=40))
def test_no_second_holds_more_than_ten(arrivals: list[tuple[float, float]]) -> None:
    async def run() -> None:
        clock, times = FakeClock(), list[float]()
        pacing = Pacing(clock)

        async def arrive(after: float, takes: float) -> None:
            await clock.sleep(after)
            await go(pacing, clock, "1", times, takes)

        await asyncio.gather(*(arrive(*arrival) for arrival in arrivals))
        assert len(times) == len(arrivals)
        assert busiest(times, 1.0) <= 10

    asyncio.run(run())


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 0.05), min_size=40, max_size=40))
def test_no_second_holds_more_than_ten_where_they_arrive(delays: list[float]) -> None:
    """The network's delay varies a little."""

    async def run() -> None:
        clock, times = FakeClock(), list[float]()
        pacing = Pacing(clock)
        await asyncio.gather(*(go(pacing, clock, "1", times) for _ in delays))
        arrivals = sorted(time + delay for time, delay in zip(times, delays, strict=True))
        assert busiest(arrivals, 1.0) <= 10

    asyncio.run(run())


async def test_no_minute_holds_more_than_five_hundred() -> None:
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock)
    while len(times) < 1_100:
        try:
            await go(pacing, clock, "1", times)
        except Throttled:
            await clock.sleep(5)
    assert busiest(times[:560], 60.0) <= 500
    assert busiest(times[540:], 60.0) <= 500
    assert busiest(times, 1.0) <= 10
    assert times[-1] < 180, "the limits are used, not just kept"


async def test_a_loop_that_stalled_makes_no_burst() -> None:
    """Requests count when they are sent, not when they were due."""
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock)
    tasks = [asyncio.create_task(go(pacing, clock, "1", times)) for _ in range(30)]
    for _ in range(5):
        await asyncio.sleep(0)
    clock.advance(0.7)
    await asyncio.gather(*tasks)
    assert busiest(times, 1.0) <= 10


async def test_requests_go_in_the_order_in_which_they_came() -> None:
    clock, order = FakeClock(), list[int]()
    pacing = Pacing(clock)

    async def numbered(number: int) -> None:
        async with pacing.slot("1"):
            order.append(number)

    await asyncio.gather(*(numbered(number) for number in range(45)))
    assert order == list(range(45))


async def test_a_busy_realm_slows_no_other() -> None:
    clock, busy, quiet = FakeClock(), list[float](), list[float]()
    pacing = Pacing(clock)
    tasks = [asyncio.create_task(go(pacing, clock, "busy", busy)) for _ in range(40)]
    await go(pacing, clock, "quiet", quiet)
    assert quiet == [0.0]
    await asyncio.gather(*tasks)


async def test_no_more_at_once_than_allowed() -> None:
    clock, now, most = FakeClock(), 0, 0
    pacing = Pacing(clock)

    async def slow() -> None:
        nonlocal now, most
        async with pacing.slot("1"):
            now += 1
            most = max(most, now)
            await clock.sleep(20)
            now -= 1

    await asyncio.gather(*(slow() for _ in range(30)))
    assert most == CONCURRENT_MAX


async def test_a_paused_realm_refuses_at_once_and_takes_no_slot() -> None:
    clock = FakeClock()
    pacing = Pacing(clock)
    pacing.pause("1", 60)
    for _ in range(100):
        with pytest.raises(Throttled):
            await go(pacing, clock, "1", [])
    assert clock.monotonic() == 0
    await go(pacing, clock, "2", [])
    clock.advance(60)
    await go(pacing, clock, "1", [])


async def test_a_request_that_waits_when_its_realm_is_held_does_not_go() -> None:
    clock, times, refused = FakeClock(), list[float](), 0
    pacing = Pacing(clock)

    async def attempt() -> None:
        nonlocal refused
        try:
            await go(pacing, clock, "1", times)
        except Throttled:
            refused += 1

    tasks = [asyncio.create_task(attempt()) for _ in range(30)]
    for _ in range(40):
        await asyncio.sleep(0)
    assert len(times) == 1
    pacing.pause("1", 60)
    await asyncio.gather(*tasks)
    assert (len(times), refused) == (1, 29)


async def test_a_shorter_hold_does_not_cut_a_longer_one_short() -> None:
    clock = FakeClock()
    pacing = Pacing(clock)
    pacing.pause("1", 60)
    pacing.pause("1", 1)
    clock.advance(59)
    with pytest.raises(Throttled):
        await go(pacing, clock, "1", [])


async def test_the_queue_is_bounded() -> None:
    clock = FakeClock()
    pacing = Pacing(clock)
    crowd = 10 + WAITING_MAX + 25
    got = await asyncio.gather(*(go(pacing, clock, "1", []) for _ in range(crowd)), return_exceptions=True)
    assert sum(isinstance(one, Throttled) for one in got) >= 25
    assert clock.monotonic() <= WAIT_SECONDS_MAX + 1
    await go(pacing, clock, "1", [])


async def test_a_request_that_gives_up_waiting_leaves_no_trace() -> None:
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock)
    tasks = [asyncio.create_task(go(pacing, clock, "1", times)) for _ in range(30)]
    for _ in range(40):
        await asyncio.sleep(0)
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    more = list[float]()
    await asyncio.gather(*(go(pacing, clock, "1", more) for _ in range(10)))
    assert all(later >= earlier for earlier, later in pairwise(more))
    assert more[-1] <= 1.3
