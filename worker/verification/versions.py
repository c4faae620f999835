"""Compare the last observed versions of objects with the events that recorded them."""

from collections.abc import Iterator

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog, json
from events.log.tables import log
from worker.sync.company import COMPANY
from worker.sync.entities import BY_NAME, named
from worker.sync.observing import SOURCE
from worker.sync.tables import observed

PAGE_ROWS = 1_000
_EVENTS = (
    sa.select(log.c.id, log.c.workspace, log.c.type, log.c.data)
    .where(log.c.source == SOURCE, log.c.type.not_in([catalog.SYNC_BEGAN, catalog.SYNC_COMPLETED]))
    .order_by(log.c.position)
    .execution_options(yield_per=PAGE_ROWS)
)
_ROWS = (
    sa.select(
        observed.c.realm, observed.c.entity, observed.c.entity_id, observed.c.ordinal, observed.c.content
    )
    .order_by(observed.c.realm, observed.c.entity, observed.c.entity_id)
    .execution_options(yield_per=PAGE_ROWS)
)


class VersionsInLog(Struct):
    """The versions of an object in the log: the number of the last one, and the hash of the last readable content.

    Attributes:
        ordinal: The number of the last version.
        content: The hash of the last readable content.
        sync_token: QuickBooks' number of it.
        workspace: The workspace of the last event; another one observes the company anew.
    """

    ordinal: int = 0
    content: int | None = None
    sync_token: int = 0
    workspace: str | None = None


class ReadContent(Struct, frozen=True):
    """The kept fields that an event carries, as they are stored, and QuickBooks' number of that version."""

    written: str
    sync_token: int = 0


def unrecorded_versions(connection: sa.Connection) -> Iterator[str]:
    """Yield a sentence for each object whose versions in the log are not numbered one by one, or not in QuickBooks' order, or whose content is not that of the last one."""
    found: dict[tuple[str, str, str], VersionsInLog] = {}
    for event_id, workspace, event_type, data in connection.execute(_EVENTS):
        realm, entity, entity_id, number, *_ = event_id.split("/")
        version = found.setdefault((realm, entity, entity_id), VersionsInLog())
        ordinal = int(number)
        if ordinal not in {version.ordinal, version.ordinal + 1}:
            yield f"{realm}: version {ordinal} of {named(entity, entity_id)} follows version {version.ordinal} in the log"
        version.ordinal = ordinal
        if version.workspace != workspace:
            version.workspace, version.sync_token = workspace, 0
        content = _content(entity, event_type, data)
        if content is not None:
            version.content = hash(content.written)
            if content.sync_token < version.sync_token:
                yield f"{realm}: {named(entity, entity_id)} was observed as of an older version in its version {ordinal}"
            version.sync_token = content.sync_token
    for realm, entity, entity_id, ordinal, content in connection.execute(_ROWS):
        version = found.pop((realm, entity, entity_id), VersionsInLog())
        name = named(entity, entity_id)
        if version.ordinal != ordinal:
            yield f"{realm}: {name} was observed in {ordinal} versions, and {version.ordinal} are in the log"
        elif content and version.content != hash(content):
            yield f"{realm}: {name} is not as its last version in the log says"
    yield from (
        f"{realm}: {named(entity, entity_id)} is observed in the log only"
        for realm, entity, entity_id in found
    )


def _content(entity: str, event_type: str, data: str) -> ReadContent | None:
    """Return the kept fields that an event carries; None if it says that an object is gone, voided or unreadable."""
    if entity == COMPANY:
        return ReadContent(json.encode(catalog.payload(event_type, data)))
    if event_type != BY_NAME[entity].event:
        return None
    fact = catalog.payload(event_type, data)
    if getattr(fact, "exists", True) is False:
        return None
    return ReadContent(json.encode(replace(fact, sync_token=0)), fact.sync_token)
