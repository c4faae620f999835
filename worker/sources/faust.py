"""Ingest events from Kafka: Faust reads, and one transaction appends a batch and stores its offsets.

No event is lost, because a message is acknowledged only after that transaction has committed, messages are
acknowledged in order, and an unexpected error ends the process, which restarts at the committed offsets. An event that
is read twice is dropped by its identity.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import faust
import mode
import sqlalchemy as sa
import structlog
from faust.exceptions import ConsumerNotStarted
from prometheus_client import Gauge

from events.clock import Clock
from events.contract import catalog
from events.errors import DatabaseUnavailable
from events.log import offsets
from events.log.dead_letters import LIMITS, LetterLimits
from events.log.intake import Received, Record
from events.log.offsets import Offsets, Partition
from worker.kafka import cluster
from worker.kafka.brokers import tls_context
from worker.kafka.header_names import forgive
from worker.kafka.messages import BrokerUnavailable
from worker.kafka.positions import positions, refuse_if_ahead
from worker.kafka.topics import lost, recreated
from worker.runtime.environment import KAFKA, Environment
from worker.runtime.wake import pause
from worker.runtime.watchdog import Progress, watch
from worker.services import Services
from worker.sources import received, records
from worker.sources.gathering import batches
from worker.sources.records import Arrival

PART = "ingest"
BROKERS = "kafka"
POLL_SECONDS_MAX = 300  # a member that does not poll for this time loses its partitions
STORE_SECONDS_MAX = 120  # well below that
RETRY_SECONDS = 0.2
RETRY_SECONDS_MAX = 5.0
FINISH_SECONDS_MAX = 15.0  # for the current batch
START_SECONDS_MAX = 3.0  # for a start that is under way at the stop
STOP_SECONDS_MAX = 10.0
REQUEST_SECONDS_MAX = 60
HEARTBEATS = 15  # within a session's timeout, as by Kafka's own defaults
FETCH_BYTES_MAX = 4 * cluster.MESSAGE_BYTES_MAX

lag = Gauge("q2c_kafka_lag_events", "Unread messages in this process's partitions")
lost_events = Gauge("q2c_kafka_lost_events", "Messages that Kafka deleted before they were read", ["topic"])
logger = structlog.get_logger()

Batch = Sequence[Any]
Take = Callable[[Batch], Awaitable[None]]


class IngestFailed(Exception):
    """Reading from Kafka ended by itself; the process has to end too, and restarts at the committed offsets."""


async def ingest(services: Services, stopping: asyncio.Event) -> None:
    """Ingest events from Kafka until `stopping` is set.

    Faust's remaining tasks and threads may hang, so the process ends by `os._exit` afterwards, whatever the result.

    Raises:
        ConfigurationError: Kafka is ahead of the database, so events would be skipped.
        IngestFailed: Faust, or our agent in it, failed.
        Stalled: There are messages to read, but none was read for too long.
    """
    if not await _is_safe_to_start(services, stopping):
        return
    intake = _Intake(services)
    app = build(services.environment, services.clock, intake.take)
    app.finalize()
    starting = asyncio.ensure_future(_start(services, app))
    crashed = asyncio.ensure_future(app.wait_until_stopped())
    stopped = asyncio.ensure_future(stopping.wait())
    stalled = asyncio.ensure_future(_watch(services, app))
    ends = (crashed, stopped, stalled)
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if stalled.done():
            stalled.result()
        if crashed.done():
            raise IngestFailed(f"Reading from Kafka failed: {app.crash_reason!r}") from app.crash_reason
        await intake.finish()
    finally:
        for end in ends:
            end.cancel()
        await _stop(app, starting)


class _Intake:
    """Processes batches: decodes, stores and acknowledges each, in this order."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._in_hand = asyncio.Lock()

    async def take(self, batch: Batch) -> None:
        """Store a batch, then acknowledge its messages in order."""
        async with self._in_hand:
            arrivals = [_arrival(event.message) for event in batch]
            made = await records.read_all(arrivals, self._services.clock)
            results = await self._store(made, records.next_offsets(arrivals))
            for event in batch:
                event.ack()
            received.note("kafka", results, routine=True)
            self._services.wake.all()

    async def finish(self) -> None:
        """Wait for the current batch, and prevent another from starting."""
        try:
            async with asyncio.timeout(FINISH_SECONDS_MAX):
                await self._in_hand.acquire()
        except TimeoutError:
            logger.warning("ingest.batch_given_up")  # not acknowledged, so it is read again

    async def _store(self, made: Sequence[Record], reached: Offsets) -> list[Received]:
        """Store a batch; retry while the database is unavailable, but end before Kafka removes us from the group."""
        services = self._services
        group = services.environment.kafka_group
        until = services.clock.monotonic() + STORE_SECONDS_MAX
        delay = RETRY_SECONDS
        # A loop of its own beside `repeat`: it stores one batch, waits longer each time, and gives up at a deadline.
        while True:
            try:
                stored = await services.database.transaction(
                    store, made, group, reached, services.clock.now(), services.environment.dead_letter_limits
                )
            except DatabaseUnavailable as error:
                if services.clock.monotonic() + delay > until:
                    raise
                logger.warning("ingest.retry", problem=str(error))
                services.health.bad(PART, str(error))
            else:
                services.health.good(PART)
                return stored
            await services.clock.sleep(delay)
            delay = min(2 * delay, RETRY_SECONDS_MAX)


