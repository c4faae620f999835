"""Send messages to Kafka, and wait until every in-sync replica has stored each."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
    UnknownTopicOrPartitionError,
)

from worker.kafka import cluster
from worker.kafka.brokers import connection
from worker.kafka.cluster import are_cancelled, missing
from worker.kafka.messages import PUBLISH_SECONDS_MAX, BrokerUnavailable, Message, MessageRefused, name_of
from worker.runtime.environment import Environment

# Shorter than publishing may take, so that a missing topic is distinguished from an unavailable broker.
PRODUCE_SECONDS_MAX = 3
CLOSE_SECONDS_MAX = PRODUCE_SECONDS_MAX + 2  # a running request has ended by then
LINGER_MILLISECONDS = 5
BATCH_BYTES_MAX = 128 * 1024
REFUSALS = (
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
)

logger = structlog.get_logger()


class Publisher:
    """Sends messages, and waits until every in-sync replica has stored each. Connects when it is first used."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._producer: AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.discard()

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send messages in order, and wait until the brokers have stored every one.

        Raises:
            BrokerUnavailable: The brokers did not store them in time. Any of them may have arrived, or may still arrive.
            MessageRefused: The brokers refuse one of them. Others may have arrived.
        """
        futures: list[asyncio.Future[Any]] = []
        producer = None
        try:
            async with asyncio.timeout(PUBLISH_SECONDS_MAX):
                producer = await self._opened()
                for message in messages:
                    headers = list(message.headers)
                    try:
                        sent = await producer.send(message.topic, message.value, message.key, headers=headers)
                    except MessageSizeTooLargeError as error:
                        # The producer's own limit: nothing was sent, and the producer can still be used.
                        raise _refused(message, error) from error
                    futures.append(sent)
                await asyncio.gather(*futures)
        except TimeoutError as error:
            raise BrokerUnavailable(
                f"Kafka has not acknowledged every message within {PUBLISH_SECONDS_MAX:g} s"
            ) from error
        except asyncio.CancelledError as error:
            if are_cancelled():
                raise
            await self._end(producer)
            raise BrokerUnavailable("Kafka's client dropped messages before sending them") from error
        except UnknownTopicOrPartitionError as error:
            raise missing({message.topic for message in messages}) from error
        except REFUSALS as error:
            refused = [
                message for message, sent in zip(messages, futures, strict=False) if _failed(sent, error)
            ]
            await self._end(producer)  # its sequence numbers would have a gap
            raise _refused(refused[0], error) from error
        except (KafkaError, OSError) as error:
            await self._end(producer)  # after a fatal error, the producer refuses every message
            raise BrokerUnavailable(f"Kafka did not accept the messages: {error!r}") from error
        finally:
            for future in futures:
                future.cancel()  # its result is no longer needed

    async def discard(self) -> None:
        """Drop the messages that could not be sent in time."""
        await self._end(self._producer)

    async def _end(self, producer: AIOKafkaProducer | None) -> None:
        if producer is not None and producer is self._producer:
            self._producer = None
            await _end(producer)

    async def _opened(self) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **connection(self._environment),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=LINGER_MILLISECONDS,
                    max_batch_size=BATCH_BYTES_MAX,
                    max_request_size=cluster.MESSAGE_BYTES_MAX,
                    request_timeout_ms=PRODUCE_SECONDS_MAX * 1000,
                )
                try:
                    await producer.start()
                except BaseException:
                    await _end(producer)
                    raise
                self._producer = producer
            return self._producer


async def _end(producer: AIOKafkaProducer) -> None:
    """End a producer without sending its remaining messages; its own stop() would wait for unavailable brokers."""
    task = producer._sender.sender_task  # noqa: SLF001 - there is no public way, and a test checks this attribute
    if task is not None:
        task.cancel()
    await producer.client.close()
    try:
        async with asyncio.timeout(CLOSE_SECONDS_MAX):
            await producer.stop()
    except (TimeoutError, KafkaError, OSError) as error:
        logger.warning("kafka.producer_not_closed", problem=repr(error))
        await producer.client.close()  # connections that it has opened since


def _failed(sent: asyncio.Future[Any], error: Exception) -> bool:
    """Return whether this message was refused, rather than another message of its batch."""
    return sent.done() and not sent.cancelled() and type(sent.exception()) is type(error)


def _refused(message: Message, error: KafkaError) -> MessageRefused:
    size = len(message.value) + sum(len(name) + len(value or b"") for name, value in message.headers)
    return MessageRefused(
        f"Kafka refuses {name_of(message)} of {size} bytes for {message.topic}: {type(error).__name__}.",
        f"Run q2c topics check, then q2c topics apply: {message.topic} needs max.message.bytes of at least"
        f" {cluster.MESSAGE_BYTES_MAX}, and the brokers' policies have to allow it. Later messages wait.",
    )
