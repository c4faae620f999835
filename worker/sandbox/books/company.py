"""One company: its objects by entity, their names, and the ledger and journal under them.

Stored objects are never changed, only replaced, so that a snapshot is a copy of dictionaries. They hold references
without names, and no amounts that follow from the ledger: `shown` adds both, as they are at present.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from worker.sandbox import faults
from worker.sandbox.books import journal, plans
from worker.sandbox.books.entity import Act, Entity, Operation
from worker.sandbox.books.former import FormerStates
from worker.sandbox.books.journal import Change, Journal
from worker.sandbox.books.ledger import Key, Ledger
from worker.sandbox.books.names import NameIndex, full_name
from worker.sandbox.books.numbers import Numbers
from worker.sandbox.books.traits import Traits
from worker.sandbox.schema.currencies import CURRENCIES
from worker.sandbox.schema.kinds import CurrencyCode, Fields, Group, Ref, Several, ValueType
from worker.sandbox.schema.references import referring_to

# As recorded; classes have Ids that a floating-point number cannot hold.
_FIRST_ID = {"Account": 1150040000, "Class": 5000000000000000000}


class Company:
    """One company. Every change goes through `store`, `replace` and `remove`."""

    def __init__(self, realm: str, traits: Traits, entities: Mapping[str, Entity]) -> None:
        self.realm = realm
        self.traits = traits
        self.entities = entities
        self.objects: dict[str, dict[str, Fields]] = {name: {} for name in entities}
        self.names = NameIndex(entities)
        self.ledger = Ledger()
        self.journal = Journal()
        self.former = FormerStates()
        self.replies: dict[str, tuple[int, bytes]] = {}
        self.numbers = Numbers()
        self.sequences: Counter[str] = Counter(_FIRST_ID)

    def get(self, entity: str, identifier: str) -> Fields | None:
        """Return a stored object."""
        return self.objects[entity].get(identifier)

    def lagging(self, entity: str, now: datetime) -> list[Fields]:
        """Return the objects of an entity as queries that lag show them: as they were some seconds ago."""
        seconds = self.traits.query_lag_seconds
        if self.traits.query_lag_varies:
            seconds *= Random(f"{self.realm} {now.isoformat()}").random()  # noqa: S311 - reproducible on purpose
        instant = now - timedelta(seconds=seconds)
        identifiers = dict.fromkeys([*self.objects[entity], *self.former.changed(entity)])
        found = (self.former.at((entity, each), instant, self._seen((entity, each))) for each in identifiers)
        return [each for each in found if each is not None]

    def existing(self, entity: str, identifier: str) -> Fields:
        """Return a stored object.

        Raises:
            Fault: 610 if there is none.
        """
        found = self.objects[entity].get(identifier)
        if found is None:
            raise faults.deleted(entity) if self.entities[entity].is_transaction else faults.inactive(entity)
        return found

    def active(self, entity: str, identifier: str, words: str | None = None) -> Fields:
        """Return an object that others may refer to.

        Raises:
            Fault: 2500 if there is none, 610 if it is inactive.
        """
        found = self.objects[entity].get(identifier)
        if found is None:
            raise faults.invalid_reference(words or f"{entity}s", identifier)
        if found.get("Active") is False:
            raise faults.inactive(entity)
        return found

    def every(self, entity: str) -> Iterator[Fields]:
        """Yield the objects of an entity as QuickBooks shows them, in the order of their creation."""
        described = self.entities[entity]
        return (self.shown(described, stored) for stored in list(self.objects[entity].values()))

    def books(self) -> dict[str, list[Fields]]:
        """Return every object of the company, by entity."""
        return {entity: list(self.every(entity)) for entity in self.objects}

    def today(self, now: datetime) -> date:
        """Return the company's date."""
        return now.astimezone(ZoneInfo(self.traits.time_zone)).date()

    def instant(self, now: datetime) -> str:
        """Write an instant as objects carry it: whole seconds, with the company's offset."""
        return now.astimezone(ZoneInfo(self.traits.time_zone)).isoformat(timespec="seconds")

    def shown(self, entity: Entity, stored: Fields) -> Fields:
        """Return an object as QuickBooks shows it: with present names and balances."""
        named = _with_names(self, entity.properties, stored)
        return {"domain": "QBO", "sparse": False, **named, **entity.derived(self, stored)}

    def answer(self, entity: Entity, stored: Fields, operation: Operation) -> Fields:
        """Return an object as the answer of an operation has it."""
        return entity.answered(operation, self.shown(entity, stored))

    def name_of(self, entity: str, identifier: str) -> str | None:
        """Return the name by which references show an object."""
        stored = self.objects[entity].get(identifier)
        naming = self.entities[entity].naming
        if stored is None or naming is None:
            return None
        return full_name(self, entity, stored) if naming.full else str(stored[naming.field])

    def refer(self, kind: Ref, reference: Fields) -> None:
        """Check a reference of a request.

        Raises:
            Fault: 2500 if it refers to nothing, 610 if the object is inactive.
        """
        identifier = reference["value"]
        if not kind.to or identifier in kind.also:
            return
        entity = next((name for name in kind.to if identifier in self.objects[name]), kind.to[0])
        plans.check_entity(self.traits, entity)
        self.active(entity, identifier, kind.words)

    def store(self, entity: str, fields: Fields, act: Act, identifier: str | None = None) -> Fields:
        """Store a new object; an Id that is chosen for it is never given again."""
        described = self.entities[entity]
        new_id = identifier or self.next_id(described.ids)
        if new_id.isdecimal():
            self.sequences[described.ids] = max(self.sequences[described.ids], int(new_id))
        at = self.instant(act.at)
        stored = {
            **fields,
            "Id": new_id,
            "SyncToken": "0",
            "MetaData": {"CreateTime": at, "LastUpdatedTime": at, **_author(described, act)},
        }
        changed = self._save(described, None, stored, act)
        described.follow(self, stored)
        self._note(entity, new_id, act, "Create")
        self._tell(changed, (entity, new_id), act)
        return stored

    def replace(
        self, entity: str, before: Fields, fields: Fields, act: Act, operation: journal.Operation = "Update"
    ) -> Fields:
        """Store a changed object; if nothing changed, its sync token and time stay."""
        described = self.entities[entity]
        kept = {name: before[name] for name in ("Id", "SyncToken", "MetaData")}
        if {**fields, **kept} == before:
            return before
        stored = {**fields, "Id": before["Id"], **self._touched(described, before, act)}
        changed = self._save(described, before, stored, act)
        described.follow(self, stored)
        self._note(entity, before["Id"], act, operation)
        self._tell(changed, (entity, before["Id"]), act)
        return stored

    def remove(self, entity: str, before: Fields, act: Act) -> None:
        """Delete an object, with its postings."""
        described = self.entities[entity]
        key = (entity, before["Id"])
        settled = self.ledger.targets(key)
        self._keep((key, *settled), act)
        del self.objects[entity][before["Id"]]
        self.names.move(described, before, None)
        self.numbers.move(entity, before, None)
        changed = self.ledger.apply(key, ())
        self.ledger.post(key, ())
        self._post_settling(settled, key)
        self._note(entity, before["Id"], act, "Delete")
        self._tell(changed, key, act)

    def merge(self, entity: str, gone: Fields, stays: Fields, act: Act) -> Fields:
        """Make two entries one: all that refers to one of them refers to the other from now on."""
        old, new = gone["Id"], stays["Id"]
        for described in self.entities.values():
            for stored in list(self.objects[described.name].values()):
                moved = referring_to(described.properties, stored, entity, old, new)
                if moved is not stored:
                    self._move(described, stored, moved, act)
        self._keep([(entity, old)], act)
        del self.objects[entity][old]
        self.names.move(self.entities[entity], gone, None)
        present = self.objects[entity][new]
        kind = self.entities[entity]
        self._save(kind, present, {**present, **self._touched(kind, present, act)}, act)
        self.journal.append(Change(act.at, entity, new, "Merge", act.by, deleted_id=old))
        return self.objects[entity][new]

    def _move(self, entity: Entity, before: Fields, moved: Fields, act: Act) -> None:
        """Store an object whose references moved in a merge."""
        if not self.traits.merges_change_transactions:
            self._save(entity, before, moved, act)
            return
        self._save(entity, before, {**moved, **self._touched(entity, before, act)}, act)
        self._note(entity.name, before["Id"], act, "Update")

    def current(self, entity: str, data: Mapping[str, Any]) -> Fields:
        """Return the object that an update is about.

        Raises:
            Fault: 610 if it is not there, 5010 if it has changed since.
        """
        found = self.existing(entity, str(data.get("Id")))
        if str(data.get("SyncToken")) != found["SyncToken"]:
            raise faults.stale()
        return found

    def account(self, subtype: str) -> Fields:
        """Return the account that a role of the books has, by its AccountSubType."""
        return next(
            each for each in self.objects["Account"].values() if each.get("AccountSubType") == subtype
        )

    def load(self, objects: Mapping[str, Mapping[str, Fields]]) -> None:
        """Replace all objects; names, numbers and the ledger follow from them."""
        self.objects = {name: dict(objects.get(name, {})) for name in self.entities}
        self.names, self.ledger, self.former = NameIndex(self.entities), Ledger(), FormerStates()
        self.numbers = self.numbers.emptied()
        for name, stored in self.objects.items():
            for identifier, each in stored.items():
                self.names.move(self.entities[name], None, each)
                self.numbers.move(name, None, each)
                self.ledger.apply((name, identifier), self.entities[name].applications(each))
        # The postings of a payment depend on those of the transactions that it settles.
        for name in sorted(self.objects, key=lambda name: name == "Payment"):
            for identifier, each in self.objects[name].items():
                self.ledger.post((name, identifier), self.entities[name].postings(self, each))

    def _save(self, entity: Entity, before: Fields | None, stored: Fields, act: Act) -> list[Key]:
        """Store an object with its names, numbers and postings; return the transactions that it settles otherwise now."""
        key = (entity.name, stored["Id"])
        applications = tuple(entity.applications(stored))
        settled = self.ledger.targets(key)
        self._keep((key, *settled, *(each.target for each in applications)), act)
        self.objects[entity.name][stored["Id"]] = stored
        self.names.move(entity, before, stored)
        self.numbers.move(entity.name, before, stored)
        changed = self.ledger.apply(key, applications)
        self.ledger.post(key, entity.postings(self, stored))
        self._post_settling((key, *settled, *self.ledger.targets(key)), key)
        return changed

    def _post_settling(self, targets: Iterable[Key], done: Key) -> None:
        """Post again the other transactions that settle some: their home amounts depend on the present state of those."""
        settling = {by: None for target in targets for by in self.ledger.settling(target) if by != done}
        for name, identifier in settling:
            stored = self.objects[name][identifier]
            self.ledger.post((name, identifier), self.entities[name].postings(self, stored))

    def _tell(self, changed: Iterable[Key], by: Key, act: Act) -> None:
        """Note the transactions whose open amount changed; one that is no longer settled, without a notification."""
        settled = self.ledger.targets(by)
        for target in changed:
            self._touch(target, act, notified=target in settled)

    def _touch(self, key: Key, act: Act, *, notified: bool) -> None:
        """Give a transaction whose open amount changed a new time."""
        name, identifier = key
        stored = self.objects[name].get(identifier)
        if stored is not None:
            touched = self._touched(self.entities[name], stored, act)
            if not self.traits.payments_change_invoices:
                touched = {**touched, "SyncToken": stored["SyncToken"]}
            self.objects[name][identifier] = {**stored, **touched}
            self._note(name, identifier, act, "Update", notified=notified)

    def _keep(self, keys: Iterable[Key], act: Act) -> None:
        """Keep objects as they are shown before a change, if queries lag."""
        if self.traits.query_lag_seconds:
            lag = timedelta(seconds=self.traits.query_lag_seconds)
            for key in keys:
                self.former.keep(key, self._seen(key), act.at, lag)

    def _seen(self, key: Key) -> Fields | None:
        """Return an object as it is shown at present; None if there is none."""
        name, identifier = key
        stored = self.objects[name].get(identifier)
        return None if stored is None else self.shown(self.entities[name], stored)

    def _touched(self, entity: Entity, before: Fields, act: Act) -> Fields:
        at = self.instant(act.at)
        return {
            "SyncToken": str(int(before["SyncToken"]) + 1),
            "MetaData": {**before["MetaData"], "LastUpdatedTime": at, **_author(entity, act)},
        }

    def _note(
        self, entity: str, identifier: str, act: Act, operation: journal.Operation, *, notified: bool = True
    ) -> None:
        self.journal.append(Change(act.at, entity, identifier, operation, act.by, notified=notified))

    def next_id(self, sequence: str) -> str:
        """Return the next Id of a sequence."""
        self.sequences[sequence] += 1
        return str(self.sequences[sequence])


def _author(entity: Entity, act: Act) -> Fields:
    return {"LastModifiedByRef": {"value": act.by}} if entity.tells_author else {}


def _with_names(company: Company, kind: Group, fields: Fields) -> Fields:
    """Return a copy of an object whose references have the present names."""
    shown = dict(fields)
    for name, value in fields.items():
        if isinstance(value, dict | list):
            shown[name] = _named(company, kind.by_name[name].kind, value)
    return shown


def _named(company: Company, kind: ValueType, value: Any) -> Any:
    if isinstance(kind, Ref):
        if not kind.named:
            return value
        found = (company.name_of(entity, value["value"]) for entity in kind.to)
        name = next((each for each in found if each is not None), None)
        return value if name is None else {**value, "name": name}
    if isinstance(kind, Group):
        return _with_names(company, kind, value)
    if isinstance(kind, Several):
        return [_named(company, kind.of, item) for item in value]
    if isinstance(kind, CurrencyCode) and kind.named:
        return {**value, "name": CURRENCIES[value["value"]]}
    return value
