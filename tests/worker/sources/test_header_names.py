"""A header whose name is no text stops neither ingestion nor a replay, and hides no later message."""

import gzip
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from events.contract import catalog
from tests.worker.sources.clients import binary, deal
from tests.worker.streams import STRUCTURED, Stream, ingesting
from worker.kafka.brokers import connection
from worker.kafka.header_names import ForgivingRecords, forgive
from worker.sources.replay import replay

BATCH_BYTES_MAX = 100_000


class Name(str):
    """A text that is encoded to bytes which are no text."""

    __slots__ = ("raw",)

    def encode(self, *_: Any) -> bytes:
        """Encode to invalid bytes, unlike any real client."""
        return b"\xff\xfe" + super().encode()


def batch(*messages: tuple[bytes, list[tuple[str, bytes]]], compression: int = 0) -> Any:
    builder = _DefaultRecordBatchBuilderPy(2, compression, False, -1, -1, -1, BATCH_BYTES_MAX)
    for offset, (value, headers) in enumerate(messages):
        builder.append(offset, 0, b"key", value, headers)
    return builder


@pytest.mark.parametrize("compression", [0, 1], ids=["plain", "gzip"])
def test_readable_batches_are_read_fast_and_the_rest_slowly(compression: int) -> None:
    good = [(b"%d" % number, [("name", b"\xff")]) for number in range(3)]
    bad = (b"bad", [(Name("a"), b"1"), ("b", b"2")])
    data = bytes(batch(*good).build()) + bytes(batch(*good, bad, *good, compression=compression).build())
    records = ForgivingRecords(data)
    assert records.size_in_bytes() == len(data)
    found = []
    while records.has_next():
        one = records.next_batch()
        assert one is not None
        assert one.validate_crc()
        assert not one.is_control_batch
        found += [(record.value, list(record.headers)) for record in one]
    read = (b"bad", [("\\xff\\xfea", b"1"), ("b", b"2")])
    assert found == [*good, *good, read, *good]
    assert records.next_batch() is None


async def send_bad(stream: Stream, *messages: tuple[bytes, list[tuple[str, bytes]]]) -> None:
    producer = AIOKafkaProducer(**connection(stream.environment))
    await producer.start()
    made = producer.create_batch()
    made._builder = batch()
    for value, headers in messages:
        made.append(key=b"key", value=value, timestamp=None, headers=headers)
    await (await producer.send_batch(made, stream.environment.topic(catalog.DEALS), partition=0))
    await producer.stop()


async def test_a_bad_name_is_a_header_like_any_other(stream: Stream) -> None:
    value, headers = binary(deal(1))
    good = binary(deal(2))
    await stream.send_raw(msgspec.json.encode(deal(0)), STRUCTURED)
    await send_bad(stream, (value, [*headers, (Name("x"), b"1")]), good, (b"{", [(Name("y"), b"1")]))
    await stream.send_raw(msgspec.json.encode(deal(3)), STRUCTURED)
    assert await replay(stream.services, (), 0) == {"appended": 4, "duplicate": 0, "conflict": 0, "dead": 1}
    async with ingesting(stream) as task:

        async def all_read() -> bool:
            return sum((await stream.stored()).values()) == 5

        await stream.until(all_read, task)
    assert sorted(await stream.ids()) == [deal(number)["id"] for number in range(4)]
    (letter,) = await stream.letters()
    assert (letter["reason"], letter["seen"]) == ("undecodable", 2)


def test_the_tolerant_reader_uses_existing_parts_of_aiokafka() -> None:
    forgive()
    assert fetcher.MemoryRecords is ForgivingRecords
    data = bytes(batch((gzip.compress(b"x"), [])).build())
    plain = _MemoryRecordsPy(data)
    assert bytes(plain._next_slice or b"") == data
    assert isinstance(_DefaultRecordBatchPy(plain._next_slice)._buffer, bytearray)
    # The library itself still can't; once it can, this module is no longer needed.
    with pytest.raises(UnicodeDecodeError):
        list(MemoryRecords(bytes(batch((b"", [(Name("a"), b"")])).build())).next_batch())
