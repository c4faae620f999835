import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeClock
from worker.quickbooks.errors import NotAnswering, Throttled
from worker.quickbooks.pacing import (
    CONCURRENT_MAX,
    FAILURES_MAX,
    FIRST_PAUSE_SECONDS,
    PAUSE_SECONDS_MAX,
    WAIT_SECONDS_MAX,
    WAITING_MAX,
    Pacing,
    Turn,
)


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
        pacing = Pacing(clock, 60)

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
        pacing = Pacing(clock, 60)
        await asyncio.gather(*(go(pacing, clock, "1", times) for _ in delays))
        arrivals = sorted(time + delay for time, delay in zip(times, delays, strict=True))
        assert busiest(arrivals, 1.0) <= 10

    asyncio.run(run())


async def test_no_minute_holds_more_than_five_hundred() -> None:
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock, 60)
    while len(times) < 1_100:
        try:
            await go(pacing, clock, "1", times)
        except Throttled:
            await clock.sleep(5)
    assert busiest(times[:560], 60.0) <= 500
    assert busiest(times[540:], 60.0) <= 500
    assert busiest(times, 1.0) <= 10
    assert times[-1] < 150, "the limits are used, not just kept"


async def test_a_loop_that_stalled_makes_no_burst() -> None:
    """Requests count when they are sent, not when they were due."""
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock, 60)
    tasks = [asyncio.create_task(go(pacing, clock, "1", times)) for _ in range(30)]
    for _ in range(5):
        await asyncio.sleep(0)
    clock.advance(0.7)
    await asyncio.gather(*tasks)
    assert busiest(times, 1.0) <= 10


async def test_requests_go_in_the_order_in_which_they_came() -> None:
    clock, order = FakeClock(), list[int]()
    pacing = Pacing(clock, 60)

    async def numbered(number: int) -> None:
        async with pacing.slot("1"):
            order.append(number)

    await asyncio.gather(*(numbered(number) for number in range(45)))
    assert order == list(range(45))


async def test_a_busy_realm_slows_no_other() -> None:
    clock, busy, quiet = FakeClock(), list[float](), list[float]()
    pacing = Pacing(clock, 60)
    tasks = [asyncio.create_task(go(pacing, clock, "busy", busy)) for _ in range(40)]
    await go(pacing, clock, "quiet", quiet)
    assert quiet == [0.0]
    await asyncio.gather(*tasks)


async def test_no_more_at_once_than_allowed() -> None:
    clock, now, most = FakeClock(), 0, 0
    pacing = Pacing(clock, 60)

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
    pacing = Pacing(clock, 60)
    pacing.pause("1")
    for _ in range(100):
        with pytest.raises(Throttled):
            await go(pacing, clock, "1", [])
    assert clock.monotonic() == 0
    await go(pacing, clock, "2", [])
    clock.advance(60)
    await go(pacing, clock, "1", [])


async def test_a_request_that_waits_when_its_realm_is_held_does_not_go() -> None:
    clock, times, refused = FakeClock(), list[float](), 0
    pacing = Pacing(clock, 60)

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
    pacing.pause("1")
    await asyncio.gather(*tasks)
    assert (len(times), refused) == (1, 29)


async def test_after_a_429_one_request_a_minute_tries_until_one_succeeds() -> None:
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock, 60)
    pacing.pause("1")
    succeeds_at = 300.0

    async def send() -> None:
        async with pacing.slot("1"):
            times.append(clock.monotonic())
            await clock.sleep(0.5)
            if times[-1] >= succeeds_at:
                pacing.succeeded("1")
            else:
                pacing.pause("1")

    while clock.monotonic() < succeeds_at + 70:
        await asyncio.gather(*(send() for _ in range(5)), return_exceptions=True)
        await clock.sleep(1)
    failed = [time for time in times if time < succeeds_at]
    assert all(later - earlier >= 60 for earlier, later in pairwise(failed))
    assert len(failed) == 4
    assert len(times) > len(failed) + 5


async def test_requests_that_began_before_a_429_neither_end_nor_prolong_its_pause() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, 60)

    async def slow(*, succeeds: bool) -> None:
        async with pacing.slot("1"):
            started = clock.monotonic()
            await clock.sleep(30)
            if succeeds:
                pacing.succeeded("1")
            else:
                pacing.failed("1", started)

    running = [asyncio.create_task(slow(succeeds=succeeds)) for succeeds in (True, False)]
    await clock.sleep(10)
    pacing.pause("1")
    await asyncio.gather(*running)
    with pytest.raises(Throttled):
        await go(pacing, clock, "1", [])
    await clock.sleep(70 - clock.monotonic())
    await go(pacing, clock, "1", [])


