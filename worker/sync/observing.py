"""Record what QuickBooks answered: an event for each new version of an object, numbered under the lock of the log."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from events.contract.envelope import Event, own_event
from events.database import bulk
from events.database.locks import Lock, acquire
from events.log import log
from worker.commands.fields import Row, sync_token, updated_at
from worker.sync.entities import named
from worker.sync.tables import observed
from worker.sync.versions import Answer, LastVersion, ObjectVersion, Seen, version_of

SOURCE = "urn:coeffection:sync"
_KEY = (observed.c.realm, observed.c.entity, observed.c.entity_id)
_COLUMNS = tuple(observed.c[name] for name in LastVersion.__struct_fields__)
_REFERRED = (observed.c.realm, observed.c.refers_to)

Key = tuple[str, str, str]


class ChangedNames(Struct, frozen=True):
    """The names of the objects that had changed, such as `Invoice/17`, and of others that may have changed with them."""

    changed: tuple[str, ...] = ()
    affected: frozenset[tuple[str, str]] = frozenset()

    def of(self, entity: str) -> int:
        """Return how many objects of a kind had changed."""
        return sum(name.startswith(f"{entity}/") for name in self.changed)


def record(connection: sa.Connection, answer: Answer, now: datetime) -> ChangedNames:
    """Append the events of the objects that differ from their last observed version.

    In a sweep nearly all are unchanged: they are compared first, and the log is locked only for the others, whose versions
    are read and numbered again under the lock. This comes before any change of sync's own rows: the subscription that hears
    notices changes those under the lock of the log, too, so any other order could deadlock.
    """
    known = _known(connection, answer, answer.seen)
    different = [seen for seen in answer.seen if version_of(known.get(_key(answer, seen)), seen, answer)]
    versions: list[ObjectVersion] = []
    if different:
        acquire(connection, Lock.LOG)
        known |= _known(connection, answer, different)
        found = (version_of(known.get(_key(answer, seen)), seen, answer) for seen in different)
        versions = [version for version in found if version is not None]
        _append(connection, answer, versions, now)
    if answer.reading:
        _mark(connection, answer, known, versions)
    affected = _affected(connection, answer, versions) if versions and not answer.is_page else set()
    names = (named(each.row.entity, each.row.entity_id) for each in versions if each.facts)
    return ChangedNames(tuple(names), frozenset(affected))


def newer(connection: sa.Connection, answer: Answer) -> Sequence[Seen]:
    """Return the objects of an answer of which QuickBooks has another version than the last observed one."""
    known = _known(connection, answer, answer.seen)
    return [
        seen
        for seen in answer.seen
        if seen.row is not None
        and ((found := known.get(_key(answer, seen))) is None or not is_same(found, seen.row))
    ]


def is_same(known: LastVersion, row: Row) -> bool:
    """Return whether an object is in the version that was last observed, as far as its number and its time tell."""
    try:
        return (known.sync_token, known.updated_at) == (sync_token(row), updated_at(row))
    except ValueError:
        return False  # its number can't be read; `version_of` says so


def known_of(
    connection: sa.Connection, realm: str, keys: Iterable[tuple[str, str]]
) -> dict[Key, LastVersion]:
    """Return the last observed versions of objects; `keys` are their entities and IDs."""
    wanted = [(realm, entity, entity_id) for entity, entity_id in keys]
    rows = [LastVersion(*row) for row in bulk.fetch(connection, _COLUMNS, _KEY, wanted)]
    return {(row.realm, row.entity, row.entity_id): row for row in rows}


def _known(connection: sa.Connection, answer: Answer, seen: Sequence[Seen]) -> dict[Key, LastVersion]:
    return known_of(connection, answer.realm, ((each.entity, each.entity_id) for each in seen))


def _key(answer: Answer, seen: Seen) -> Key:
    return (answer.realm, seen.entity, seen.entity_id)


def _append(
    connection: sa.Connection, answer: Answer, versions: Sequence[ObjectVersion], now: datetime
) -> None:
    events = [event for version in versions for event in _events(answer, version, now)]
    log.append_own(connection, events, now)
    bulk.upsert(connection, observed, [asdict(version.row) for version in versions])


def _events(answer: Answer, version: ObjectVersion, now: datetime) -> Iterable[Event]:
    """Make the events of a version. Their identity is the object's, with the ordinal of the version."""
    row = version.row
    for event_type, fact in version.facts:
        yield own_event(
            event_type,
            fact,
            workspace=answer.workspace,
            source=SOURCE,
            time=now,
            id=f"{row.realm}/{row.entity}/{row.entity_id}/{row.ordinal}/{event_type.split('.')[-2]}",
        )


def _mark(
    connection: sa.Connection,
    answer: Answer,
    known: dict[Key, LastVersion],
    versions: Sequence[ObjectVersion],
) -> None:
    """Note the full reading in which the unchanged objects were met, too."""
    recorded = {(each.row.realm, each.row.entity, each.row.entity_id) for each in versions}
    unchanged = (_key(answer, seen) for seen in answer.seen if seen.row is not None)
    keys = [key for key in unchanged if key in known and key not in recorded]
    rows = [
        {"realm": realm, "entity": entity, "entity_id": entity_id, "reading": answer.reading}
        for realm, entity, entity_id in keys
        if known[realm, entity, entity_id].reading != answer.reading
    ]
    bulk.update(connection, observed, rows)


def _affected(
    connection: sa.Connection, answer: Answer, versions: Sequence[ObjectVersion]
) -> set[tuple[str, str]]:
    """Return the objects outside the answer that may have changed with recorded versions."""
    referred = [
        (answer.realm, named(each.row.entity, each.row.entity_id)) for each in versions if each.is_referred
    ]
    columns = (observed.c.entity, observed.c.entity_id)
    found = {
        (entity, entity_id) for entity, entity_id in bulk.fetch(connection, columns, _REFERRED, referred)
    }
    renamed = [each.row for each in versions if each.is_renamed]
    below = [(answer.realm, named(row.entity, row.entity_id)) for row in renamed]
    of_their_kind = {row.entity for row in renamed}
    found |= {
        (entity, entity_id)
        for entity, entity_id in bulk.fetch(connection, columns, _REFERRED, below)
        if entity in of_their_kind
    }
    for version in versions:
        for name in version.affected:
            entity, _, entity_id = name.partition("/")
            found.add((entity, entity_id))
    return found - {(seen.entity, seen.entity_id) for seen in answer.seen}
