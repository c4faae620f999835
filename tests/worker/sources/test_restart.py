"""Where ingestion continues after a restart, a restore, or a deletion of unread messages by Kafka."""

import asyncio
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from events.clock import SystemClock
from events.contract import catalog
from events.log import offsets, tables
from tests.stories import deals, ids
from tests.worker.streams import Stream, ingesting
from worker.kafka import cluster, topics
from worker.kafka.cluster import GroupActive
from worker.kafka.positions import Position, positions, refuse_if_ahead, reset_from_database, reset_recreated
from worker.runtime import watchdog
from worker.runtime.environment import ConfigurationError
from worker.runtime.watchdog import Stalled
from worker.sources import faust
from worker.sources.faust import IngestFailed, ingest


async def test_a_restored_database_is_refused_until_kafkas_offsets_are_reset(stream: Stream) -> None:
    database = stream.services.database
    await stream.send(*deals(*range(40)))
    async with ingesting(stream) as task:
        await stream.until_appended(20, task)
        await stream.until_appended(40, task)
    await database.transaction(lambda c: c.execute(tables.log.delete().where(tables.log.c.position > 15)))
    behind = {at: to - 5 for at, to in (await stream.stored()).items()}
    await database.transaction(offsets.rewind, stream.environment.kafka_group, behind, SystemClock().now())
    with pytest.raises(ConfigurationError, match="q2c offsets reset --from-database"):
        await ingest(stream.services, asyncio.Event())
    assert await stream.head() == 15

    changed = await reset_from_database(stream.environment, database)
    assert {(at.topic, at.partition): at.next_offset for at in changed} == behind
    assert await reset_from_database(stream.environment, database) == []
    refuse_if_ahead(await positions(stream.environment, database), "q2c")


async def test_an_empty_database_is_refused_too_and_then_filled_again(stream: Stream) -> None:
    database = stream.services.database
    await stream.send(*deals(*range(40)))
    async with ingesting(stream) as task:
        await stream.until_appended(40, task)
    await database.transaction(lambda c: c.execute(tables.log.delete()))
    await database.transaction(lambda c: c.execute(tables.kafka_offsets.delete()))
    with pytest.raises(
        ConfigurationError, match=r"ahead of this database in 2 partitions .* database nothing"
    ):
        await ingest(stream.services, asyncio.Event())
    assert len(await reset_from_database(stream.environment, database)) == 2
    async with ingesting(stream) as task:

        async def full() -> bool:
            return len(await stream.ids()) == 40

        await stream.until(full, task)
    assert sorted(await stream.ids()) == sorted(ids(*range(40)))


async def test_kafkas_offsets_are_not_reset_under_a_worker_that_reads(stream: Stream) -> None:
    await stream.send(*deals(*range(10)))
    async with ingesting(stream) as task:
        await stream.until_appended(10, task)

        async def committed() -> bool:
            known = await positions(stream.environment, stream.services.database)
            return all(at.committed == at.stored for at in known)

        await stream.until(committed, task)
        behind = dict.fromkeys(await stream.stored(), 1)
        await stream.services.database.transaction(
            offsets.rewind, stream.environment.kafka_group, behind, SystemClock().now()
        )
        with pytest.raises(GroupActive, match="stop them first"):
            await reset_from_database(stream.environment, stream.services.database)


async def made_anew(stream: Stream) -> None:
    """Delete the topic of deals and create it again, as an admin may for another partition count."""
    name = stream.environment.topic(catalog.DEALS)
    await topics.delete(stream.environment, [name])

    async def gone() -> bool:
        return await topics.describe(stream.environment, [name]) == []

    await stream.until(gone)
    await topics.apply(stream.environment)


async def test_a_recreated_topic_waits_for_a_persons_reset(stream: Stream) -> None:
    environment, database = stream.environment, stream.services.database
    await stream.send(*deals(*range(20)))
    async with ingesting(stream) as task:
        await stream.until_appended(20, task)
    await made_anew(stream)
    await stream.send(*deals(*range(20, 24)))
    findings = await topics.check(environment, database)
    assert {(finding.kind, finding.topic) for finding in findings} == {
        ("topic_recreated", environment.topic(catalog.DEALS))
    }
    assert all("q2c offsets reset --recreated" in finding.remedy for finding in findings)
    with capture_logs() as logs:
        async with ingesting(stream) as task:

            async def noticed() -> bool:
                return "recreated" in stream.services.health.problems.get("ingest", "")

            await stream.until(noticed, task)
            assert await stream.head() == 20
            changed = await reset_recreated(environment, database, SystemClock().now())
            assert sum(at.stored or 0 for at in changed) == 20
            await stream.until_appended(24, task)
            assert stream.services.health.problems == {}
    assert "ingest.topic_recreated" in [entry["event"] for entry in logs]
    assert sum((await stream.stored()).values()) == 4
    assert await reset_recreated(environment, database, SystemClock().now()) == []
    assert await topics.check(environment, database) == []


