"""How far ingestion got in each partition: by the database, which is the truth, and by what Kafka believes."""

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
    """Where a partition stands.

    Attributes:
        topic: As Kafka calls it.
        partition: Its number.
        beginning: The first offset that Kafka still keeps.
        end: The offset that the next message will have.
        stored: The next offset to be read, as the database has it; None where nothing was read yet.
        committed: The same, as Kafka has it.
    """

    topic: str
    partition: int
    beginning: int
    end: int
    stored: int | None = None
    committed: int | None = None

    @property
    def next_offset(self) -> int:
        """Where reading goes on."""
        return self.beginning if self.recreated else max(self.stored or 0, self.beginning)

    @property
    def lag(self) -> int:
        """How many messages are kept that were not read yet."""
        return max(0, self.end - self.next_offset)

    @property
    def lost(self) -> int:
        """How many messages Kafka dropped before they were read, because they were older than it keeps them."""
        return max(0, self.beginning - self.stored) if self.stored is not None else 0

    @property
    def recreated(self) -> bool:
        """Whether we had come further than there is: the topic was deleted and made anew, or lost its end."""
        return self.stored is not None and self.stored > self.end

    @property
    def ahead(self) -> bool:
        """Whether Kafka would go on beyond what the database has: then what lies between would never be read."""
        return not self.recreated and self.committed is not None and self.committed > self.next_offset


async def positions(
    environment: Environment, database: Database, topics: Sequence[str] | None = None
) -> list[Position]:
    """Return where each partition of the topics in stands, or of some of them, as Kafka calls them.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses; or a topic is missing.
        DatabaseUnavailable: The database can't be read.
    """
    named = list(map(environment.topic, catalog.TOPICS_IN)) if topics is None else topics
    of = await cluster.partitions(environment, named)
    # Before the database is read: it is never behind what was committed when we asked.
    committed = await cluster.committed(environment, environment.kafka_group, of)
    stored = await database.read(offsets.stored, environment.kafka_group)
    # After the database was read: nobody has come further than the end that there is later.
    kept = await cluster.bounds(environment, of)
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
    """See that Kafka would not pass over what the database lacks.

    Raises:
        ConfigurationError: It would; the message names where, and what to do.
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
    """Tell Kafka to go on where the database ends; return the positions that were changed, as they were.

    Where a topic was made anew, the database says nothing of it: see `reset_recreated`.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses; `GroupActive` where workers are running.
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
    """Begin anew with every partition of topics made anew; return the positions that were changed, as they were.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses; `GroupActive` where workers are reading.
        DatabaseUnavailable: The database can't be read or written.
    """
    found = await positions(environment, database)
    anew = {position.topic for position in found if position.recreated}
    changed = [position for position in found if position.topic in anew]
    to = {(position.topic, position.partition): position.beginning for position in changed}
    if to:
        await cluster.commit(
            environment, environment.kafka_group, to
        )  # first: it refuses while anybody reads
        await database.transaction(offsets.rewind, environment.kafka_group, to, now)
    return changed
