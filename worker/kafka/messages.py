"""Events as messages of Kafka, in CloudEvents' binary mode: attributes are headers, the value is the data.

The binding: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from events.contract.envelope import Event, partition_key
from events.contract.headers import CONTENT_TYPE, Headers
from events.contract.headers import KAFKA_PREFIX as PREFIX
from events.errors import OutsideError

JSON = b"application/json"
# Shorter than the relay's lease: when another takes over, nothing of ours is on its way any more.
PUBLISH_SECONDS_MAX = 4.0


class BrokerUnavailable(OutsideError):
    """Kafka did not do what it was asked in time; nothing is lost, and the same may be tried again."""


class MessageRefused(BrokerUnavailable):
    """Kafka will not take a message as it is; trying again does not help before a person has done something.

    Attributes:
        remedy: What to do.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


class Message(Struct, frozen=True):
    """What is sent to a topic; messages of one key keep their order."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers


class Publishing(Protocol):
    """Sends messages to Kafka."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send messages in their order, and wait until every one is kept by the brokers.

        Raises:
            BrokerUnavailable: That did not happen in time. Any of them may have arrived, or arrive yet.
            MessageRefused: The brokers will not take one of them as it is. Others may have arrived.
        """
        ...

    async def discard(self) -> None:
        """Send nothing any more of what could not be sent in time."""
        ...


def name_of(message: Message) -> str:
    """Say which message it is, by what it holds."""
    said = {name: (value or b"").decode(errors="replace") for name, value in message.headers}
    event = said.get(f"{PREFIX}id")
    place = f" at position {said[f'{PREFIX}sequence']}" if f"{PREFIX}sequence" in said else ""
    if "origin" in said and "reason" in said:
        return f"the dead letter of {said['origin']}"
    return f"event {event!r}{place}" if event is not None else "a message"


def encode(event: Event, topic: str, *, sequence: int | None = None) -> Message:
    """Write an event as a message.

    Args:
        event: What is sent.
        topic: Where to; topics may be called otherwise in an installation.
        sequence: Its position in the log: who reads the topic drops what is not beyond the last one.
    """
    attributes = {
        **{name.lower(): value for name, value in event.extensions.items()},
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "workspace": event.workspace,
        **({"subject": event.subject} if event.subject is not None else {}),
        **({"sequence": str(sequence)} if sequence is not None else {}),
    }
    headers = [(PREFIX + name, value.encode()) for name, value in attributes.items()]
    key = partition_key(event).encode()
    return Message(topic, key, event.data.encode(), [*headers, (CONTENT_TYPE, JSON)])