async def test_a_topic_recreated_under_a_reader_ends_it_with_the_reason(stream: Stream) -> None:
    services = msgspec.structs.replace(
        stream.services, environment=stream.environment.model_copy(update={"watchdog_seconds": 5.0})
    )
    await stream.send(*deals(*range(20)))
    task = asyncio.create_task(ingest(services, asyncio.Event()))
    await stream.until_appended(20, task)
    await made_anew(stream)
    with pytest.raises(IngestFailed, match=r"deleted and recreated.*q2c offsets reset --recreated"):
        await asyncio.wait_for(task, 30)


async def test_messages_deleted_unread_are_reported_and_the_rest_is_read(stream: Stream) -> None:
    await stream.send(*deals(*range(20)))
    async with ingesting(stream) as task:
        await stream.until_appended(20, task)
    await stream.send(*deals(*range(20, 60)))
    dropped = {at: end - 3 for at, end in (await stream.ends()).items()}
    async with cluster.admin(stream.environment) as admin:
        await admin.delete_records({TopicPartition(*at): RecordsToDelete(to) for at, to in dropped.items()})
    lost = sum(dropped.values()) - sum((await stream.stored()).values())

    findings = await topics.check(stream.environment, stream.services.database)
    assert {finding.kind for finding in findings} == {"events_lost"}
    assert {(finding.topic, finding.partition) for finding in findings} == dropped.keys()
    topic = stream.environment.topic(catalog.DEALS)
    with capture_logs() as logs:
        async with ingesting(stream) as task:
            await stream.until_appended(26, task)
    said = [entry for entry in logs if entry["event"] == "ingest.events_lost"]
    assert len(said) == 2
    assert all(
        entry["log_level"] == "error" and "send the events of that time again" in entry["remedy"]
        for entry in said
    )
    assert REGISTRY.get_sample_value("q2c_kafka_lost_events", {"topic": topic}) == lost
    assert await topics.check(stream.environment, stream.services.database) == []


@pytest.mark.parametrize(
    ("position", "lag", "lost", "ahead"),
    [
        (Position("t", 0, beginning=0, end=0), 0, 0, False),
        (Position("t", 0, beginning=0, end=9), 9, 0, False),
        (Position("t", 0, beginning=5, end=9), 4, 0, False),
        (Position("t", 0, beginning=5, end=9, stored=7, committed=7), 2, 0, False),
        (Position("t", 0, beginning=5, end=9, stored=7, committed=6), 2, 0, False),
        (Position("t", 0, beginning=5, end=9, stored=7, committed=8), 2, 0, True),
        (Position("t", 0, beginning=5, end=9, stored=2, committed=2), 4, 3, False),
        (Position("t", 0, beginning=5, end=9, stored=None, committed=5), 4, 0, False),
        (Position("t", 0, beginning=5, end=9, stored=None, committed=6), 4, 0, True),
        (Position("t", 0, beginning=0, end=3, stored=9, committed=9), 3, 0, False),  # recreated
    ],
)
def test_the_meaning_of_a_position(position: Position, lag: int, lost: int, *, ahead: bool) -> None:
    assert (position.lag, position.lost, position.ahead) == (lag, lost, ahead)
    assert position.recreated is ((position.stored or 0) > position.end)


async def test_ingestion_without_progress_ends_itself(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(faust._Intake, "take", hang)
    monkeypatch.setattr(faust, "STOP_SECONDS_MAX", 3.0)
    monkeypatch.setattr(watchdog, "LOOKS", 10)
    services = stream.services
    environment = services.environment.model_copy(update={"watchdog_seconds": 2.0})
    await stream.send(*deals(1))
    with pytest.raises(Stalled):
        async with ingesting(stream, msgspec.structs.replace(services, environment=environment)) as task:
            await asyncio.wait({task}, timeout=30)


async def test_an_application_that_can_not_be_stopped_is_abandoned(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while Faust joins a group with a dead member."""

    async def hang(_: Any) -> None:
        await asyncio.Event().wait()

    for name in ("start", "stop"):
        monkeypatch.setattr(faust._App, name, hang)
    for name in ("START_SECONDS_MAX", "STOP_SECONDS_MAX"):
        monkeypatch.setattr(faust, name, 0.2)
    with capture_logs() as logs:
        async with ingesting(stream) as task:
            await asyncio.wait({task}, timeout=1)
            assert not task.done()
        assert task.done()
    assert [entry["event"] for entry in logs] == ["ingest.stop_given_up"]
