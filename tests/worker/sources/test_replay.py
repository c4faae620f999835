"""Replay reads every message from a time or an offset on once, without disturbing ingestion."""

from datetime import UTC, datetime

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from events.contract import catalog
from tests import stories
from tests.stories import deals, ids
from tests.worker.streams import STRUCTURED, Stream, ingesting
from worker.kafka import cluster
from worker.kafka.cluster import TopicMissing
from worker.kafka.positions import positions
from worker.sources.replay import replay


async def test_everything_is_received_once_and_no_other_offsets_move(stream: Stream) -> None:
    await stream.send(*deals(*range(50)), stories.account())
    await stream.send_raw(b"{", STRUCTURED)
    counts = await replay(stream.services, (), 0, transaction_events_max=7)
    assert counts == {"appended": 51, "duplicate": 0, "conflict": 0, "dead": 1}
    assert await replay(stream.services, (), 0) == {"appended": 0, "duplicate": 51, "conflict": 0, "dead": 1}
    assert len(await stream.log()) == 51
    (letter,) = await stream.letters()
    assert letter["seen"] == 2
    known = await positions(stream.environment, stream.services.database)
    assert {(at.stored, at.committed) for at in known} == {(None, None)}


async def test_each_partition_keeps_its_order(stream: Stream) -> None:
    snapshots = [stories.deal("D-1", revision=revision) for revision in range(1, 100)]
    await stream.send(*snapshots)
    await replay(stream.services, [catalog.DEALS], 0, transaction_events_max=10)
    assert await stream.ids() == [snapshot["id"] for snapshot in snapshots]


async def test_messages_are_replayed_from_an_offset_and_from_some_topics_only(stream: Stream) -> None:
    await stream.send(*deals(*range(40)), stories.account())
    ends = await stream.ends()
    counts = await replay(stream.services, [catalog.DEALS], 10)
    assert counts["appended"] == sum(max(0, end - 10) for end in ends.values())
    assert stories.account()["id"] not in await stream.ids()


async def test_messages_are_replayed_from_a_time(stream: Stream) -> None:
    await stream.send(*deals(*range(10)))
    between = datetime.fromtimestamp(await _last_timestamp(stream) + 0.001, UTC)
    await stream.send(*deals(*range(10, 25)))
    assert (await replay(stream.services, (), between))["appended"] == 15
    assert sorted(await stream.ids()) == sorted(ids(*range(10, 25)))
    assert (await replay(stream.services, (), datetime(2100, 1, 1, tzinfo=UTC))).total() == 0
    assert (await replay(stream.services, (), datetime(2000, 1, 1, tzinfo=UTC)))["appended"] == 10


async def _last_timestamp(stream: Stream) -> float:
    return float(max(message.timestamp for message in await stream.read(catalog.DEALS)) / 1000)


async def test_messages_that_kafka_deleted_are_skipped(stream: Stream) -> None:
    await stream.send(*deals(*range(30)))
    dropped = {TopicPartition(*at): RecordsToDelete(end - 4) for at, end in (await stream.ends()).items()}
    async with cluster.admin(stream.environment) as admin:
        await admin.delete_records(dropped)
    assert (await replay(stream.services, (), 0))["appended"] == 8


async def test_beside_live_ingestion_each_event_is_in_the_log_once(stream: Stream) -> None:
    await stream.send(*deals(*range(200)))
    told: list[int] = []
    async with ingesting(stream) as task:
        counts = await replay(stream.services, (), 0, transaction_events_max=20, advanced=told.append)
        await stream.until_appended(200, task)
    assert counts["appended"] + counts["duplicate"] == sum(told) == 200
    assert sorted(await stream.ids()) == sorted(ids(*range(200)))


async def test_a_topic_that_is_not_there_is_named(stream: Stream) -> None:
    with pytest.raises(TopicMissing, match="q2c topics apply"):
        await replay(stream.services, ["crm.letters.v1"], 0)
