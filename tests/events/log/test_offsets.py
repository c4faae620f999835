"""Kafka's stored offsets only move forward, with the appended events, unless a person moves them back."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from events.database.port import Database
from events.log import log, offsets, tables
from tests.events.samples import NOW, Killed, account, whole_log

LATER = NOW + timedelta(seconds=1)


async def stored(database: Database, group: str = "q2c") -> dict[tuple[str, int], int]:
    return await database.read(offsets.stored, group)


async def test_offsets_only_move_forward(database: Database) -> None:
    await database.transaction(offsets.advance, "q2c", {("deals", 0): 5, ("deals", 1): 7}, NOW)
    await database.transaction(offsets.advance, "q2c", {("deals", 0): 4, ("deals", 1): 8}, LATER)
    await database.transaction(offsets.advance, "q2c", {}, LATER)
    assert await stored(database) == {("deals", 0): 5, ("deals", 1): 8}
    updated = sa.select(tables.kafka_offsets.c.updated_at).order_by(tables.kafka_offsets.c.partition)
    assert await database.read(lambda c: list(c.scalars(updated))) == [NOW, LATER]


async def test_a_person_may_move_offsets_back(database: Database) -> None:
    await database.transaction(offsets.advance, "q2c", {("deals", 0): 2**40, ("deals", 1): 7}, NOW)
    await database.transaction(offsets.rewind, "q2c", {("deals", 0): 3}, LATER)
    assert await stored(database) == {("deals", 0): 3, ("deals", 1): 7}


async def test_each_consumer_group_has_its_own_offsets(database: Database) -> None:
    await database.transaction(offsets.advance, "q2c", {("deals", 0): 5}, NOW)
    await database.transaction(offsets.advance, "other", {("deals", 0): 1}, NOW)
    assert await stored(database) == {("deals", 0): 5}
    assert await stored(database, "other") == {("deals", 0): 1}
    assert await stored(database, "nobody") == {}


async def test_offsets_are_stored_with_the_events_or_not_at_all(database: Database) -> None:
    def killed(connection: sa.Connection) -> None:
        log.append(connection, [account(1)], NOW)
        offsets.advance(connection, "q2c", {("deals", 0): 1}, NOW)
        raise Killed

    with pytest.raises(Killed):
        await database.transaction(killed)
    assert await stored(database) == {}
    assert await database.read(whole_log) == []
