"""The role `relay`: publish outgoing events to Kafka in the order of positions, and dead letters to their own topics.

The checkpoint moves only after every message of a page is acknowledged, so no message is left out. A message that is sent
again after a crash has the same `ce_sequence`, by which consumers drop it.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from importlib.metadata import version

import sqlalchemy as sa
import structlog
from msgspec import Struct
from prometheus_client import Counter

from events.contract import catalog
from events.contract.envelope import Recorded
from events.errors import CheckpointMoved, DatabaseUnavailable
from events.log import log, subscriptions
from events.log.dead_letters import headers_of
from events.log.subscriptions import LEASE_SECONDS
from events.log.tables import dead_letters
from worker.kafka.messages import (
    PUBLISH_SECONDS_MAX,
    BrokerUnavailable,
    Message,
    MessageRefused,
    Publishing,
    encode,
)
from worker.roles.role import RoleContext
from worker.runtime.environment import DEAD_LETTERS, ConfigurationError, Environment
from worker.runtime.wake import pause
from worker.services import Services

PAGE_EVENTS_MAX = 500
PAGE_BYTES_MAX = 16 * 1024 * 1024
PORTION_EVENTS_MAX = 50  # of 1 MiB each at most
PAGE_LETTERS_MAX = 16  # the same
RETRY_SECONDS = 1.0
REFUSED_RETRY_SECONDS = 10.0  # a person has to do something first
KAFKA = "kafka:"
DISTRIBUTION = "coeffection-quickbooks"
# A page that begins later could still be on its way when another relay leads.
BEGIN_SECONDS_MAX = LEASE_SECONDS - PUBLISH_SECONDS_MAX

published_total = Counter("q2c_events_published_total", "Messages published to Kafka", ["channel"])
logger = structlog.get_logger()


class PublishPage(Struct, frozen=True):
    """The next messages to publish, with the checkpoint after each message and after the whole page."""

    messages: Sequence[Message]
    ends: Sequence[int]
    end: int

    def first(self) -> "PublishPage":
        """Return the page that ends with its first message."""
        return PublishPage(self.messages[:1], self.ends[:1], self.ends[0]) if len(self.messages) > 1 else self


class Channel(Struct, frozen=True):
    """A stream of messages to Kafka: the name of its checkpoint, its current end, and the function that reads a page."""

    name: str
    head: Callable[[sa.Connection], int]
    page: Callable[[sa.Connection, Environment, int], PublishPage]


async def run(context: RoleContext) -> None:
    """Publish outgoing messages to Kafka until the role is stopped."""
    await relay(context.services, context.holder, context.stopping)


async def relay(services: Services, holder: str, stopping: asyncio.Event) -> None:
    """Publish outgoing messages until `stopping` is set; one of several relays leads.

    Raises:
        ConfigurationError: Kafka is not configured.
    """
    publisher = services.publisher
    if publisher is None:
        raise ConfigurationError("Q2C_KAFKA_URL: not set; the relay role needs it")
    async with asyncio.TaskGroup() as group:
        for channel in CHANNELS:
            group.create_task(_follow(services, publisher, channel, holder, stopping))


async def turn(
    services: Services, publisher: Publishing, channel: Channel, holder: str, *, singly: bool = False
) -> bool:
    """Publish one page, if there is one and no other relay leads; return whether there may be more.

    Args:
        services: Open services.
        publisher: Sends messages to Kafka.
        channel: The channel to publish.
        holder: The holder of the lease.
        singly: Publish only the first message, because Kafka refused one of the page.

    Raises:
        BrokerUnavailable: Kafka did not acknowledge every message; the checkpoint has not moved.
        MessageRefused: Kafka refuses a message; the checkpoint has not moved.
        CheckpointMoved: Another relay has moved the checkpoint meanwhile.
        DatabaseUnavailable: The database did not answer.
    """
    database, clock = services.database, services.clock
    if not await database.read(_is_due, channel, holder, clock.now()):
        return False
    leased_at = clock.monotonic()
    position = await database.transaction(subscriptions.lease, channel.name, holder, clock.now())
    if position is None:
        return False
    page = await database.read(channel.page, services.environment, position)
    if singly:
        page = page.first()
    if page.messages:
        if clock.monotonic() - leased_at > BEGIN_SECONDS_MAX:  # reading the page took too long
            renewed = await database.transaction(subscriptions.lease, channel.name, holder, clock.now())
            if renewed != position:
                return True
        await publisher.publish(page.messages)
    await database.transaction(subscriptions.move, channel.name, position, page.end, holder, clock.now())
    published_total.labels(channel.name).inc(len(page.messages))
    return True


def behind(connection: sa.Connection) -> list[str]:
    """Return the names of the channels that have not reached their end."""
    reached = subscriptions.checkpoints(connection)
    return [channel.name for channel in CHANNELS if reached.get(channel.name, 0) < channel.head(connection)]


async def _follow(
    services: Services, publisher: Publishing, channel: Channel, holder: str, stopping: asyncio.Event
) -> None:
    # A loop of its own beside `repeat`: a refused message waits longer than an unavailable broker, changes how the next
    # turns publish, and stays unhealthy until a turn succeeds.
    alone = 0  # how many messages are still to be published one by one
    while not stopping.is_set():
        try:
            busy = await turn(services, publisher, channel, holder, singly=alone > 0)
        except MessageRefused as error:
            said = {"problem": str(error), "remedy": error.remedy}
            logger.error("relay.refused", channel=channel.name, **said)  # noqa: TRY400 - it is no defect of ours
            services.health.bad(channel.name, f"{error} {error.remedy}")
            # So the messages before it are published, and those after it are not sent again each time.
            await pause(services.clock, stopping, REFUSED_RETRY_SECONDS if alone else 0)
            alone = PAGE_EVENTS_MAX
            continue
        except (BrokerUnavailable, CheckpointMoved, DatabaseUnavailable) as error:
            logger.warning("relay.retry", channel=channel.name, problem=str(error))
            services.health.bad(channel.name, str(error))
            if isinstance(error, BrokerUnavailable):
                await publisher.discard()  # a late message would arrive after newer ones
            await pause(services.clock, stopping, RETRY_SECONDS)
            continue
        services.health.good(channel.name)
        alone = max(0, alone - 1)
        if not busy:
            await services.wake.wait(services.clock, services.environment.poll_seconds)


def _is_due(connection: sa.Connection, channel: Channel, holder: str, now: datetime) -> bool:
    return subscriptions.is_due(connection, channel.name, channel.head(connection), holder, now)


def _events(connection: sa.Connection, environment: Environment, after: int) -> PublishPage:
    messages, ends, end, size = [], [], after, 0
    for recorded in _recorded(connection, after):
        end = recorded.position
        if recorded.event.topic in catalog.TOPICS_OUT:
            message = encode(recorded.event, environment.topic(recorded.event.topic), sequence=end)
            messages.append(message)
            ends.append(end)
            size += len(message.value)
            if size >= PAGE_BYTES_MAX:
                break
    return PublishPage(messages, ends, end)


def _recorded(connection: sa.Connection, after: int) -> Iterator[Recorded]:
    """Yield events in portions, so that a caller that stops early has read few unneeded ones."""
    for _ in range(0, PAGE_EVENTS_MAX, PORTION_EVENTS_MAX):
        found = log.read(connection, after=after, limit=min(PORTION_EVENTS_MAX, PAGE_EVENTS_MAX))
        yield from found
        if len(found) < PORTION_EVENTS_MAX:
            return
        after = found[-1].position


def _letters(connection: sa.Connection, environment: Environment, after: int) -> PublishPage:
    of = {environment.topic(topic): environment.topic(topic + DEAD_LETTERS) for topic in catalog.TOPICS_IN}
    statement = (
        sa.select(dead_letters)
        .where(dead_letters.c.number > after)
        .order_by(dead_letters.c.number)
        .limit(PAGE_LETTERS_MAX)
    )
    found = connection.execute(statement).all()
    ours = [
        (letter, topic)
        for letter in found
        if letter.origin.startswith(KAFKA) and (topic := of.get(letter.origin.split(":")[1]))
    ]
    messages = [_letter(topic, letter) for letter, topic in ours]
    return PublishPage(messages, [letter.number for letter, _ in ours], found[-1].number if found else after)


def _letter(topic: str, letter: sa.Row[tuple[object, ...]]) -> Message:
    """Write a dead letter as a message: its original bytes and headers, and further headers with the reason."""
    said = {
        "origin": letter.origin,
        "reason": letter.reason,
        "error": letter.detail,
        "field": letter.field,
        "attempt": str(letter.seen),
        "code_version": version(DISTRIBUTION),
        "first_seen_at": letter.first_seen_at.isoformat(),
        "workspace": letter.workspace,
    }
    ours = [(name, value.encode()) for name, value in said.items() if value is not None]
    return Message(topic, None, letter.raw, [*headers_of(letter.headers), *ours])


def _last_letter(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.max(dead_letters.c.number))) or 0


CHANNELS = (Channel("relay", log.head, _events), Channel("relay_dead_letters", _last_letter, _letters))
