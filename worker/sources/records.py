"""Messages of Kafka as records of the one way in: CloudEvents in binary or structured mode.

Whatever a message holds, it becomes an event or a dead letter; nothing that a producer sends raises.
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

TURN_EVENTS = 50  # some milliseconds of reading, unless they are large


class Arrival(Struct, frozen=True):
    """A message as it was read; `timestamp_seconds` is when it was produced, by its producer's clock."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    timestamp_seconds: float | None

    @property
    def origin(self) -> str:
        """Where it came from, as dead letters name it."""
        return f"{self.place}:{self.offset}"

    @property
    def place(self) -> str:
        """Where it stays, for as long as Kafka keeps it."""
        return f"kafka:{self.topic}:{self.partition}"


def read(arrival: Arrival, now: datetime) -> Record:
    """Read a message; what can't be an event keeps its reason, and whose it says it is."""
    raw = arrival.value or b""
    try:
        event = _event(arrival, now)
    except InvalidEvent as error:
        return intake.invalid(raw, arrival.origin, _claimed(arrival), error, arrival.headers, arrival.place)
    return Record(raw, arrival.origin, event.workspace, event, arrival.headers, place=arrival.place)


def _read(arrivals: Sequence[Arrival], now: datetime) -> list[Record]:
    return [read(arrival, now) for arrival in arrivals]


async def read_all(arrivals: Sequence[Arrival], clock: Clock) -> list[Record]:
    """Read messages, and let whatever else there is get on meanwhile."""
    now = clock.now()
    made: list[Record] = []
    for first in range(0, len(arrivals), TURN_EVENTS):
        turn = arrivals[first : first + TURN_EVENTS]
        size = sum(len(arrival.value or b"") for arrival in turn)
        made += await aside(size, functools.partial(_read, turn, now))
        await clock.sleep(0)
    return made


def receive(
    connection: sa.Connection, records: Sequence[Record], now: datetime, bounds: LetterLimits = LIMITS
) -> list[Received]:
    """Store a batch, good and bad, in this transaction. Nobody at this door vouches for workspaces, so we look."""
    known = set(tenants.names(connection))
    return intake.receive(connection, [_of_known(record, known) for record in records], now, bounds)


def next_offsets(arrivals: Sequence[Arrival]) -> dict[Partition, int]:
    """Return where to go on in each partition; messages of a partition come in its order."""
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
    """Return when a message was produced: a better time than now for an event that was read long after."""
    if arrival.timestamp_seconds is None or arrival.timestamp_seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(arrival.timestamp_seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _claimed(arrival: Arrival) -> str | None:
    """Return whose a message says it is, however useless it is otherwise: its people will want to see it."""
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
