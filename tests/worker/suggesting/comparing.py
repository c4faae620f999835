"""Compare everything again, to check the last suggestions."""

import sqlalchemy as sa

from worker.suggesting import listening, portions
from worker.suggesting.entries import Answer


def outdated(connection: sa.Connection) -> list[Answer]:
    """Return the suggestions that are new when everything is read again."""
    rows = portions.read(connection, "acme")
    assert rows is not None
    fresh = portions.index_of(rows)
    found = (fresh.suggestion(stream, listening.entry_of(stream, data)) for stream, data in rows.sought)
    return [each for each in found if each is not None]
