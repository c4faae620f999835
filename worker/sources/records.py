"""Decode Kafka's messages, which are CloudEvents in binary or structured mode, to records for intake.

Every message becomes an event or a dead letter; no message of a producer raises an error.
"""

import functools
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events.clock import Clock
from events.contract import json, media
from events.contract.envelope import Event, from_binary, from_structured
from events.contract.headers import CONTENT_TYPE, KAFKA_PREFIX, content_type, is_binary, kafka_attributes
from events.contract.values import Workspace
from events.errors import InvalidEvent
from events.log import intake
from events.log.dead_letters import LIMITS, LetterLimits
from events.log.intake import Received, Record
from events.log.offsets import Partition
from worker.runtime.aside import aside
from worker.workspaces import tenants

TURN_EVENTS = 50  # some milliseconds of decoding, unless they are large


class Arrival(Struct, frozen=True):
    """A message from Kafka; `timestamp_seconds` is its production time by the producer's clock."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    timestamp_seconds: float | None

    @property
    def origin(self) -> str:
        """The origin of the message, for dead letters."""
        return f"{self.place}:{self.offset}"

    @property
    def place(self) -> str:
        """The partition that has the message until Kafka deletes it."""
        return f"kafka:{self.topic}:{self.partition}"


def read(arrival: Arrival, now: datetime) -> Record:
    """Decode a message; an invalid message gives a record with the error and the workspace that it names."""
    raw = arrival.value or b""
    try:
        event = _event(arrival, now)
    except InvalidEvent as error:
        return intake.invalid(raw, arrival.origin, _claimed(arrival), error, arrival.headers, arrival.place)
    return Record(raw, arrival.origin, event.workspace, event, arrival.headers, place=arrival.place)


def _read(arrivals: Sequence[Arrival], now: datetime) -> list[Record]:
    return [read(arrival, now) for arrival in arrivals]


async def read_all(arrivals: Sequence[Arrival], clock: Clock) -> list[Record]:
    """Decode messages, and let other tasks run in between."""
    now = clock.now()
    made: list[Record] = []
    for first in range(0, len(arrivals), TURN_EVENTS):
        turn = arrivals[first : first + TURN_EVENTS]
        size = sum(len(arrival.value or b"") for arrival in turn)
        made += await aside(size, functools.partial(_read, turn, now))
        await clock.sleep(0)
    return made


def receive(
    connection: sa.Connection, records: Sequence[Record], now: datetime, limits: LetterLimits = LIMITS
) -> list[Received]:
    """Store a batch, valid and invalid, in this transaction; check that each workspace exists, since Kafka does not."""
    known = set(tenants.names(connection))
    return intake.receive(connection, [_of_known(record, known) for record in records], now, limits)


def next_offsets(arrivals: Sequence[Arrival]) -> dict[Partition, int]:
    """Return the next offset of each partition; messages of a partition are in order."""
    return {(arrival.topic, arrival.partition): arrival.offset + 1 for arrival in arrivals}


def _event(arrival: Arrival, now: datetime) -> Event:
    if arrival.value is None:
        raise InvalidEvent("value_missing", "The message has no value: a deletion carries no event")
    time = _produced_at(arrival) or now
    if is_binary(arrival.headers, KAFKA_PREFIX):
        return from_binary(kafka_attributes(arrival.headers), arrival.value, now=time)
    said = content_type(arrival.headers)
    kind = media.media_type(said)
    if not media.is_structured(kind):
        raise InvalidEvent(
            "content_type_unsupported", f"Send {media.STRUCTURED}, not {kind[:100]!r}", CONTENT_TYPE
        )
    return from_structured(media.in_utf8(arrival.value, said), now=time)


def _produced_at(arrival: Arrival) -> datetime | None:
    """Return the instant at which a message was produced: for an event that is read late, a better time than now."""
    if arrival.timestamp_seconds is None or arrival.timestamp_seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(arrival.timestamp_seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _claimed(arrival: Arrival) -> str | None:
    """Return the workspace that a message names, so that its people see the dead letter of an invalid message."""
    headers = {name.lower(): value for name, value in arrival.headers}
    try:
        claim = headers.get(f"{KAFKA_PREFIX}workspace")
        if claim is not None:
            return json.convert(claim.decode(errors="replace"), Workspace)
        raw = arrival.value or b""
        json.check_values(raw)
        document = json.parse(raw)
        return json.convert(document["workspace"], Workspace)
    except (InvalidEvent, TypeError, KeyError):
        return None


def _of_known(record: Record, known: Collection[str]) -> Record:
    if record.workspace in known:
        return record
    content, deal = record.content, record.deal
    if isinstance(content, Event):
        deal = intake.deal_of_event(content)
        content = InvalidEvent(
            "workspace_unknown", f"There is no workspace {content.workspace!r}", "workspace"
        )
    return msgspec.structs.replace(record, content=content, deal=deal, of_nobody=True)
