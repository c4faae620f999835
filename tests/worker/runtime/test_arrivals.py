"""Concurrent requests are stored together, in order and with a size limit; a failing one fails alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from events.errors import DatabaseUnavailable
from events.log import log
from events.log.intake import Received, Record
from tests import stories
from tests.world import World
from worker.roles.runner import TURN_EVENTS_MIN, TURN_SECONDS_MAX, ShortTurns
from worker.runtime.arrivals import GROUP_BYTES_MAX, Arrivals
from worker.runtime.group_commit import CommitQueue
from worker.web.doors.events import record


class Poisoned(Exception):
    """The error that an item raises in any transaction."""


class Groups:
    """Work that records its groups, and fails if an item is poisoned."""

    def __init__(self) -> None:
        self.given: list[list[int]] = []

    def work(self, _connection: sa.Connection, items: Sequence[int]) -> list[int]:
        self.given.append(list(items))
        if -1 in items:
            raise Poisoned
        if -2 in items:
            raise DatabaseUnavailable("gone")
        return [item * 10 for item in items]


class Yielding:
    """A database whose transactions take a turn of the event loop, so that others arrive meanwhile."""

    async def transaction(self, work: Any, *args: Any) -> Any:
        await asyncio.sleep(0)
        return work(None, *args)


async def _stored(items: Sequence[int], size_max: int = 1_000) -> tuple[list[Any], list[list[int]]]:
    groups = Groups()
    group: CommitQueue[int, int] = CommitQueue(groups.work, abs, size_max)
    database: Any = Yielding()
    results = await asyncio.gather(*(group.store(database, item) for item in items), return_exceptions=True)
    return results, groups.given


async def test_a_group_is_stored_in_order_and_takes_no_more_than_it_may() -> None:
    results, given = await _stored([1, 4, 5, 1, 30, 2, 9, 1], size_max=10)
    assert results == [10, 40, 50, 10, 300, 20, 90, 10]
    assert given == [[1, 4, 5], [1], [30], [2], [9, 1]]


async def test_a_failing_request_fails_alone() -> None:
    results, given = await _stored([1, -1, 3])
    assert (results[0], results[2]) == (10, 30)
    assert isinstance(results[1], Poisoned)
    assert given == [[1, -1, 3], [1], [-1], [3]]


async def test_an_unavailable_database_is_tried_once() -> None:
    results, given = await _stored([1, -2, 3])
    assert {type(result) for result in results} == {DatabaseUnavailable}
    assert given == [[1, -2, 3]]


async def test_each_request_gets_its_own_results(world: World) -> None:
    services = world.services
    await world.add_workspace("acme")

    def sent(*numbers: int) -> list[Record]:
        bodies = [b"nonsense" if number < 0 else _deal(number) for number in numbers]
        return [record(services, "acme", body) for body in bodies]

    brought = [sent(1, -1, 2), sent(), sent(2), sent(-1), sent(3, 4)]
    arrivals = Arrivals()
    found = await asyncio.gather(
        *(arrivals.store(services.database, records, services.clock.now()) for records in brought)
    )
    assert [[result.outcome for result in results] for results in found] == [
        ["appended", "dead", "appended"],
        [],
        ["duplicate"],
        ["dead"],
        ["appended", "appended"],
    ]
    assert found[2][0].position == found[0][2].position
    assert await services.database.read(log.head) == 4


@pytest.mark.parametrize("events", [1, 700])
async def test_a_request_of_any_size_is_stored_whole(world: World, events: int) -> None:
    services = world.services
    records = [record(services, "acme", _deal(number)) for number in range(events)]
    assert events == 1 or sum(len(each.raw) for each in records) > GROUP_BYTES_MAX // 2
    results = await Arrivals().store(services.database, records, services.clock.now())
    assert [result.outcome for result in results] == ["appended"] * events


async def test_a_request_that_is_not_urgent_waits_until_stored_events_are_handled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, arrivals = world.services, Arrivals()
    monkeypatch.setattr("worker.runtime.arrivals.CATCH_UP_SECONDS_MAX", 60.0)

    def store(number: int, *, urgent: bool = False) -> asyncio.Task[Sequence[Received]]:
        records = [record(services, "acme", _deal(number))]
        storing = arrivals.store(services.database, records, services.clock.now(), urgent=urgent)
        return asyncio.create_task(storing)

    await store(1)  # no part handles the log here, so no request waits
    await store(2)
    arrivals.caught_up()
    await store(3)
    waits = store(4)
    await store(5, urgent=True)
    assert not waits.done()
    arrivals.caught_up()
    await waits
    waits = store(6)
    await asyncio.sleep(0)
    arrivals.not_followed()
    await waits
    assert await services.database.read(log.head) == 6


async def test_requests_are_stored_even_if_handling_is_slow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, arrivals = world.services, Arrivals()
    monkeypatch.setattr("worker.runtime.arrivals.CATCH_UP_SECONDS_MAX", 0.01)
    arrivals.caught_up()
    for number in range(3):
        await arrivals.store(
            services.database, [record(services, "acme", _deal(number))], services.clock.now()
        )
    assert await services.database.read(log.head) == 3


def test_turns_become_short_where_they_take_long_and_longer_only_where_they_are_full() -> None:
    short = ShortTurns()
    for _ in range(5):
        short.note(TURN_SECONDS_MAX / 10, short.events)
    assert short.events == 32 * TURN_EVENTS_MIN
    short.note(TURN_SECONDS_MAX / 10, short.events - 1)
    short.note(TURN_SECONDS_MAX, short.events)
    assert short.events == 32 * TURN_EVENTS_MIN
    for _ in range(10):
        short.note(TURN_SECONDS_MAX * 2, short.events)
    assert short.events == TURN_EVENTS_MIN


def _deal(number: int) -> bytes:
    return msgspec.json.encode(stories.deal(f"D-{number}"))
