"""Batches have all waiting messages, a batch waits for more only in a flood, and messages from before a
rebalance are skipped."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from tests.fakes import FakeClock
from worker.sources import gathering
from worker.sources.gathering import BATCH_EVENTS_MAX, FLOOD_EVENTS, GATHER_SECONDS_MAX, batches

SECONDS_MAX = 10


class Delivered:
    """A stream as Faust passes it to an agent, with our own events."""

    def __init__(self) -> None:
        flow = FlowControlEvent(initially_suspended=False)
        self.queue: Any = ThrowableQueue(maxsize=20_000, flow_control=flow)
        monitor = SimpleNamespace(stream_inbound_time={})
        self.app: Any = SimpleNamespace(flow_control=flow, consumer_generation_id=1, monitor=monitor)
        self.channel = SimpleNamespace(queue=self.queue)
        self.clock = FakeClock()
        self._numbers = 0

    def put(self, count: int, generation: int = 1, size: int = 10) -> None:
        for _ in range(count):
            at = TP("deals", self._numbers % 3)
            message = SimpleNamespace(
                offset=self._numbers, generation_id=generation, tp=at, value=b"x" * size
            )
            self.queue.force_put_nowait(SimpleNamespace(message=message))
            self._numbers += 1

    def batches(self) -> AsyncIterator[list[Any]]:
        return batches(self, self.clock)

    def stop(self) -> None:
        self.queue._throw(StopAsyncIteration())


async def offsets(given: AsyncIterator[list[Any]]) -> list[int]:
    batch = await asyncio.wait_for(anext(given), SECONDS_MAX)
    return [event.message.offset for event in batch]


async def test_a_single_message_is_passed_on_at_once() -> None:
    delivered = Delivered()
    given = delivered.batches()
    waiting = asyncio.ensure_future(offsets(given))
    await asyncio.sleep(0)
    delivered.put(1)
    assert await waiting == [0]
    delivered.put(FLOOD_EVENTS)
    assert await offsets(given) == list(range(1, FLOOD_EVENTS + 1))
    assert delivered.clock.monotonic() == 0


async def test_in_a_flood_a_batch_is_waited_for_until_it_is_full() -> None:
    delivered = Delivered()

    async def pour() -> None:
        for _ in range(4):
            delivered.put(BATCH_EVENTS_MAX // 3)
            await delivered.clock.sleep(gathering.LOOK_SECONDS)

    pouring = asyncio.ensure_future(pour())
    found = await offsets(delivered.batches())
    assert found == list(range(BATCH_EVENTS_MAX))
    await pouring


async def test_a_flood_is_waited_for_only_so_long() -> None:
    delivered = Delivered()

    async def pour() -> None:
        while True:
            delivered.put(FLOOD_EVENTS + 1)
            await delivered.clock.sleep(gathering.LOOK_SECONDS)

    pouring = asyncio.ensure_future(pour())
    found = await offsets(delivered.batches())
    assert FLOOD_EVENTS < len(found) < BATCH_EVENTS_MAX
    assert delivered.clock.monotonic() <= GATHER_SECONDS_MAX + gathering.LOOK_SECONDS
    pouring.cancel()


async def test_waiting_messages_are_passed_on_when_no_more_arrive() -> None:
    delivered = Delivered()
    delivered.put(3 * FLOOD_EVENTS)
    assert await offsets(delivered.batches()) == list(range(3 * FLOOD_EVENTS))
    assert delivered.clock.monotonic() <= gathering.LOOK_SECONDS


async def test_a_batch_is_not_too_much_for_a_transaction() -> None:
    delivered = Delivered()
    delivered.put(BATCH_EVENTS_MAX + 5)
    given = delivered.batches()
    assert await offsets(given) == list(range(BATCH_EVENTS_MAX))
    assert len(await offsets(given)) == 5


async def test_large_events_make_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "BATCH_BYTES_MAX", 100)
    delivered = Delivered()
    delivered.put(5, size=60)
    given = delivered.batches()
    assert [await offsets(given) for _ in range(3)] == [[0, 1], [2, 3], [4]]


async def test_messages_from_before_a_rebalance_are_skipped() -> None:
    delivered = Delivered()
    delivered.app.consumer_generation_id = 2
    delivered.put(2, generation=1)
    delivered.put(2, generation=2)
    assert await offsets(delivered.batches()) == [2, 3]


async def test_while_the_group_is_being_rearranged_nothing_is_passed_on() -> None:
    delivered = Delivered()
    delivered.put(2)
    delivered.app.flow_control.suspend()
    waiting = asyncio.ensure_future(offsets(delivered.batches()))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    delivered.app.flow_control.resume()
    delivered.put(1)
    assert await waiting == [2]


async def test_batches_end_when_the_agent_is_stopped_and_fail_when_the_channel_does() -> None:
    delivered = Delivered()
    delivered.stop()
    assert [batch async for batch in delivered.batches()] == []
    waiting = asyncio.ensure_future(anext(delivered.batches(), None))
    await asyncio.sleep(0)
    delivered.stop()
    assert await waiting is None
    delivered.queue._throw(RuntimeError("a defect"))
    with pytest.raises(RuntimeError, match="a defect"):
        await anext(delivered.batches())


async def test_faust_knows_which_partitions_are_read() -> None:
    delivered = Delivered()
    delivered.put(2)
    await offsets(delivered.batches())
    assert delivered.app.monitor.stream_inbound_time == {TP("deals", 0): 0, TP("deals", 1): 0}