def store(
    connection: sa.Connection,
    made: Sequence[Record],
    group: str,
    reached: Offsets,
    now: datetime,
    limits: LetterLimits = LIMITS,
) -> list[Received]:
    """Append a batch and store its offsets, in one transaction."""
    results = records.receive(connection, made, now, limits)
    offsets.advance(connection, group, reached, now)
    return results


class _App(faust.App):
    """An application without files, which needs no directory for them."""

    def _create_directories(self) -> None:
        """Create no directory."""


def build(environment: Environment, clock: Clock, take: Take) -> faust.App:
    """Build the application: one agent, which acknowledges the messages that it has stored."""
    forgive()
    app = _App(environment.kafka_group, **settings(environment))
    names = [environment.topic(name) for name in catalog.TOPICS_IN]
    topic = app.topic(*names, key_type=bytes, value_type=bytes)

    @app.agent(
        topic, name=PART, concurrency=1
    )  # two agents would acknowledge out of order, which loses events
    async def read(stream: Any) -> None:
        # Iterating over the stream itself would acknowledge a message on which the agent failed.
        async for batch in batches(stream, clock):
            await take(batch)

    return app


def settings(environment: Environment) -> dict[str, Any]:
    """Return Faust's settings; with most of its defaults, events would be lost or a stop would hang."""
    session = environment.kafka_session_seconds
    return {
        "version": 1,  # another version is another group, which reads everything again
        "broker": ";".join(KAFKA + broker for broker in environment.kafka_brokers),
        "broker_credentials": _credentials(environment),
        # Faust acknowledges and drops a message that it can't decode, so it decodes none.
        "key_serializer": "raw",
        "value_serializer": "raw",
        # Other supervisors restart the agent after an error, and continue after the event on which it failed.
        "agent_supervisor": mode.CrashingSupervisor,
        # Kafka's transactions can't include the database's; an event's identity makes its effect happen once.
        "processing_guarantee": "at_least_once",
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": environment.kafka_instance_id,
        "broker_commit_interval": 1.0,
        "broker_commit_every": 1_000,
        "broker_session_timeout": session,
        "broker_heartbeat_interval": session / HEARTBEATS,
        # Faust requires it to be at least a session's timeout.
        "broker_request_timeout": max(REQUEST_SECONDS_MAX, session),
        "broker_rebalance_timeout": 60,
        "broker_max_poll_interval": POLL_SECONDS_MAX,
        "consumer_max_fetch_size": FETCH_BYTES_MAX,
        "stream_buffer_maxsize": 20_000,  # when it is full, Faust's loop sleeps for a second
        "stream_wait_empty": False,  # True would wait for messages that a failed agent never acknowledges
        "stream_publish_on_commit": False,
        "topic_allow_declare": False,  # q2c topics apply creates topics, see worker.kafka.topics
        "topic_disable_leader": True,  # would need a topic of its own
        "table_standby_replicas": 0,  # with it, partitions are spread evenly
        "producer_threaded": False,
        "store": "memory://",
        "web_enabled": False,
        "worker_redirect_stdouts": False,
    }


