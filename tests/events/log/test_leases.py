"""A subscription that works between transactions leads by lease, and moves by compare-and-set."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from events import leases
from events.database.port import Database
from events.errors import CheckpointMoved
from events.leases import CLOCK_SKEW_MAX
from events.log import subscriptions, tables
from events.log.subscriptions import LEASE_SECONDS
from tests.events.samples import NOW

LEASE = timedelta(seconds=LEASE_SECONDS)
INSTANT = timedelta(microseconds=1)


async def lease(database: Database, holder: str = "a", now: datetime = NOW) -> int | None:
    return await database.transaction(subscriptions.lease, "relay", holder, now)


async def move(database: Database, before: int, after: int, holder: str = "a", now: datetime = NOW) -> None:
    await database.transaction(subscriptions.move, "relay", before, after, holder, now)


async def test_a_new_subscription_begins_before_the_first_event(database: Database) -> None:
    assert await lease(database) == 0
    await move(database, 0, 7)
    assert await lease(database) == 7
    assert await database.read(subscriptions.checkpoints) == {"relay": 7}


async def test_another_process_waits_until_the_lease_has_expired(database: Database) -> None:
    assert await lease(database) == 0
    assert await lease(database, "b", NOW + LEASE - INSTANT) is None
    assert await lease(database, "b", NOW + LEASE) == 0
    assert await lease(database, "a", NOW + LEASE) is None


async def test_leasing_again_and_moving_keep_the_lead(database: Database) -> None:
    await lease(database)
    await lease(database, now=NOW + LEASE - INSTANT)
    assert await lease(database, "b", NOW + LEASE) is None
    await move(database, 0, 1, now=NOW + LEASE)
    assert await lease(database, "b", NOW + 2 * LEASE - INSTANT) is None


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1)])
async def test_a_lease_from_before_the_clock_was_set_back_has_expired(
    database: Database, back: timedelta
) -> None:
    await lease(database)
    assert await lease(database, "b", NOW - CLOCK_SKEW_MAX) is None  # a clock that is a little behind
    assert await database.read(subscriptions.is_due, "relay", 1, "b", NOW - back)
    assert await lease(database, "b", NOW - back) == 0
    assert await lease(database, "c", NOW - back) is None


@given(seconds=st.integers(-1000, 1000), lasting=st.integers(0, 500))
def test_a_lease_holds_from_its_beginning_to_its_end(seconds: int, lasting: int) -> None:
    """By the clock of the process that checks, which may be behind the holder's clock."""
    until, length = NOW + timedelta(seconds=seconds), timedelta(seconds=lasting)
    began = until - length
    assert leases.is_active(until, length, NOW) == (began - CLOCK_SKEW_MAX <= NOW < until)


async def test_a_process_that_gives_up_its_lease_is_followed_at_once(database: Database) -> None:
    await lease(database)
    await database.transaction(subscriptions.release, "a")
    assert await lease(database, "b") == 0


async def test_a_process_that_was_overtaken_moves_nothing(database: Database) -> None:
    await lease(database)
    assert await lease(database, "b", NOW + LEASE) == 0
    await move(database, 0, 5, "b", NOW + LEASE)
    with pytest.raises(CheckpointMoved, match="'relay' is no longer at position 0"):
        await move(database, 0, 3, now=NOW + LEASE)
    assert await database.read(subscriptions.checkpoints) == {"relay": 5}


async def test_a_subscription_is_due_if_it_is_behind_and_no_other_process_leads(database: Database) -> None:
    async def due(head: int, holder: str = "a") -> bool:
        return await database.read(subscriptions.is_due, "relay", head, holder, NOW)

    assert [await due(0), await due(1)] == [False, True]
    await lease(database)
    await move(database, 0, 3)
    assert [await due(3), await due(4), await due(4, "b")] == [False, True, False]
    row = sa.select(tables.subscriptions.c.holder)
    assert await database.read(lambda c: c.scalar(row)) == "a"
