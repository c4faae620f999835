"""Tolerate header names that are not UTF-8: aiokafka can't read a message with one, nor any message after it.

Kafka does not check headers, so any producer could send one and stop all ingestion. aiokafka's fast reader is still used; if
it fails, aiokafka's plain Python reads the same batch, changed to tolerate such a name.
"""

from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


def forgive() -> None:
    """Make every consumer of this process read such messages; a name's bytes that are not UTF-8 are shown in hex."""
    fetcher.MemoryRecords = ForgivingRecords


class ForgivingRecords:
    """The batches of a fetch, with the interface of aiokafka's own class."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._fast = MemoryRecords(data)
        self._batches = 0

    def size_in_bytes(self) -> int:
        """Return the size of the fetch."""
        return int(self._fast.size_in_bytes())

    def has_next(self) -> bool:
        """Return whether there is another batch."""
        return bool(self._fast.has_next())

    def next_batch(self) -> "ForgivingBatch | None":
        """Return the next batch, if there is one."""
        batch = self._fast.next_batch()
        self._batches += 1
        return None if batch is None else ForgivingBatch(batch, self._data, self._batches)


class ForgivingBatch:
    """A batch of aiokafka's whose messages are read tolerantly."""

    def __init__(self, fast: Any, data: bytes, number: int) -> None:
        self._fast = fast
        self._data = data
        self._number = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __next__(self) -> Any:
        return next(self._fast)

    def __iter__(self) -> Iterator[Any]:
        offset = -1
        try:
            for record in self._fast:
                offset = record.offset
                yield record
        except UnicodeDecodeError:
            yield from (record for record in self._slowly() if record.offset > offset)

    def _slowly(self) -> Iterator[Any]:
        batches = _MemoryRecordsPy(self._data)
        for _ in range(self._number - 1):
            batches.next_batch()
        batch = _DefaultRecordBatchPy(batches._next_slice)  # noqa: SLF001 - a test checks the parts that we use
        messages: Iterator[Any] = iter(batch)
        batch._buffer = _Forgiving(batch._buffer)  # noqa: SLF001 - as above
        return messages


class _Forgiving(bytearray):
    """Bytes whose every slice can be decoded."""

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _Forgiving(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Decode a text; bytes that are not UTF-8 are shown in hex."""
        return super().decode(encoding, "backslashreplace" if errors == "strict" else errors)
