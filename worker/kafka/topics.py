"""The topics that the worker needs: compare Kafka's topics with them, and create or correct them."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Literal

import msgspec
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError
from msgspec import Struct

from events.contract import catalog
from events.database.port import Database
from worker.kafka import cluster
from worker.kafka.cluster import MESSAGE_BYTES_MAX
from worker.kafka.messages import BrokerUnavailable
from worker.kafka.positions import Position, positions
from worker.runtime.environment import DEAD_LETTERS, Environment

KEPT = timedelta(days=30)
DEAD_LETTERS_KEPT = timedelta(days=90)
DEAD_LETTER_PARTITIONS = 1  # keeps the order of dead letters
REPLICAS_TO_LOSE_ONE = 3
FOREVER = "-1"
SET_FOR_THE_TOPIC = 1  # DescribeConfigs: the source of a value
VISIBLE_SECONDS_MAX = 30
EXACT = ("cleanup.policy",)  # for other settings, a larger value is fine too

Kind = Literal[
    "topic_missing",
    "config_differs",
    "partitions_differ",
    "replication_differs",
    "events_lost",
    "topic_recreated",
]


class Topic(Struct, frozen=True):
    """A topic as it is, or as it should be.

    Attributes:
        name: The topic's name in Kafka.
        partitions: The number of partitions.
        replication: The number of replicas of each partition; -1 means the brokers' default.
        configs: The settings of this topic itself.
        effective: All effective settings of an existing topic, including the brokers' defaults.
    """

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str]
    effective: Mapping[str, str] = {}


class Finding(Struct, frozen=True):
    """A difference between a topic and what the worker needs.

    Attributes:
        kind: A stable code.
        topic: The topic's name in Kafka.
        detail: One sentence for a person.
        remedy: What a person has to do.
        partition: The partition, if it is about one.
    """

    kind: Kind
    topic: str
    detail: str
    remedy: str
    partition: int | None = None


class Done(Struct, frozen=True):
    """A change that was made to a topic."""

    topic: str
    action: Literal["made", "configured"]
    configs: dict[str, str]


async def check(environment: Environment, database: Database) -> list[Finding]:
    """Compare Kafka's topics with the wanted ones, and their offsets with the stored ones; change nothing.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses.
        DatabaseUnavailable: The database can't be read.
    """
    found = await _found(environment)
    findings = [finding for topic in wanted(environment) for finding in compare(topic, found.get(topic.name))]
    topics_in = [name for name in map(environment.topic, catalog.TOPICS_IN) if name in found]
    read = await positions(environment, database, topics_in)
    renewed = [recreated(position) for position in read if position.recreated]
    return [*findings, *(lost(position) for position in read if position.lost), *renewed]


async def apply(environment: Environment) -> list[Done]:
    """Create missing topics, and set configurations that differ; never change a partition count, which moves keys.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses.
    """
    found = await _found(environment)
    missing = [topic for topic in wanted(environment) if topic.name not in found]
    wrong = [
        (found[topic.name], differing)
        for topic in wanted(environment)
        if topic.name in found and (differing := _differing(topic, found[topic.name]))
    ]
    if missing:
        await create(environment, missing)
    if wrong:  # all other settings have to be repeated, or Kafka would unset them
        changed = [
            msgspec.structs.replace(topic, configs={**topic.configs, **differing})
            for topic, differing in wrong
        ]
        await configure(environment, changed)
    await _until_visible(environment)
    return [
        *(Done(topic.name, "made", dict(topic.configs)) for topic in missing),
        *(Done(topic.name, "configured", differing) for topic, differing in wrong),
    ]


def wanted(environment: Environment) -> list[Topic]:
    """Return every topic as it should be."""
    common = {"max.message.bytes": str(MESSAGE_BYTES_MAX)}
    if environment.kafka_replication >= REPLICAS_TO_LOSE_ONE:
        common["min.insync.replicas"] = "2"  # acknowledged messages survive the loss of a broker

    def topic(name: str, partitions: int, kept: timedelta | None) -> Topic:
        cleanup = {"cleanup.policy": "compact"}  # the last message of each key stays for ever
        if kept is not None:
            milliseconds = kept // timedelta(milliseconds=1)
            cleanup = {"cleanup.policy": "delete", "retention.ms": str(milliseconds)}
        return Topic(environment.topic(name), partitions, environment.kafka_replication, common | cleanup)

    partitions = environment.kafka_partitions
    return [
        *(topic(name, partitions, KEPT) for name in catalog.TOPICS_IN),
        *(
            topic(name, partitions, None if name in catalog.COMPACTED else KEPT)
            for name in catalog.TOPICS_OUT
        ),
        *(
            topic(name + DEAD_LETTERS, DEAD_LETTER_PARTITIONS, DEAD_LETTERS_KEPT)
            for name in catalog.TOPICS_IN
        ),
    ]


def compare(topic: Topic, found: Topic | None) -> Iterator[Finding]:
    """Yield the differences of a topic from the wanted one."""
    apply_it = "Run q2c topics apply."
    if found is None:
        yield Finding("topic_missing", topic.name, f"There is no topic {topic.name}.", apply_it)
        return
    for key, value in _differing(topic, found).items():
        detail = f"{topic.name} has {key}={found.effective.get(key)}; it needs {value}."
        yield Finding("config_differs", topic.name, detail, apply_it)
    if found.partitions != topic.partitions:
        yield Finding(
            "partitions_differ",
            topic.name,
            f"{topic.name} has {found.partitions} partitions, not {topic.partitions}. They are left as they are:"
            " with another number, keys move, and an event could overtake an earlier one of the same deal.",
            f"Set Q2C_KAFKA_PARTITIONS to {found.partitions}; or stop the producers, let everything be read,"
            " delete the topic and run q2c topics apply.",
        )
    if found.replication < topic.replication:
        yield Finding(
            "replication_differs",
            topic.name,
            f"{topic.name} is kept by {found.replication} brokers, not by {topic.replication}.",
            "Reassign its partitions with Kafka's own kafka-reassign-partitions.",
        )


def lost(position: Position) -> Finding:
    """Return the finding that Kafka deleted unread messages."""
    return Finding(
        "events_lost",
        position.topic,
        f"Kafka deleted {position.lost} messages of {position.topic} partition {position.partition} before they"
        f" were read: the partition now begins at offset {position.beginning}, and the ingest role had read up to"
        f" {position.stored}.",
        "Have the producers send the events of that time again; events that the log already has are skipped. Never stop"
        " the ingest role for longer than retention.ms.",
        position.partition,
    )


def recreated(position: Position) -> Finding:
    """Return the finding that a topic was recreated, or lost messages that were read."""
    return Finding(
        "topic_recreated",
        position.topic,
        f"{position.topic} partition {position.partition} ends at offset {position.end}, but the ingest role had read up"
        f" to {position.stored}: the topic was deleted and recreated, or its brokers lost its newest messages.",
        "Stop the ingest role, then run q2c offsets reset --recreated, which reads the topic from its beginning. Have the"
        " producers send again any events of the old topic that may not have been read; events that the log already has"
        " are skipped.",
        position.partition,
    )


async def describe(environment: Environment, names: Sequence[str]) -> list[Topic]:
    """Return the topics that exist."""
    async with cluster.admin(environment) as client:
        described = await client.describe_topics(list(names))
        there = [topic for topic in described if topic["error_code"] != UnknownTopicOrPartitionError.errno]
        asked = [ConfigResource(ConfigResourceType.TOPIC, topic["topic"]) for topic in there]
        answers = await client.describe_configs(asked) if asked else []
    entries = {}
    for code, message, _, name, found in (of for answer in answers for of in answer.resources):
        if code == UnknownTopicOrPartitionError.errno:
            continue  # so new that not every broker knows it
        cluster.expect(code, f"describe {name}", message)
        entries[name] = [(key, value, source) for key, value, _, source, *_ in found]
    for topic in there:
        cluster.expect(topic["error_code"], f"describe {topic['topic']}")
    return [
        Topic(
            name=topic["topic"],
            partitions=len(topic["partitions"]),
            replication=min(len(part["replicas"]) for part in topic["partitions"]),
            configs={
                key: value for key, value, source in entries[topic["topic"]] if source == SET_FOR_THE_TOPIC
            },
            effective={key: value for key, value, _ in entries[topic["topic"]]},
        )
        for topic in there
        if topic["topic"] in entries
    ]


async def create(environment: Environment, topics: Sequence[Topic]) -> None:
    """Create topics; a topic that another process has created meanwhile is not changed."""
    made = [
        NewTopic(
            topic.name,
            topic.partitions,
            topic.replication,
            replica_assignments={} if topic.replication < 0 else None,  # aiokafka requires it with -1
            topic_configs=dict(topic.configs),
        )
        for topic in topics
    ]
    async with cluster.admin(environment) as client:
        answer = await client.create_topics(made)
    for name, code, message in answer.topic_errors:
        if code != TopicAlreadyExistsError.errno:
            cluster.expect(code, f"make {name}", message)


async def delete(environment: Environment, names: Sequence[str]) -> None:
    """Delete topics with all their messages."""
    async with cluster.admin(environment) as client:
        await client.delete_topics(list(names))


async def configure(environment: Environment, topics: Sequence[Topic]) -> None:
    """Set the configurations of topics; settings that are not in `configs` are unset."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(topic.configs)) for topic in topics]
    async with cluster.admin(environment) as client:
        answers = await client.alter_configs(wanted)
    for code, message, _, name in (changed for answer in answers for changed in answer.resources):
        cluster.expect(code, f"configure {name}", message)


async def _until_visible(environment: Environment) -> None:
    """Wait until the brokers report the controller's changes, so that the next request finds them."""
    try:
        async with asyncio.timeout(VISIBLE_SECONDS_MAX):
            while True:
                found = await _found(environment)
                if all(
                    topic.name in found and not _differing(topic, found[topic.name])
                    for topic in wanted(environment)
                ):
                    return
    except TimeoutError as error:
        raise BrokerUnavailable(
            f"Kafka has accepted the changes, but does not show them after {VISIBLE_SECONDS_MAX} s"
        ) from error


async def _found(environment: Environment) -> dict[str, Topic]:
    names = [topic.name for topic in wanted(environment)]
    return {topic.name: topic for topic in await describe(environment, names)}


def _differing(topic: Topic, found: Topic) -> dict[str, str]:
    return {
        key: value
        for key, value in topic.configs.items()
        if not _is_enough(key, value, found.effective.get(key, ""))
    }


def _is_enough(key: str, value: str, actual: str) -> bool:
    """Return whether a setting suffices: a larger size or a longer retention is an admin's choice."""
    if key in EXACT or not actual.isdecimal():
        return actual in {value, FOREVER}
    return int(actual) >= int(value)
