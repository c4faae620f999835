"""Outgoing events reach Kafka in order and without a gap, whichever relay leads and whatever fails."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from events.contract import catalog
from events.contract.administration import InvoiceRequested
from events.contract.announcements import InvoiceState
from events.contract.envelope import Event
from events.contract.values import Amount
from events.errors import CheckpointMoved, InvalidEvent
from events.log import subscriptions
from events.log.intake import Record, receive
from events.log.subscriptions import LEASE_SECONDS
from tests import stories
from tests.stories import deals, ids
from tests.worker.relays import (
    AT,
    EVENTS,
    LETTERS,
    append,
    deal_updates,
    relaying_as,
    said,
    sequences,
    until_at,
    won,
)
from tests.worker.streams import STRUCTURED, Stream, ingesting, open_stream
from worker.kafka import cluster, topics
from worker.kafka.messages import BrokerUnavailable, Message
from worker.kafka.publisher import Publisher
from worker.roles import relay as relaying
from worker.roles.relay import relay, turn
from worker.runtime.environment import DEAD_LETTERS, ConfigurationError

BINARY: list[Any] = [("ce_workspace", b"acme"), ("ce_id", b"1"), ("other", None), ("ce_source", b"\xff")]


@pytest_asyncio.fixture
async def stream(kafka_url: str, migrated_postgres_url: str) -> AsyncIterator[Stream]:
    async with open_stream(kafka_url, migrated_postgres_url) as opened:
        yield opened


def invoice_state(number: int) -> Event:
    amount = Amount("10.00")
    fact = InvoiceState(
        realm="R-1",
        invoice_id="17",
        deal_id="D-1",
        part=0,
        generation=1,
        account_id="A-1",
        customer_id="1",
        currency="USD",
        status="outstanding",
        txn_date=date(2026, 5, 5),
        net=amount,
        tax=amount,
        total=amount,
        balance=amount,
    )
    return said(catalog.INVOICE_STATE, fact, number)


async def test_outgoing_events_are_on_their_topic_in_order_with_their_positions(stream: Stream) -> None:
    events = [won(number, f"D-{number % 7}") for number in range(60)]
    await append(stream, *events, invoice_state(60))
    async with relaying_as("a", stream.with_publisher()) as task:
        await until_at(stream, 61, task)
    by_key: dict[bytes, list[int]] = defaultdict(list)
    messages = await stream.read(catalog.DEAL_UPDATES)
    for message, sequence in zip(messages, sequences(messages), strict=True):
        by_key[message.key].append(sequence)
    assert by_key == {f"acme/D-{deal}".encode(): list(range(deal + 1, 61, 7)) for deal in range(7)}
    first = min(messages, key=lambda message: int(dict(message.headers)["ce_sequence"]))
    assert msgspec.json.decode(first.value) == {
        "deal_id": "D-0",
        "contract_id": "C-0",
        "at": "2026-05-05T12:00:00Z",
    }
    (state,) = await stream.read(catalog.REVENUE)
    assert (state.key, dict(state.headers)["ce_workspace"]) == (b"R-1/17", b"acme")


async def test_only_outgoing_events_are_published(stream: Stream) -> None:
    requested = [
        said(catalog.INVOICE_REQUESTED, InvoiceRequested("D-1", "ada"), number) for number in range(5)
    ]
    await append(stream, *requested, won(5))
    async with relaying_as("a", stream.with_publisher()) as task:
        await until_at(stream, 6, task)
    assert await deal_updates(stream) == [6]


async def test_a_restart_continues_at_the_checkpoint(stream: Stream) -> None:
    for holder, numbers in (("a", range(10)), ("b", range(10, 20))):
        await append(stream, *(won(number) for number in numbers))
        async with relaying_as(holder, stream.with_publisher()) as task:
            await until_at(stream, numbers.stop, task)
        await stream.services.database.transaction(subscriptions.release, holder)
    assert await deal_updates(stream) == list(range(1, 21))


class Troubled:
    """A publisher that fails as planned, before or after the messages arrived."""

    def __init__(self, stream: Stream, *plan: str) -> None:
        self._publisher = stream.publisher
        self.plan = list(plan)
        self.discarded = 0

    async def publish(self, messages: Sequence[Message]) -> None:
        what = self.plan.pop(0) if self.plan else "all arrives"
        arrives = {"nothing arrives": 0, "half arrives": len(messages) // 2}.get(what, len(messages))
        await self._publisher.publish(messages[:arrives])
        if what != "all arrives":
            raise BrokerUnavailable(what)

    async def discard(self) -> None:
        self.discarded += 1


async def test_messages_that_may_not_have_arrived_are_sent_again(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(relaying, "PAGE_EVENTS_MAX", 4)
    troubled = Troubled(stream, "all arrives", "nothing arrives", "half arrives", "no answer")
    await append(stream, *(won(number) for number in range(12)))
    async with relaying_as("a", stream.with_publisher(troubled)) as task:
        await until_at(stream, 12, task)
    found = await deal_updates(stream)
    assert found == [1, 2, 3, 4, 5, 6, 5, 6, 7, 8, 5, 6, 7, 8, 9, 10, 11, 12]
    assert troubled.discarded == 3
    beyond = [n for at, n in enumerate(found) if n > max(found[:at], default=0)]
    assert beyond == list(range(1, 13))


async def test_another_takes_over_when_the_leader_is_gone(stream: Stream) -> None:
    services = stream.with_publisher()
    await append(stream, won(1))
    leader = asyncio.create_task(relay(services, "leader", asyncio.Event()))
    await until_at(stream, 1, leader)
    async with relaying_as("standby", services) as standby:
        await append(stream, won(2))
        await until_at(stream, 2, leader, standby)
        leader.cancel()  # like a killed relay, it does not release its lease
        with suppress(asyncio.CancelledError):
            await leader
        await append(stream, won(3))
        async with asyncio.timeout(30):
            await until_at(stream, 3, standby)
    assert await deal_updates(stream) == [1, 2, 3]


async def test_one_leads_at_a_time(stream: Stream) -> None:
    services = stream.with_publisher()
    await append(stream, won(1))
    assert await turn(services, stream.publisher, EVENTS, "a")
    await append(stream, won(2))
    assert not await turn(services, stream.publisher, EVENTS, "b")
    assert await turn(services, stream.publisher, EVENTS, "a")
    assert not await turn(services, stream.publisher, EVENTS, "a")
    assert await deal_updates(stream) == [1, 2]


async def test_a_relay_that_was_overtaken_while_sending_leaves_the_checkpoint_alone(stream: Stream) -> None:
    class Overtaken(Troubled):
        async def publish(self, messages: Sequence[Message]) -> None:
            await super().publish(messages)
            later = msgspec.structs.replace(stream.services, clock=Ahead())
            await turn(later, stream.publisher, EVENTS, "b")

    class Ahead:
        """The clock of a process that sees our lease expire."""

        def now(self) -> datetime:
            return datetime.fromtimestamp(stream.services.clock.now().timestamp() + LEASE_SECONDS + 1, tz=UTC)

        def monotonic(self) -> float:
            return stream.services.clock.monotonic()

        async def sleep(self, seconds: float) -> None:
            await stream.services.clock.sleep(seconds)

    await append(stream, won(1))
    with pytest.raises(CheckpointMoved):
        await turn(stream.services, Overtaken(stream), EVENTS, "a")
    assert await deal_updates(stream) == [1, 1]


async def test_a_page_that_took_long_to_read_is_sent_with_the_lease_renewed(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "BEGIN_SECONDS_MAX", -1.0)
    await append(stream, won(1))
    assert await turn(stream.services, stream.publisher, EVENTS, "a")
    assert await deal_updates(stream) == [1]


async def test_a_relay_that_was_overtaken_while_reading_sends_nothing(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "BEGIN_SECONDS_MAX", -1.0)
    lease = subscriptions.lease
    leases = iter([lease, lambda *_: None])  # the second time, another relay leads
    monkeypatch.setattr(subscriptions, "lease", lambda *given: next(leases)(*given))  # noqa: PLW0108 - the next at each call
    await append(stream, won(1))
    assert await turn(stream.services, stream.publisher, EVENTS, "a")
    assert await deal_updates(stream) == []


async def test_dead_letters_of_kafka_go_to_their_own_topics(stream: Stream) -> None:
    topic = stream.environment.topic(catalog.DEALS)
    await stream.send(*deals(1))
    await stream.send_raw(b"{", STRUCTURED, b"acme/D-9")
    await stream.send_raw(b"\xff\x00" * 200_000, BINARY)
    wrong = {**stories.deal("D-2"), "workspace": "acme", "data": {"deal_id": 17}}
    await stream.send_raw(msgspec.json.encode(wrong), STRUCTURED, topic=catalog.ACCOUNTS)
    await stream.send(*deals(3))
    async with ingesting(stream) as ingest, relaying_as("a", stream.with_publisher()) as task:
        await until_at(stream, 3, ingest, task, channel=LETTERS.name)
        await stream.until_appended(2, ingest)
    assert sorted(await stream.ids()) == ids(1, 3)
    letters = {letter["origin"]: letter for letter in await stream.letters()}
    broken, garbage = await stream.read(catalog.DEALS + DEAD_LETTERS)
    (misfit,) = await stream.read(catalog.ACCOUNTS + DEAD_LETTERS)
    for message, given in ((broken, STRUCTURED), (garbage, BINARY), (misfit, STRUCTURED)):
        assert (
            list(message.headers[: len(given)]) == given
        )  # unchanged, so that the message can be sent again
        headers = {name: value.decode() for name, value in message.headers[len(given) :]}
        letter = letters[headers["origin"]]
        assert headers == {
            "origin": letter["origin"],
            "reason": letter["reason"],
            "error": letter["detail"],
            "attempt": "1",
            "code_version": version("coeffection-quickbooks"),
            "first_seen_at": letter["first_seen_at"].isoformat(),
            **({"field": letter["field"]} if letter["field"] else {}),
            **({"workspace": letter["workspace"]} if letter["workspace"] else {}),
        }
    assert dict(broken.headers)["origin"].startswith(f"kafka:{topic}:".encode())
    assert (broken.value, garbage.value) == (b"{", b"\xff\x00" * 200_000)
    assert dict(garbage.headers)["workspace"] == b"acme"
    assert dict(misfit.headers)["field"] == b"data.revision"


async def test_dead_letters_of_other_doors_stay_in_the_database(stream: Stream) -> None:
    record = Record(b"{", "http", "acme", InvalidEvent("undecodable", "Not JSON"))
    await stream.services.database.transaction(receive, [record], AT)
    async with relaying_as("a", stream.with_publisher()) as task:
        await until_at(stream, 1, task, channel=LETTERS.name)
    for topic in catalog.TOPICS_IN:
        assert await stream.read(topic + DEAD_LETTERS) == []


async def test_without_kafka_there_is_no_relay(stream: Stream) -> None:
    with pytest.raises(ConfigurationError, match="Q2C_KAFKA_URL"):
        await relay(stream.services, "a", asyncio.Event())


async def test_a_page_ends_where_it_is_large_enough(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "PORTION_EVENTS_MAX", 4)
    events = [won(number, f"D-{number:03}") for number in range(12)]
    await append(stream, *events)
    size = len(events[0].data.encode())
    for limit, ends in ((1, 1), (size * 6, 6), (size * 100, 12)):
        monkeypatch.setattr(relaying, "PAGE_BYTES_MAX", limit)
        page = await stream.services.database.read(EVENTS.page, stream.environment, 0)
        assert (len(page.messages), page.ends, page.end) == (ends, list(range(1, ends + 1)), ends)
    monkeypatch.setattr(relaying, "PAGE_BYTES_MAX", size * 2)
    async with relaying_as("a", stream.with_publisher()) as task:
        await until_at(stream, 12, task)
    assert sorted(await deal_updates(stream)) == list(range(1, 13))


@pytest.mark.parametrize("by", ["our limit", "the topic's"])
async def test_a_refused_message_is_named_and_holds_up_its_lane_alone(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr(relaying, "REFUSED_RETRY_SECONDS", 0.2)
    large = won(3)
    large = msgspec.structs.replace(large, data=f'{large.data[:-1]}, "later": "{"x" * 40_000}"}}')
    if by == "our limit":
        monkeypatch.setattr(cluster, "MESSAGE_BYTES_MAX", 20_000)
    else:
        (topic,) = await topics.describe(stream.environment, [stream.environment.topic(catalog.DEAL_UPDATES)])
        low = msgspec.structs.replace(topic, configs={"max.message.bytes": "20000"})
        await topics.configure(stream.environment, [low])
        await asyncio.sleep(0.5)
    publisher = Publisher(stream.environment)
    services = stream.with_publisher(publisher)
    await append(stream, won(1), won(2), large, won(4))
    with capture_logs() as logs:
        async with relaying_as("a", services) as task:

            async def said() -> bool:
                return "Kafka refuses event '3' at position 3" in services.health.problems.get(
                    EVENTS.name, ""
                )

            await until_at(stream, 2, task)
            await stream.until(said, task)
            assert "q2c topics apply" in services.health.problems[EVENTS.name]
            origin = f"kafka:{stream.environment.topic(catalog.DEALS)}:0:9"
            letter = Record(b"{", origin, "acme", InvalidEvent("undecodable", "Not JSON"))
            await stream.services.database.transaction(receive, [letter], AT)
            await until_at(stream, 1, task, channel=LETTERS.name)
            assert LETTERS.name not in services.health.problems
            assert (await stream.services.database.read(subscriptions.checkpoints))[EVENTS.name] == 2
            if by == "our limit":
                monkeypatch.undo()
                await publisher.discard()
            else:
                await topics.apply(stream.environment)
            await until_at(stream, 4, task)
    assert {line["channel"] for line in logs if line["event"] == "relay.refused"} == {EVENTS.name}
    found = await deal_updates(stream)
    assert sorted(set(found)) == [1, 2, 3, 4]
    assert found.count(4) <= 2  # together with the refused message, but not each time
    await publisher.discard()
