"""Gather the messages that Faust has delivered to an agent into batches, each as large as the messages that wait.

Faust passes each message to an agent in one turn of the event loop; here, a batch takes one turn. Like Faust, this skips
messages from before a rebalance, which Faust reads again from the committed offsets. Unlike Faust, it does not
acknowledge them.
"""

from collections.abc import AsyncIterator
from typing import Any

from events.clock import Clock

BATCH_EVENTS_MAX = 1_000
BATCH_BYTES_MAX = 16 * 1024 * 1024  # beyond it, no message is added
LOOK_SECONDS = 0.005
GATHER_SECONDS_MAX = 0.05
FLOOD_EVENTS = 20  # from this many messages within one check on, a batch waits for more


async def batches(stream: Any, clock: Clock) -> AsyncIterator[list[Any]]:
    """Yield Faust's events in the order of their partitions until the agent is stopped; acknowledge none."""
    app, queue = stream.app, stream.channel.queue
    while True:
        try:
            first = await queue.get()
            await _flood(queue, clock)
            taken = [event for event in _next_batch(first, queue) if is_current(app, event)]
        except StopAsyncIteration:  # Faust ends an agent this way
            return
        if taken:
            # Faust warns about partitions that it considers unread.
            partitions = {event.message.tp for event in taken}
            app.monitor.stream_inbound_time.update(dict.fromkeys(partitions, clock.monotonic()))
            yield taken


async def _flood(queue: Any, clock: Clock) -> None:
    """Let a batch fill up while many events arrive; a single event does not wait."""
    until = clock.monotonic() + GATHER_SECONDS_MAX
    before = 0
    while before + FLOOD_EVENTS <= queue.qsize() < BATCH_EVENTS_MAX and clock.monotonic() < until:
        before = queue.qsize()
        await clock.sleep(LOOK_SECONDS)


def _next_batch(first: Any, queue: Any) -> list[Any]:
    """Return the waiting messages, as many as fit into one transaction."""
    taken = [first]
    size = _size(first)
    while len(taken) < BATCH_EVENTS_MAX and size < BATCH_BYTES_MAX and not queue.empty():
        event = queue.get_nowait()
        taken.append(event)
        size += _size(event)
    return taken


def is_current(app: Any, event: Any) -> bool:
    """Return whether a message was read after the last rebalance."""
    current: bool = app.flow_control.is_active() and event.message.generation_id == app.consumer_generation_id
    return current


def _size(event: Any) -> int:
    return len(event.message.value or b"")
