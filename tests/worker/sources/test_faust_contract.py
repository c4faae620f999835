"""The behaviour of Faust and aiokafka that ingestion relies on, in the versions that it was tested with.

If one of these tests fails, a library has changed: read its changes, and prove again that no event is lost, before you
change the test.
"""

import asyncio
import inspect
from collections import defaultdict
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import mode
import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import ConsumerStoppedError
from aiokafka.producer.sender import Sender
from faust.agents.actor import Actor
from faust.app import App
from faust.events import Event
from faust.streams import Stream
from faust.transport.conductor import ConductorCompiler
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP
from faust.types.settings import Settings
from mode.utils.queues import ThrowableQueue

from events.clock import SystemClock
from worker.runtime.environment import Environment
from worker.sources.faust import build, settings

AT = TP("deals", 0)
ENVIRONMENT = Environment(kafka_url="kafka://one:9092,two:9092", kafka_group="group", kafka_instance_id="i-1")


async def nothing(_: Any) -> None:
    """Read nothing."""


def test_the_versions_are_the_tested_ones() -> None:
    assert version("faust-streaming") == "0.15.3"
    assert version("aiokafka") == "0.14.0"


async def test_the_settings_load_with_their_meaning() -> None:
    conf: Any = build(ENVIRONMENT, SystemClock(), nothing).conf
    assert conf.id == "group"
    assert [str(url) for url in conf.broker] == ["kafka://one:9092", "kafka://two:9092"]
    asked = settings(ENVIRONMENT)
    assert asked.keys() <= set(Settings.SETTINGS)
    plain = {name: value for name, value in asked.items() if isinstance(value, bool | int | float)}
    assert {name: getattr(conf, name) for name in plain} == plain
    assert conf.agent_supervisor is mode.CrashingSupervisor
    assert conf.processing_guarantee.value == "at_least_once"
    assert conf.consumer_group_instance_id == "i-1"
    assert conf.broker_session_timeout <= conf.broker_request_timeout


def test_fausts_defaults_would_lose_events() -> None:
    assert Settings.SETTINGS["stream_wait_empty"].default is True
    assert Settings.SETTINGS["topic_allow_declare"].default is True
    assert Settings.SETTINGS["agent_supervisor"].default == "mode.OneForOneSupervisor"


async def test_the_application_writes_no_file_and_declares_no_topic(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    app = build(ENVIRONMENT, SystemClock(), nothing)
    assert "_create_directories" in vars(App)
    await app.on_first_start()
    assert list(tmp_path.iterdir()) == []
    (agent,) = app.agents.values()
    assert agent.concurrency == 1
    assert agent.isolated_partitions is False
    assert not app.tables.changelog_topics


async def test_an_agent_reads_delivered_messages_from_its_own_queue() -> None:
    app = build(ENVIRONMENT, SystemClock(), nothing)
    (agent,) = app.agents.values()
    stream: Any = agent.stream()
    assert isinstance(stream.channel.queue, ThrowableQueue)
    assert stream.channel.queue is stream.channel.queue
    assert app.monitor.stream_inbound_time == {}
    assert not inspect.iscoroutinefunction(Event.ack)
    put = inspect.getsource(ConductorCompiler.build)
    assert "queue = chan.queue" in put
    assert "queue.put_nowait_enhanced(" in put
    assert "_throw(StopAsyncIteration())" in inspect.getsource(Actor.cancel)


def test_a_stream_skips_the_same_messages_as_we_do() -> None:
    """Faust acknowledges the message, however; and it tracks messages that our code never reads."""
    body = inspect.getsource(Stream._py_aiter)
    assert "not self.app.flow_control.is_active()" in body
    assert "or message.generation_id != self.app.consumer_generation_id" in body
    assert "self._unacked_messages.discard(message)" in inspect.getsource(Consumer.ack)


def test_a_crash_of_an_agent_reaches_the_application() -> None:
    """This supervisor passes a service's failure to its parents."""
    body = inspect.getsource(mode.CrashingSupervisor._contribute_to_service)
    assert body.rstrip().endswith("pass")
    assert isinstance(inspect.getattr_static(mode.Service, "crashed"), property)
    assert isinstance(inspect.getattr_static(mode.Service, "crash_reason"), property)


async def test_a_crash_is_raised_where_the_end_is_awaited() -> None:
    service: Any = mode.Service()
    waiting = asyncio.ensure_future(service.wait_until_stopped())
    await asyncio.sleep(0)
    await service.crash(RuntimeError("a defect"))
    await asyncio.wait_for(waiting, 10)
    assert service.crashed
    assert isinstance(service.crash_reason, RuntimeError)


def commits(committed: int | None, acknowledged: list[int]) -> int | None:
    consumer: Any = SimpleNamespace(
        _acked=defaultdict(list, {AT: list(acknowledged)}),
        _acked_index=defaultdict(set, {AT: set(acknowledged)}),
        _gap=defaultdict(list),
        _committed_offset={AT: committed},
    )
    return Consumer._new_offset(consumer, AT)


@pytest.mark.parametrize(
    ("committed", "acknowledged", "expected"),
    [
        (5, [], None),
        (5, [5, 6, 7], 8),
        (5, [5, 6, 8], 7),
        (5, [7, 8], None),
        (None, [0, 1], 2),
        # Without a committed offset, Faust starts at the first message that it gets, so only their order makes this correct.
        (None, [3, 4], 5),
    ],
)
def test_the_committed_offset_follows_acknowledged_messages_without_a_gap(
    committed: int | None, acknowledged: list[int], expected: int | None
) -> None:
    assert commits(committed, acknowledged) == expected


def test_partitions_are_spread_evenly_and_a_static_member_does_not_leave() -> None:
    assert "RoundRobinPartitionAssignor" in inspect.getsource(AIOKafkaConsumerThread._create_worker_consumer)
    leaving = inspect.getsource(GroupCoordinator._maybe_leave_group)
    assert "self._group_instance_id is None" in leaving
    assert issubclass(ConsumerStoppedError, Exception)


def test_a_password_needs_tls_to_be_kept() -> None:
    assert faust.SASLCredentials(username="a", password="b").protocol.value == "SASL_PLAINTEXT"


def test_a_producer_can_be_ended_without_sending_its_messages() -> None:
    assert "self._sender = Sender(" in inspect.getsource(aiokafka.AIOKafkaProducer.__init__)
    assert isinstance(Sender.sender_task, property)
    ended = inspect.getsource(Sender._sender_routine)
    assert ended.index("except asyncio.CancelledError") < ended.index("await task")
