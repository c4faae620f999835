"""Topics are created and corrected; an operator's other settings, and partition counts, are not changed."""

import asyncio
from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
import pytest_asyncio
from msgspec.structs import replace

from events.contract import catalog
from events.database.port import Database
from worker.kafka import topics
from worker.kafka.cluster import MESSAGE_BYTES_MAX
from worker.kafka.topics import Done, Finding, Topic
from worker.migrations.schema import migrate
from worker.runtime.environment import Environment
from worker.services import open_database

DAY = 24 * 60 * 60 * 1000


@pytest.fixture
def environment(kafka_url: str, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    prefix = f"t{token_hex(5)}"
    names = {topic: f"{prefix}.{topic}" for topic in (*catalog.TOPICS_IN, *catalog.TOPICS_OUT)}
    path = tmp_path_factory.mktemp("topics") / "q2c.sqlite3"
    return Environment(
        kafka_url=kafka_url, kafka_topic_names=names, kafka_partitions=3, database_url=f"sqlite:///{path}"
    )


@pytest_asyncio.fixture
async def database(environment: Environment) -> AsyncIterator[Database]:
    opened = open_database(environment)
    await opened.transaction(migrate)
    yield opened
    await opened.close()


async def found(environment: Environment, topic: str) -> Topic:
    (topic_found,) = await topics.describe(environment, [environment.topic(topic)])
    return topic_found


async def until(environment: Environment, topic: str, **configs: str) -> None:
    """Wait until a broker shows the controller's change."""
    wanted = {name.replace("_", "."): value for name, value in configs.items()}
    async with asyncio.timeout(30):
        while wanted.items() - (await found(environment, topic)).configs.items():
            pass


def said(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.kind, finding.topic) for finding in findings}


async def test_missing_topics_are_named_and_made_and_then_all_is_well(
    environment: Environment, database: Database
) -> None:
    wanted = {topic.name for topic in topics.wanted(environment)}
    assert len(wanted) == 11
    assert said(await topics.check(environment, database)) == {("topic_missing", name) for name in wanted}
    done = await topics.apply(environment)
    assert {(change.topic, change.action) for change in done} == {(name, "made") for name in wanted}
    assert await topics.check(environment, database) == []
    assert await topics.apply(environment) == []


async def test_each_topic_is_as_it_is_used(environment: Environment) -> None:
    await topics.apply(environment)
    deals = await found(environment, catalog.DEALS)
    assert (deals.partitions, deals.configs) == (
        3,
        {
            "cleanup.policy": "delete",
            "retention.ms": str(30 * DAY),
            "max.message.bytes": str(MESSAGE_BYTES_MAX),
        },
    )
    revenue = await found(environment, catalog.REVENUE)
    assert revenue.configs == {"cleanup.policy": "compact", "max.message.bytes": str(MESSAGE_BYTES_MAX)}
    dead = await found(environment, catalog.DEALS + ".dlq")
    assert dead.name == environment.topic(catalog.DEALS) + ".dlq"
    assert (dead.partitions, dead.configs["retention.ms"]) == (1, str(90 * DAY))


async def test_differing_settings_are_corrected_and_others_stay(
    environment: Environment, database: Database
) -> None:
    await topics.apply(environment)
    deals, revenue = await found(environment, catalog.DEALS), await found(environment, catalog.REVENUE)
    changed = {
        "retention.ms": str(DAY),
        "segment.ms": str(DAY),
        "max.message.bytes": str(2 * MESSAGE_BYTES_MAX),
    }
    await topics.configure(
        environment,
        [replace(deals, configs=changed), replace(revenue, configs={"cleanup.policy": "delete"})],
    )
    await until(environment, catalog.DEALS, segment_ms=str(DAY))
    await until(environment, catalog.REVENUE, cleanup_policy="delete")
    findings = await topics.check(environment, database)
    assert {(finding.topic, finding.detail) for finding in findings} == {
        (deals.name, f"{deals.name} has retention.ms={DAY}; it needs {30 * DAY}."),
        (revenue.name, f"{revenue.name} has cleanup.policy=delete; it needs compact."),
        (revenue.name, f"{revenue.name} has max.message.bytes=1048588; it needs {MESSAGE_BYTES_MAX}."),
    }
    assert set(map(str, await topics.apply(environment))) == {
        str(Done(deals.name, "configured", {"retention.ms": str(30 * DAY)})),
        str(
            Done(
                revenue.name,
                "configured",
                {"max.message.bytes": str(MESSAGE_BYTES_MAX), "cleanup.policy": "compact"},
            )
        ),
    }
    assert await topics.check(environment, database) == []
    assert (await found(environment, catalog.DEALS)).configs == {
        "retention.ms": str(30 * DAY),
        "segment.ms": str(DAY),
        "max.message.bytes": str(2 * MESSAGE_BYTES_MAX),
    }


async def test_larger_values_than_required_are_accepted(environment: Environment, database: Database) -> None:
    await topics.apply(environment)
    deals = await found(environment, catalog.DEALS)
    await topics.configure(environment, [replace(deals, configs={**deals.configs, "retention.ms": "-1"})])
    await until(environment, catalog.DEALS, retention_ms="-1")
    assert await topics.check(environment, database) == []


async def test_another_partition_count_is_reported_and_not_changed(
    environment: Environment, database: Database
) -> None:
    await topics.apply(environment)
    more = environment.model_copy(update={"kafka_partitions": 6})
    keyed = {environment.topic(topic) for topic in (*catalog.TOPICS_IN, *catalog.TOPICS_OUT)}
    findings = await topics.check(more, database)
    assert said(findings) == {("partitions_differ", name) for name in keyed}
    assert all(
        "keys move" in finding.detail and "Q2C_KAFKA_PARTITIONS" in finding.remedy for finding in findings
    )
    assert await topics.apply(more) == []
    assert (await found(environment, catalog.DEALS)).partitions == 3


async def test_too_few_replicas_are_reported(environment: Environment, database: Database) -> None:
    await topics.apply(environment)
    two = environment.model_copy(update={"kafka_replication": 2})
    findings = await topics.check(two, database)
    assert {finding.kind for finding in findings} == {"replication_differs"}
    assert len(findings) == 11


def test_with_three_replicas_two_have_to_acknowledge() -> None:
    for replication, expected in ((-1, None), (1, None), (2, None), (3, "2")):
        for topic in topics.wanted(Environment(kafka_replication=replication)):
            assert (topic.replication, topic.configs.get("min.insync.replicas")) == (replication, expected)


def test_topics_are_called_as_the_installation_calls_them() -> None:
    names = {catalog.DEALS: "ours.deals", f"{catalog.ACCOUNTS}.dlq": "dead"}
    environment = Environment(kafka_topic_names=names)
    assert environment.topic(catalog.DEALS) == "ours.deals"
    assert environment.topic(f"{catalog.DEALS}.dlq") == "ours.deals.dlq"
    assert environment.topic(catalog.ACCOUNTS) == catalog.ACCOUNTS
    assert environment.topic(f"{catalog.ACCOUNTS}.dlq") == "dead"
