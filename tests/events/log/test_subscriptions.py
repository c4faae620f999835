"""A subscription handles each event once, in order, with several runners and crashes at any point."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa

from events.contract.envelope import Recorded
from events.database.port import Database
from events.errors import CheckpointMoved
from events.log import log, subscriptions, tables
from events.log.subscriptions import LEASE_SECONDS, Subscription, TurnResult
from tests.events.samples import NOW, Killed, account, effects_of, note_effects

LEASE = timedelta(seconds=LEASE_SECONDS)
INSTANT = timedelta(microseconds=1)


def handle(connection: sa.Connection, batch: Sequence[Recorded], _: datetime) -> None:
    note_effects(connection, batch)


READER = Subscription("reader", handle, batch_size=3)


def handled_by(work: Callable[[sa.Connection], None]) -> Subscription:
    """A subscription during whose turn `then` runs after its effects are written."""

    def then(connection: sa.Connection, batch: Sequence[Recorded], now: datetime) -> None:
        handle(connection, batch, now)
        work(connection)

    return msgspec.structs.replace(READER, handle=then)


async def turn(
    database: Database, *following: Subscription, holder: str = "a", now: datetime = NOW
) -> TurnResult:
    return await database.transaction(subscriptions.advance, following or [READER], holder, now)


async def pending(database: Database, holder: str = "a", now: datetime = NOW) -> bool:
    return await database.read(subscriptions.pending, ["reader"], holder, now) == ["reader"]


async def append(database: Database, *numbers: int) -> None:
    await database.transaction(log.append, [account(n) for n in numbers], NOW)


async def test_each_event_is_handled_once_in_order_and_in_batches(database: Database) -> None:
    batches: list[tuple[list[int], datetime]] = []

    def note(_: sa.Connection, batch: Sequence[Recorded], now: datetime) -> None:
        batches.append(([recorded.position for recorded in batch], now))

    noting = msgspec.structs.replace(READER, handle=note)
    await append(database, *range(7))
    later = NOW + timedelta(seconds=1)
    turns = [await turn(database, noting, now=later) for _ in range(4)]
    assert [progress.handled for progress in turns] == [3, 3, 1, 0]
    assert batches == [([1, 2, 3], later), ([4, 5, 6], later), ([7], later)]
    assert await database.read(subscriptions.checkpoints) == {"reader": 7}


async def test_each_subscription_goes_at_its_own_pace(database: Database) -> None:
    def of_another(connection: sa.Connection, batch: Sequence[Recorded], _: datetime) -> None:
        note_effects(connection, batch, "other")

    await append(database, *range(5))
    await turn(database)
    await turn(database, Subscription("other", of_another))
    assert await database.read(effects_of) == [1, 2, 3]
    assert await database.read(effects_of, "other") == [1, 2, 3, 4, 5]
    assert await database.read(subscriptions.checkpoints) == {"reader": 3, "other": 5}


async def test_subscriptions_at_one_position_share_a_read_and_others_read_their_own(
    database: Database,
) -> None:
    batches: list[tuple[str, list[int]]] = []

    def noting(name: str, batch_size: int = 3) -> Subscription:
        return Subscription(
            name, lambda _, batch, __: batches.append((name, [r.position for r in batch])), batch_size
        )

    await append(database, *range(5))
    await turn(database, noting("ahead"))
    following = [noting("ahead"), noting("one"), noting("two"), noting("small", 1)]
    assert await turn(database, *following) == TurnResult(2 + 3 + 3 + 1)
    assert batches == [
        ("ahead", [1, 2, 3]),
        ("ahead", [4, 5]),
        ("one", [1, 2, 3]),
        ("two", [1, 2, 3]),
        ("small", [1]),
    ]
    assert await database.read(subscriptions.checkpoints) == {"ahead": 5, "one": 3, "two": 3, "small": 1}


async def test_subscriptions_in_one_turn_move_together_or_not_at_all(database: Database) -> None:
    def fail(*_: object) -> None:
        raise Killed

    failing = Subscription("failing", fail, batch_size=3)
    ahead = Subscription("ahead", lambda *_: None)
    await append(database, *range(5))
    await turn(database, ahead)
    await append(database, 5)
    with pytest.raises(Killed):
        await turn(database, ahead, READER, failing)
    assert await database.read(effects_of) == []
    assert await database.read(subscriptions.checkpoints) == {"ahead": 5}


async def test_a_subscription_that_another_process_leads_is_left_out_of_a_turn(database: Database) -> None:
    led = Subscription("led", lambda *_: None, batch_size=1)
    await append(database, *range(3))
    await turn(database, led, holder="b")
    assert await turn(database, led, READER) == TurnResult(3)
    assert await database.read(subscriptions.checkpoints) == {"led": 1, "reader": 3}


@pytest.mark.parametrize("failure", [ValueError, Killed])
async def test_effects_and_checkpoint_are_committed_together_or_not_at_all(
    database: Database, failure: type[BaseException]
) -> None:
    def fail(_: sa.Connection) -> None:
        raise failure

    await append(database, *range(5))
    await turn(database)
    with pytest.raises(failure):
        await turn(database, handled_by(fail))
    assert await database.read(effects_of) == [1, 2, 3]
    assert await database.read(subscriptions.checkpoints) == {"reader": 3}
    assert await turn(database) == TurnResult(2)
    assert await database.read(effects_of) == [1, 2, 3, 4, 5]


def moved_on(connection: sa.Connection) -> None:
    connection.execute(tables.subscriptions.update().values(position=tables.subscriptions.c.position + 1))


def moved_back(connection: sa.Connection) -> None:
    connection.execute(tables.subscriptions.update().values(position=0))


def sent_back(connection: sa.Connection) -> None:
    subscriptions.reset(connection, "reader")


@pytest.mark.parametrize("by_another", [moved_on, moved_back, sent_back])
async def test_a_runner_whose_checkpoint_was_moved_rolls_back(
    database: Database, by_another: Callable[[sa.Connection], None]
) -> None:
    await append(database, *range(5))
    await turn(database)
    with pytest.raises(CheckpointMoved, match="'reader' is no longer at position 3"):
        await turn(database, handled_by(by_another))
    assert await database.read(effects_of) == [1, 2, 3]
    assert await database.read(subscriptions.checkpoints) == {"reader": 3}


async def test_a_handler_may_append_events_that_it_then_reads(database: Database) -> None:
    def append_one(connection: sa.Connection) -> None:
        log.append(connection, [account(100)], NOW)

    await append(database, 1, 2)
    assert await turn(database, handled_by(append_one)) == TurnResult(2)
    assert await pending(database)
    assert await turn(database) == TurnResult(1)
    assert await database.read(effects_of) == [1, 2, 3]


async def test_without_new_events_no_handler_is_called(database: Database) -> None:
    def never(_: sa.Connection) -> None:
        pytest.fail("there is nothing to handle")

    assert await turn(database, handled_by(never)) == TurnResult(0)
    await append(database, 1)
    await turn(database)
    assert await turn(database, handled_by(never)) == TurnResult(0)
    assert await database.read(subscriptions.checkpoints) == {"reader": 1}


async def test_one_holder_leads_until_its_lease_has_expired(database: Database) -> None:
    await append(database, *range(9))
    assert await turn(database, holder="a") == TurnResult(3)
    assert await turn(database, holder="b", now=NOW + LEASE - INSTANT) == TurnResult(0, leads=False)
    assert await database.read(effects_of) == [1, 2, 3]
    assert await turn(database, holder="b", now=NOW + LEASE) == TurnResult(3)
    assert await turn(database, holder="a", now=NOW + LEASE) == TurnResult(0, leads=False)
    assert await database.read(effects_of) == [1, 2, 3, 4, 5, 6]


async def test_every_turn_prolongs_the_lease(database: Database) -> None:
    await append(database, *range(9))
    await turn(database, holder="a")
    await turn(database, holder="a", now=NOW + LEASE / 2)
    assert not (await turn(database, holder="b", now=NOW + LEASE)).leads
    assert (await turn(database, holder="b", now=NOW + LEASE * 1.5)).leads


async def test_a_released_subscription_is_taken_over_at_once(database: Database) -> None:
    await append(database, *range(4))
    await turn(database, holder="a")
    await turn(database, Subscription("other", handle=lambda *_: None), holder="c")
    await database.transaction(subscriptions.release, "a")
    assert await turn(database, holder="b") == TurnResult(1)
    assert not (await turn(database, Subscription("other", handle), holder="b")).leads, "c gave nothing up"


async def test_a_release_by_another_process_keeps_the_lease(database: Database) -> None:
    await append(database, *range(4))
    await turn(database, holder="a")
    await database.transaction(subscriptions.release, "b")
    assert not (await turn(database, holder="b")).leads


async def test_reset_reads_from_the_beginning(database: Database) -> None:
    await append(database, *range(4))
    for _ in range(2):
        await turn(database)
    await database.transaction(subscriptions.reset, "reader")
    assert await database.read(subscriptions.checkpoints) == {}
    batches: list[int] = []
    noting = Subscription("reader", lambda _, batch, __: batches.extend(r.position for r in batch))
    assert await turn(database, noting, holder="b") == TurnResult(4), "whoever led before"
    assert batches == [1, 2, 3, 4]


async def test_pending_returns_the_subscriptions_with_events_to_handle(database: Database) -> None:
    assert not await pending(database), "the log is empty"
    await append(database, *range(4))
    assert await pending(database), "it never ran"
    await turn(database)
    assert await pending(database), "there is more"
    assert not await pending(database, "b"), "another leads"
    assert not await pending(database, "b", NOW + LEASE - INSTANT), "another leads still"
    assert await pending(database, "b", NOW + LEASE), "nobody leads"
    await database.transaction(subscriptions.release, "a")
    assert await pending(database, "b"), "nobody leads"
    await turn(database, holder="b")
    assert not await pending(database, "b"), "it is at the head"
    assert not await pending(database, "a", NOW + LEASE), "it is at the head"
    await append(database, 9)
    assert await pending(database, "b"), "there is something new"


async def test_pending_keeps_the_order_of_the_names(database: Database) -> None:
    await append(database, *range(3))
    await turn(database)
    await turn(database, Subscription("led", lambda *_: None, batch_size=1), holder="b")
    names = ["new", "reader", "led", "other"]
    assert await database.read(subscriptions.pending, names, "a", NOW) == ["new", "other"]
    assert await database.read(subscriptions.pending, names, "b", NOW) == ["new", "led", "other"]
    assert await database.read(subscriptions.pending, [], "a", NOW) == []


async def test_many_runners_of_one_name_handle_each_event_once_while_many_write(database: Database) -> None:
    """Both have the same holder, so only the checkpoint separates them."""
    total = 40

    async def run() -> None:
        async with asyncio.timeout(20):
            while (await database.read(subscriptions.checkpoints)).get("reader", 0) < total:
                await turn(database)
                await asyncio.sleep(0)

    async def write(start: int) -> None:
        for n in range(start, start + 10):
            await append(database, n)

    await asyncio.gather(*(run() for _ in range(3)), *(write(start) for start in range(0, total, 10)))
    assert await database.read(effects_of) == list(range(1, total + 1))
