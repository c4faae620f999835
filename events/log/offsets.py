"""The next offset of each Kafka partition, stored for a consumer group in the database.

The offsets are stored in the transaction that appends the events, so they are true of the log, whatever Kafka has committed.
"""

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from events.log.tables import kafka_offsets

Partition = tuple[str, int]
Offsets = Mapping[Partition, int]

_OF_GROUP = sa.select(kafka_offsets.c.topic, kafka_offsets.c.partition, kafka_offsets.c.next_offset).where(
    kafka_offsets.c.group == sa.bindparam("group")
)


def advance(connection: sa.Connection, group: str, offsets: Offsets, now: datetime) -> None:
    """Store the next offset of each partition; an offset never moves back.

    During a rebalance, two processes may both have a partition for a moment.
    """
    _write(connection, group, offsets, now, _set(connection.dialect.name, only_forward=True))


def rewind(connection: sa.Connection, group: str, offsets: Offsets, now: datetime) -> None:
    """Store the next offset of each partition, even if it moves back: a person decides that."""
    _write(connection, group, offsets, now, _set(connection.dialect.name, only_forward=False))


def stored(connection: sa.Connection, group: str) -> dict[Partition, int]:
    """Return the next offset of each partition that the group has read from."""
    return {
        (topic, partition): next_offset
        for topic, partition, next_offset in connection.execute(_OF_GROUP, {"group": group})
    }


def _write(
    connection: sa.Connection, group: str, offsets: Offsets, now: datetime, statement: sa.Executable
) -> None:
    rows = [
        {
            "group": group,
            "topic": topic,
            "partition": partition,
            "next_offset": next_offset,
            "updated_at": now,
        }
        for (topic, partition), next_offset in sorted(
            offsets.items()
        )  # in one order, so two processes never deadlock
    ]
    if rows:
        connection.execute(statement, rows)


@functools.cache
def _set(dialect: str, *, only_forward: bool) -> Any:
    table = kafka_offsets
    statement: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    given = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={"next_offset": given.next_offset, "updated_at": given.updated_at},
        where=table.c.next_offset < given.next_offset if only_forward else None,
    )
