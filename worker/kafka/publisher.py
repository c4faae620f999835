"""Sends messages to Kafka, each kept by every replica in sync before we go on."""

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

# Shorter than publishing may take, so that a topic that is not there is told apart from a broker that is not.
PRODUCE_SECONDS_MAX = 3
CLOSE_SECONDS_MAX = PRODUCE_SECONDS_MAX + 2  # a request that is under way has ended by then
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
    """Sends messages, each kept by every replica in sync before we go on. Connects when it first has to."""

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
        """Send messages in their order, and wait until every one is kept by the brokers.

        Raises:
            BrokerUnavailable: That did not happen in time. Any of them may have arrived, or arrive yet.
            MessageRefused: The brokers will not take one of them as it is. Others may have arrived.
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
                        # By our own limit: nothing was sent, and the producer is as good as before.
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
            await self._end(producer)  # what it numbered would leave a gap
            raise _refused(refused[0], error) from error
        except (KafkaError, OSError) as error:
            await self._end(producer)  # one that failed for good would refuse whatever comes after
            raise BrokerUnavailable(f"Kafka did not accept the messages: {error!r}") from error
        finally:
            for future in futures:
                future.cancel()  # nobody asks any more what became of it

    async def discard(self) -> None:
        """Send nothing any more of what could not be sent in time."""
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
    """End a producer without sending what it still holds; its own stop() would wait for brokers that are down."""
    task = producer._sender.sender_task  # noqa: SLF001 - there is no public way, and a test watches this one
    if task is not None:
        task.cancel()
    await producer.client.close()
    try:
        async with asyncio.timeout(CLOSE_SECONDS_MAX):
            await producer.stop()
    except (TimeoutError, KafkaError, OSError) as error:
        logger.warning("kafka.producer_not_closed", problem=repr(error))
        await producer.client.close()  # what it has opened since


def _failed(sent: asyncio.Future[Any], error: Exception) -> bool:
    """Whether it is this message that was refused, or one that it was sent together with."""
    return sent.done() and not sent.cancelled() and type(sent.exception()) is type(error)


def _refused(message: Message, error: KafkaError) -> MessageRefused:
    size = len(message.value) + sum(len(name) + len(value or b"") for name, value in message.headers)
    return MessageRefused(
        f"Kafka refuses {name_of(message)} of {size} bytes for {message.topic}: {type(error).__name__}.",
        f"Run q2c topics check, then q2c topics apply: {message.topic} needs max.message.bytes of at least"
        f" {cluster.MESSAGE_BYTES_MAX}, and the brokers' policies have to let it in. What comes behind it waits.",
    )
