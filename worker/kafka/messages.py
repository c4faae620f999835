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
# Shorter than the relay's lease: when another relay takes over, none of our messages is still being sent.
PUBLISH_SECONDS_MAX = 4.0


class BrokerUnavailable(OutsideError):
    """Kafka did not carry out a request in time; nothing is lost, and the request can be retried."""


class MessageRefused(BrokerUnavailable):
    """Kafka refuses a message; a retry does not help before a person has carried out the remedy.

    Attributes:
        remedy: What a person has to do.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


class Message(Struct, frozen=True):
    """A message for a topic; messages of one key keep their order."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers


class Publishing(Protocol):
    """Sends messages to Kafka."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send messages in order, and wait until the brokers have stored every one.

        Raises:
            BrokerUnavailable: The brokers did not store them in time. Any of them may have arrived, or may still arrive.
            MessageRefused: The brokers refuse one of them. Others may have arrived.
        """
        ...

    async def discard(self) -> None:
        """Drop the messages that could not be sent in time."""
        ...


def name_of(message: Message) -> str:
    """Return a description of a message by its content."""
    said = {name: (value or b"").decode(errors="replace") for name, value in message.headers}
    event = said.get(f"{PREFIX}id")
    place = f" at position {said[f'{PREFIX}sequence']}" if f"{PREFIX}sequence" in said else ""
    if "origin" in said and "reason" in said:
        return f"the dead letter of {said['origin']}"
    return f"event {event!r}{place}" if event is not None else "a message"


def encode(event: Event, topic: str, *, sequence: int | None = None) -> Message:
    """Write an event as a message.

    Args:
        event: The event to send.
        topic: The topic's name in this installation.
        sequence: The event's position in the log: consumers drop a message whose sequence is not above the last one.
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
