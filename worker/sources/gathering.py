"""Gathers what Faust has delivered to an agent into batches, each as large as what waits.

Faust's own way to an agent takes a turn of the event loop for each message; here a batch takes one. As there, what
came before the group was rearranged is passed over: Faust reads it again from what was committed. Here it is not
acknowledged.
"""

from collections.abc import AsyncIterator
from typing import Any

from events.clock import Clock

BATCH_EVENTS_MAX = 1_000
BATCH_BYTES_MAX = 16 * 1024 * 1024  # beyond it no more is added
LOOK_SECONDS = 0.005
GATHER_SECONDS_MAX = 0.05
FLOOD_EVENTS = 20  # from so many within a look on, more is waited for


async def batches(stream: Any, clock: Clock) -> AsyncIterator[list[Any]]:
    """Give Faust's events in the order of their partitions until the agent is stopped; acknowledge none."""
    app, queue = stream.app, stream.channel.queue
    while True:
        try:
            first = await queue.get()
            await _flood(queue, clock)
            taken = [event for event in _taken(first, queue) if is_current(app, event)]
        except StopAsyncIteration:  # so Faust ends an agent
            return
        if taken:
            # Faust complains of partitions that it believes nobody reads.
            partitions = {event.message.tp for event in taken}
            app.monitor.stream_inbound_time.update(dict.fromkeys(partitions, clock.monotonic()))
            yield taken


async def _flood(queue: Any, clock: Clock) -> None:
    """Let a batch fill up while events pour in; one that comes alone does not wait."""
    until = clock.monotonic() + GATHER_SECONDS_MAX
    before = 0
    while before + FLOOD_EVENTS <= queue.qsize() < BATCH_EVENTS_MAX and clock.monotonic() < until:
        before = queue.qsize()
        await clock.sleep(LOOK_SECONDS)


def _taken(first: Any, queue: Any) -> list[Any]:
    """Take what is there, as far as it is not too much for one transaction."""
    taken = [first]
    size = _size(first)
    while len(taken) < BATCH_EVENTS_MAX and size < BATCH_BYTES_MAX and not queue.empty():
        event = queue.get_nowait()
        taken.append(event)
        size += _size(event)
    return taken


def is_current(app: Any, event: Any) -> bool:
    """Say whether a message was read since the group was last rearranged."""
    current: bool = app.flow_control.is_active() and event.message.generation_id == app.consumer_generation_id
    return current


def _size(event: Any) -> int:
    return len(event.message.value or b"")