async def test_after_failures_in_a_row_one_request_tries_after_pauses_that_double() -> None:
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock, 60)
    succeeds_at = 2000.0

    async def send() -> None:
        async with pacing.slot("1"):
            times.append(clock.monotonic())
            await clock.sleep(0.5)
            if times[-1] >= succeeds_at:
                pacing.succeeded("1")
            else:
                pacing.failed("1", times[-1])

    while clock.monotonic() < succeeds_at + PAUSE_SECONDS_MAX:
        got = await asyncio.gather(*(send() for _ in range(30)), return_exceptions=True)
        assert all(error is None or isinstance(error, NotAnswering) for error in got)
        await clock.sleep(1)
    failed = [time for time in times if time < succeeds_at]
    gaps = [round(later - earlier) for earlier, later in pairwise(failed) if later - earlier > 2]
    assert len(failed) - len(gaps) <= FAILURES_MAX + CONCURRENT_MAX
    doubled = [FIRST_PAUSE_SECONDS * 2**n for n in range(20)]
    assert [min(wanted, PAUSE_SECONDS_MAX) for wanted in doubled][: len(gaps)] == pytest.approx(gaps, abs=3)
    assert PAUSE_SECONDS_MAX in {round(gap, -1) for gap in gaps}
    assert len(times) > len(failed) + 30, "one success opens it"


async def test_single_failures_between_successes_pause_nothing() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, 60)
    for number in range(100):
        async with pacing.slot("1"):
            if number % FAILURES_MAX:
                pacing.failed("1", clock.monotonic())
            else:
                pacing.succeeded("1")


async def test_failures_of_bulk_reads_pause_nothing_but_prolong_a_pause() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, 60)
    for _ in range(3 * FAILURES_MAX):
        pacing.failed("1", clock.monotonic(), "bulk")
    await go(pacing, clock, "1", [])
    for _ in range(FAILURES_MAX):
        pacing.failed("1", clock.monotonic())
    clock.advance(FIRST_PAUSE_SECONDS)
    pacing.failed("1", clock.monotonic(), "bulk")
    with pytest.raises(NotAnswering) as paused:
        await go(pacing, clock, "1", [])
    assert paused.value.seconds == 2 * FIRST_PAUSE_SECONDS


async def test_after_a_restart_pauses_go_on_growing() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, 60)
    pacing.try_one("1", 80)
    pacing.failed("1", clock.monotonic())
    with pytest.raises(NotAnswering) as paused:
        await go(pacing, clock, "1", [])
    assert paused.value.seconds == 160


async def test_bulk_reads_get_a_small_share_while_commands_wait() -> None:
    """Also if the commands are in another process: then both together stay within the limits."""
    clock, bulk, writes = FakeClock(), list[float](), list[float]()
    pacing = Pacing(clock, 60)
    until = 90.0

    async def read() -> None:
        while clock.monotonic() < until:
            async with pacing.slot("1", Turn("bulk")):
                bulk.append(clock.monotonic())

    async def write() -> None:
        while clock.monotonic() < until:
            await go(pacing, clock, "1", writes, takes=0.3)

    await asyncio.gather(*(read() for _ in range(5)), *(write() for _ in range(8)))
    assert 6 <= sum(time < until for time in bulk) / 1.5 <= 9
    assert len(writes) / 1.5 >= 475
    assert busiest(bulk + writes, 1.0) <= 10


@pytest.mark.parametrize("reads_first_seconds", [0.0, 45.0])
async def test_two_processes_with_bulk_reads_and_commands_stay_within_the_limits(
    reads_first_seconds: float,
) -> None:
    clock, times = FakeClock(), list[float]()
    of_reads, of_commands = Pacing(clock, 60), Pacing(clock, 60)
    until = reads_first_seconds + 70

    async def read() -> None:
        while clock.monotonic() < until:
            beside = clock.monotonic() > reads_first_seconds
            await go_as(of_reads, Turn("bulk", beside_commands=beside))

    async def write() -> None:
        await clock.sleep(reads_first_seconds)
        while clock.monotonic() < until:
            await go_as(of_commands, Turn())

    async def go_as(pacing: Pacing, turn: Turn) -> None:
        async with pacing.slot("1", turn):
            times.append(clock.monotonic())

    await asyncio.gather(*(read() for _ in range(3)), *(write() for _ in range(8)))
    assert busiest(times, 60.0) <= 500
    assert busiest(times, 1.0) <= 10
    assert len(times) >= 1.1 * 488


async def test_bulk_reads_alone_go_faster() -> None:
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock, 60)
    for _ in range(45):
        async with pacing.slot("1", Turn("bulk")):
            times.append(clock.monotonic())
    assert 55 < times[-1] < 60


async def test_batches_have_a_limit_of_their_own() -> None:
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock, 60)
    for _ in range(30):
        async with pacing.slot("1", Turn("bulk", is_batch=True)):
            times.append(clock.monotonic())
    needed = list[float]()
    for _ in range(200):
        if pacing.takes_batch("1", "needed"):
            needed.append(clock.monotonic())
        await clock.sleep(1)
    assert busiest(times, 60.0) + busiest(needed, 60.0) <= 40
    assert len(needed) >= 90


async def test_the_queue_is_bounded() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, 60)
    crowd = 10 + WAITING_MAX + 25
    got = await asyncio.gather(*(go(pacing, clock, "1", []) for _ in range(crowd)), return_exceptions=True)
    assert sum(isinstance(one, Throttled) for one in got) >= 25
    assert clock.monotonic() <= WAIT_SECONDS_MAX + 1
    await go(pacing, clock, "1", [])


async def test_a_request_that_gives_up_waiting_leaves_no_trace() -> None:
    clock, times = FakeClock(), list[float]()
    pacing = Pacing(clock, 60)
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