def _credentials(environment: Environment) -> Any:
    tls = tls_context(environment)
    if environment.kafka_username is not None and environment.kafka_password is not None:
        return faust.SASLCredentials(
            username=environment.kafka_username,
            password=environment.kafka_password.get_secret_value(),
            mechanism=environment.kafka_sasl_mechanism,
            ssl_context=tls,  # without one, Faust would send the password in the clear
        )
    return faust.SSLCredentials(tls) if tls is not None else None


async def _start(services: Services, app: faust.App) -> None:
    """Start the application in our own event loop, without Faust's worker, logging and signals."""
    try:
        await app.start()
    except Exception as error:  # noqa: BLE001 - any error ends the application
        await app.crash(error)
    else:
        services.health.good(PART)


async def _stop(app: faust.App, starting: asyncio.Future[None]) -> None:
    """Stop the application; stop waiting for it after a time, since it ignores a stop while it joins a group."""
    await asyncio.wait(
        {starting}, timeout=START_SECONDS_MAX
    )  # stopping it half started would leave threads behind
    stopping = asyncio.ensure_future(app.stop())
    await asyncio.wait({stopping}, timeout=STOP_SECONDS_MAX)
    if not stopping.done():
        logger.warning("ingest.stop_given_up", seconds=STOP_SECONDS_MAX)
    elif stopping.cancelled():  # by Faust itself; raising that would hide the reason for the stop
        logger.warning("ingest.stop_failed", problem="Faust has cancelled its own stop")
    elif (error := stopping.exception()) is not None:
        logger.warning("ingest.stop_failed", problem=repr(error))


async def _is_safe_to_start(services: Services, stopping: asyncio.Event) -> bool:
    """Compare Kafka's offsets with the stored ones, after waiting until both can be read and are of the same topics.

    Returns:
        False if `stopping` was set before that.
    """
    while not stopping.is_set():
        try:
            found = await positions(services.environment, services.database)
        except (BrokerUnavailable, DatabaseUnavailable) as error:
            logger.warning("ingest.waiting", problem=str(error))
            services.health.bad(PART, str(error))
            await pause(services.clock, stopping, RETRY_SECONDS_MAX)
            continue
        if renewed := [recreated(position) for position in found if position.recreated]:
            logger.error(
                "ingest.topic_recreated",
                problem=renewed[0].detail,
                remedy=renewed[0].remedy,
                places=len(renewed),
            )
            services.health.bad(PART, f"{renewed[0].detail} {renewed[0].remedy}")
            await pause(services.clock, stopping, RETRY_SECONDS_MAX)
            continue
        refuse_if_ahead(found, services.environment.kafka_group)
        for position in found:
            if position.lost:
                finding = lost(position)
                logger.error("ingest.events_lost", problem=finding.detail, remedy=finding.remedy)
            lost_events.labels(position.topic).inc(position.lost)
        return True
    return False


async def _watch(services: Services, app: faust.App) -> None:
    """End the process if there are messages to read but none is read: Faust can fail silently."""
    environment = services.environment

    async def look() -> Progress:
        try:
            found = await positions(environment, services.database)
            assigned = _assigned(app)
            # A process without a partition stands by, unless no process reads the messages.
            ours = [at for at in found if not assigned or (at.topic, at.partition) in assigned]
            lag.set(sum(at.lag for at in ours) if assigned else 0)
            behind = {(at.topic, at.partition): at.next_offset for at in ours if at.lag}
            is_behind = bool(behind) and await cluster.has_messages(environment, behind)
        except BrokerUnavailable as error:
            logger.warning("ingest.watch", problem=str(error))
            services.health.bad(BROKERS, str(error))
            return Progress(object(), behind=False)  # no process makes progress without Kafka or the database
        services.health.good(BROKERS)
        if renewed := [recreated(position) for position in found if position.recreated]:
            # Faust would drop messages at offsets that it has seen. The next start waits for a person.
            raise IngestFailed(f"{renewed[0].detail} {renewed[0].remedy}")
        return Progress(tuple((at.topic, at.partition, at.stored) for at in ours), is_behind)

    await watch(services.clock, PART, look, environment.watchdog_seconds)


def _assigned(app: faust.App) -> set[Partition]:
    try:
        return {(part.topic, part.partition) for part in app.consumer.assignment()}
    except ConsumerNotStarted:
        return set()


def _arrival(message: Any) -> Arrival:
    return Arrival(
        message.topic,
        message.partition,
        message.offset,
        message.value,
        message.headers or (),
        message.timestamp,
    )
