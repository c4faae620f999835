"""Read events from a file; the whole file is checked first, so that none is read only in part."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from events.clock import Clock
from events.contract.envelope import from_structured
from events.database.port import Database
from events.log import intake
from events.log.dead_letters import LIMITS, LetterLimits
from worker.sources import splitting
from worker.sources.files import FileUnusable, opened, pieces
from worker.sources.splitting import Broken

BATCH_EVENTS_MAX = 200
BATCH_CHARACTERS_MAX = 1024 * 1024  # beyond it, no event is added, since others wait for the only writer


async def emit_file(
    database: Database,
    clock: Clock,
    path: Path,
    workspace: str,
    advanced: Callable[[int], None],
    limits: LetterLimits = LIMITS,
) -> Counter[str]:
    """Receive every event of a file; return the counts by outcome: appended, duplicate, conflict, dead and refused.

    Args:
        database: The database with the log.
        clock: The time of events without a time.
        path: CloudEvents in structured form: JSON Lines, objects over many lines, or arrays; also compressed with gzip.
        workspace: The workspace of the events.
        advanced: Called after each batch with the bytes read so far.
        limits: The limits of dead letters.

    Raises:
        FileUnusable: The file has another form; nothing was stored.
    """
    counts: Counter[str] = Counter(appended=0, duplicate=0, conflict=0, dead=0)
    with opened(path) as file:
        split = _how(file)
        found = split(pieces(file))
        while batch := list(_batch(found)):
            now = clock.now()
            records = [
                intake.record(
                    text.encode(),
                    f"file:{path.name}:{line}",
                    workspace,
                    lambda raw: from_structured(raw, now=now, workspace=workspace),  # noqa: B023 - called at once
                )
                for line, text in batch
            ]
            received = await database.transaction(intake.receive, records, now, limits)
            counts.update(result.outcome for result in received)
            advanced(sum(len(record.raw) + 1 for record in records))
    return counts


def _batch(found: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    size = 0
    for line, text in islice(found, BATCH_EVENTS_MAX):
        yield line, text
        size += len(text)
        if size >= BATCH_CHARACTERS_MAX:
            return


def _how(file: BinaryIO) -> Callable[[Iterator[str]], Iterator[tuple[int, str]]]:
    """Read a file to its end and return the function that splits it into events."""
    try:
        for _ in splitting.values(pieces(file)):
            pass
    except Broken as error:
        if splitting.is_in_lines(pieces(file)):
            return splitting.lines  # an invalid line becomes a dead letter, and does not affect other lines
        raise FileUnusable(
            f"{error}. Write one CloudEvent a line, or a JSON array of them; no event was stored."
        ) from error
    return splitting.values
