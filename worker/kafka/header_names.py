"""Headers whose names are not UTF-8: aiokafka can't read a message that has one, nor any behind it.

Kafka looks at no header, so any producer can send one, and would stop all ingestion. Its fast reader goes on reading;
where that fails, the same batch is read by aiokafka's plain Python, which we make forgive such a name.
"""

from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


def forgive() -> None:
    """Make every consumer of this process read such messages; what is not UTF-8 in a name is written in hex."""
    fetcher.MemoryRecords = ForgivingRecords


class ForgivingRecords:
    """What a fetch brought, batch by batch, as aiokafka's own class gives it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._fast = MemoryRecords(data)
        self._given = 0

    def size_in_bytes(self) -> int:
        """Return how much it was."""
        return int(self._fast.size_in_bytes())

    def has_next(self) -> bool:
        """Say whether there is another batch."""
        return bool(self._fast.has_next())

    def next_batch(self) -> "ForgivingBatch | None":
        """Return the next batch, if there is one."""
        batch = self._fast.next_batch()
        self._given += 1
        return None if batch is None else ForgivingBatch(batch, self._data, self._given)


class ForgivingBatch:
    """A batch; everything but its messages is aiokafka's own."""

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
        batch = _DefaultRecordBatchPy(batches._next_slice)  # noqa: SLF001 - a test watches what we use of it
        messages: Iterator[Any] = iter(batch)
        batch._buffer = _Forgiving(batch._buffer)  # noqa: SLF001 - as above
        return messages


class _Forgiving(bytearray):
    """Bytes of which every text can be read."""

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _Forgiving(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Read a text; what is not UTF-8 is written in hex."""
        return super().decode(encoding, "backslashreplace" if errors == "strict" else errors)
