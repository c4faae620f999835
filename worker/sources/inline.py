"""Events from a file of JSON Lines, through the same way in as any other."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from events import intake
from events.clock import Clock
from events.database import Database
from events.envelope import EVENT_BYTES_MAX, from_structured

BATCH_EVENTS_MAX = 200
LINE_BYTES_MAX = EVENT_BYTES_MAX + 1024


async def emit_file(
    database: Database, clock: Clock, path: Path, workspace: str, advanced: Callable[[int], None]
) -> Counter[str]:
    """Receive every line of a file; count appended, duplicate, conflict and dead.

    Args:
        database: Where the log is.
        clock: The time of events that bring none.
        path: One CloudEvent in structured form a line; empty lines are skipped.
        workspace: Whose events these are.
        advanced: Told the bytes done after each batch.
    """
    counts: Counter[str] = Counter(appended=0, duplicate=0, conflict=0, dead=0)
    with path.open("rb") as file:
        lines = enumerate(_lines(file), start=1)
        while batch := list(islice(lines, BATCH_EVENTS_MAX)):
            now = clock.now()
            records = [
                intake.record(
                    line,
                    f"file:{path.name}:{number}",
                    workspace,
                    lambda raw: from_structured(raw, now=now, workspace=workspace),  # noqa: B023 - called at once
                )
                for number, line in batch
                if line
            ]
            received = await database.transaction(intake.receive, records, now)
            counts.update(result.outcome for result in received)
            advanced(sum(len(line) + 1 for _, line in batch))
    return counts


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Read line by line; a line beyond the limit is cut, so that it becomes a dead letter, not a full memory."""
    while line := file.readline(LINE_BYTES_MAX):
        rest = line
        while len(rest) == LINE_BYTES_MAX and not rest.endswith(b"\n"):
            rest = file.readline(LINE_BYTES_MAX)
        yield line.rstrip(b"\r\n")
