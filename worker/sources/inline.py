"""Events from a file, through the same way in as any other: looked through first, so that none is taken by half."""

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
BATCH_CHARACTERS_MAX = 1024 * 1024  # beyond it no more is added: the one writer is others' too


async def emit_file(
    database: Database,
    clock: Clock,
    path: Path,
    workspace: str,
    advanced: Callable[[int], None],
    bounds: LetterLimits = LIMITS,
) -> Counter[str]:
    """Receive every event of a file; count appended, duplicate, conflict and dead, and refused where there are such.

    Args:
        database: Where the log is.
        clock: The time of events that bring none.
        path: CloudEvents in structured form: JSON Lines, objects over many lines, or arrays; also compressed with gzip.
        workspace: Whose events these are.
        advanced: Told the bytes done after each batch.
        bounds: How many dead letters are kept.

    Raises:
        FileUnusable: It is none of these; nothing was stored.
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
            received = await database.transaction(intake.receive, records, now, bounds)
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
    """Read a file to its end and say how it is taken apart."""
    try:
        for _ in splitting.values(pieces(file)):
            pass
    except Broken as error:
        if splitting.is_in_lines(pieces(file)):
            return splitting.lines  # a line that is no JSON is a dead letter, and spoils no other
        raise FileUnusable(
            f"{error}. Write one CloudEvent a line, or a JSON array of them; no event was stored."
        ) from error
    return splitting.values
