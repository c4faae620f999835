"""The offset of ingestion in each partition: the stored one in the database, which is valid, and Kafka's committed one."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from events.contract import catalog
from events.database.port import Database
from events.log import offsets
from worker.kafka import cluster
from worker.runtime.environment import ConfigurationError, Environment

PLACES_SHOWN_MAX = 5


class Position(Struct, frozen=True):
    """The offsets of a partition.

    Attributes:
        topic: The topic's name in Kafka.
        partition: Its number.
        beginning: The first offset that Kafka still has.
        end: The offset that the next message will have.
        stored: The next offset to read, by the database; None if nothing was read yet.
        committed: The next offset to read, by Kafka.
    """

    topic: str
    partition: int
    beginning: int
    end: int
    stored: int | None = None
    committed: int | None = None

    @property
    def next_offset(self) -> int:
        """The offset at which reading continues."""
        return self.beginning if self.recreated else max(self.stored or 0, self.beginning)

    @property
    def lag(self) -> int:
        """The number of unread messages that Kafka still has."""
        return max(0, self.end - self.next_offset)

    @property
    def lost(self) -> int:
        """The number of messages that Kafka's retention deleted before they were read."""
        return max(0, self.beginning - self.stored) if self.stored is not None else 0

    @property
    def recreated(self) -> bool:
        """Whether the stored offset is beyond the end: the topic was deleted and recreated, or lost its newest messages."""
        return self.stored is not None and self.stored > self.end

    @property
    def ahead(self) -> bool:
        """Whether the committed offset is beyond the stored one: the messages in between would never be read."""
        return not self.recreated and self.committed is not None and self.committed > self.next_offset


async def positions(
    environment: Environment, database: Database, topics: Sequence[str] | None = None
) -> list[Position]:
    """Return the position of each partition of the incoming topics, or of `topics` by their names in Kafka.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses; or a topic is missing.
        DatabaseUnavailable: The database can't be read.
    """
    named = list(map(environment.topic, catalog.TOPICS_IN)) if topics is None else topics
    of = await cluster.partitions(environment, named)
    # Before the database is read: so the database is never behind the committed offsets.
    committed = await cluster.committed(environment, environment.kafka_group, of)
    stored = await database.read(offsets.stored, environment.kafka_group)
    # After the database was read: so no stored offset is beyond the end.
    kept = await cluster.offset_ranges(environment, of)
    return [
        Position(
            *partition,
            kept[partition].beginning,
            kept[partition].end,
            stored.get(partition),
            committed.get(partition),
        )
        for partition in of
    ]


def refuse_if_ahead(found: Sequence[Position], group: str) -> None:
    """Check that Kafka is not ahead of the database, and would not skip messages.

    Raises:
        ConfigurationError: Kafka is ahead; the message names the partitions and the remedy.
    """
    ahead = [position for position in found if position.ahead]
    if not ahead:
        return
    places = "; ".join(
        f"{position.topic} partition {position.partition}: Kafka {position.committed}, database {position.stored or 'nothing'}"
        for position in ahead[:PLACES_SHOWN_MAX]
    )
    raise ConfigurationError(
        f"Kafka's consumer group {group!r} is ahead of this database in {len(ahead)} partitions ({places}),"
        " so the database was restored or replaced, and the messages in between would never be read."
        " Stop every worker, then run: q2c offsets reset --from-database"
    )


async def reset_from_database(environment: Environment, database: Database) -> list[Position]:
    """Set Kafka's committed offsets to the database's; return the former positions of the changed partitions.

    The stored offsets of a recreated topic are invalid: see `reset_recreated`.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses; `GroupActive` if workers are running.
        DatabaseUnavailable: The database can't be read.
    """
    found = await positions(environment, database)
    changed = [
        position
        for position in found
        if not position.recreated
        and position.committed is not None
        and position.committed != position.next_offset
    ]
    to = {(position.topic, position.partition): position.next_offset for position in changed}
    if to:
        await cluster.commit(environment, environment.kafka_group, to)
    return changed


async def reset_recreated(environment: Environment, database: Database, now: datetime) -> list[Position]:
    """Set the partitions of recreated topics to their beginning; return the former positions of the changed partitions.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses; `GroupActive` if workers are running.
        DatabaseUnavailable: The database can't be read or written.
    """
    found = await positions(environment, database)
    renewed = {position.topic for position in found if position.recreated}
    changed = [position for position in found if position.topic in renewed]
    to = {(position.topic, position.partition): position.beginning for position in changed}
    if to:
        await cluster.commit(
            environment, environment.kafka_group, to
        )  # first, because it fails while a worker reads
        await database.transaction(offsets.rewind, environment.kafka_group, to, now)
    return changed
