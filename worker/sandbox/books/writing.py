"""Writing to the books: create, full and sparse update, deactivation, void and deletion, alike for every entity."""

from collections.abc import Mapping
from typing import Any

from worker.sandbox import faults
from worker.sandbox.books import addresses, plans, settling
from worker.sandbox.books.closing import check_open
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act, Draft, Entity, Operation
from worker.sandbox.books.names import LEVELS_MAX, levels_below, lineage
from worker.sandbox.schema.common import ADDRESS, PARTS
from worker.sandbox.schema.kinds import Fields, Flag, Group, Ref, Text
from worker.sandbox.schema.references import references

_PERSON_NAME = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
Include = frozenset[str]


def create(
    company: Company, entity: Entity, data: Mapping[str, Any], act: Act, include: Include = frozenset()
) -> Fields:
    """Create an object.

    Raises:
        Fault: QuickBooks refuses it.
    """
    allow(entity, "create")
    plans.check_entity(company.traits, entity.name)
    given, _ = entity.properties.given(data)
    fields = {**entity.properties.defaults(), **given}
    fields = _named(company, entity, fields, None)
    _check_references(company, entity, fields, None)
    fields = addresses.identified(company, entity, fields, None)
    draft = Draft(fields, given, None, act, include)
    stored = company.store(entity.name, entity.compose(company, draft), act)
    entity.on_create(company, draft, stored)
    return company.objects[entity.name][stored["Id"]]


def update(
    company: Company, entity: Entity, data: Mapping[str, Any], act: Act, include: Include = frozenset()
) -> Fields:
    """Change an object: a sparse update keeps the properties that it does not name, a full one empties them.

    Raises:
        Fault: QuickBooks refuses it, or it has changed since it was read.
    """
    allow(entity, "update")
    plans.check_entity(company.traits, entity.name)
    before = company.current(entity.name, data)
    settling.check_not_deposited(company, (entity.name, before["Id"]))
    given, emptied = entity.properties.given(data)
    sparse = bool(data.get("sparse")) and Flag().read(data["sparse"], "sparse")
    if sparse:
        given, erased = _sparsely(company, entity, before, data, given, emptied)
        kept = {name: value for name, value in before.items() if name not in erased}
        kept |= _ids_of_erased(company, entity, before, erased)
    else:
        kept = {**entity.properties.defaults(), **_read_only(entity, before)}
    fields = _named(company, entity, {**kept, **given}, before)
    _check_references(company, entity, fields, before)
    fields = addresses.identified(company, entity, fields, before)
    composed = entity.compose(company, Draft(fields, given, before, act, include, sparse=sparse))
    before = settling.released(company, entity, before, composed, act)
    return company.replace(entity.name, before, composed, act)


def void(company: Company, entity: Entity, data: Mapping[str, Any], act: Act) -> Fields:
    """Void a transaction: its amounts become 0, and it stays."""
    allow(entity, "void")
    before = company.current(entity.name, data)
    check_open(company, before)
    settling.check_not_deposited(company, (entity.name, before["Id"]))
    voided = entity.void(before) if entity.void else before
    before = settling.released(company, entity, before, voided, act)
    note = str(before.get("PrivateNote") or "")
    word = company.traits.voided_note
    if not note.endswith(word):
        note = _text(entity, "PrivateNote").with_suffix(note, f" {word}").strip()
    return company.replace(entity.name, before, {**voided, "PrivateNote": note}, act, "Void")


def delete(company: Company, entity: Entity, data: Mapping[str, Any], act: Act) -> Fields:
    """Delete a transaction.

    Raises:
        Fault: Another one is linked to it, it is deposited, or its period is closed.
    """
    allow(entity, "delete")
    before = company.current(entity.name, data)
    check_open(company, before)
    settling.check_not_deposited(company, (entity.name, before["Id"]))
    if company.ledger.settling((entity.name, before["Id"])):
        raise faults.linked(entity.name)
    company.remove(entity.name, before, act)
    return {"domain": "QBO", "status": "Deleted", "Id": before["Id"]}


def allow(entity: Entity, operation: Operation) -> None:
    """Refuse an operation that an entity does not have.

    Raises:
        Fault: 500.
    """
    if operation not in entity.operations:
        raise faults.unsupported_operation(f"{operation} of {entity.name}")


def _sparsely(
    company: Company,
    entity: Entity,
    before: Fields,
    data: Mapping[str, Any],
    given: Fields,
    emptied: frozenset[str],
) -> tuple[Fields, set[str]]:
    """Return the values that a sparse update sets, and the names of the properties that it erases."""
    by_name, traits = entity.properties.by_name, company.traits
    erased = {name for name in emptied if not by_name[name].lasting}
    if not traits.sparse_nulls_erase:
        erased = {name for name in erased if data[name] is not None}
    merged: Fields = {}
    for name, value in data.items() if traits.sparse_merges_parts else ():
        kind = by_name[name].kind
        if isinstance(kind, Group) and kind in PARTS and name in before and isinstance(value, dict):
            members, gone = kind.given(value)
            merged[name] = {each: text for each, text in before[name].items() if each not in gone} | members
    present = {name: members for name, members in merged.items() if members.keys() - {"Id"}}
    return given | present, (erased | merged.keys()) - present.keys()


def _ids_of_erased(company: Company, entity: Entity, before: Fields, erased: set[str]) -> Fields:
    """Return what stays of erased addresses: their Ids, as recorded."""
    if not company.traits.erased_addresses_keep_ids:
        return {}
    by_name = entity.properties.by_name
    gone = (name for name in erased & before.keys() if by_name[name].kind is ADDRESS)
    return {name: {"Id": before[name]["Id"]} for name in gone}


def _read_only(entity: Entity, before: Fields) -> Fields:
    by_name = entity.properties.by_name
    return {name: value for name, value in before.items() if name in by_name and by_name[name].read_only}


def _named(company: Company, entity: Entity, fields: Fields, before: Fields | None) -> Fields:
    """Return an entry with its name in order: trimmed, unique, and marked if it is made inactive."""
    naming = entity.naming
    if naming is None:
        return fields
    name = " ".join(str(fields.get(naming.field) or composed_name(fields)).split())
    if not name:
        raise faults.required(naming.field)
    fields = {**fields, naming.field: _text(entity, naming.field).read(name, naming.field)}
    if naming.flag is not None:
        fields = _placed(company, entity, naming.flag, fields, before)
    if before is not None and before.get("Active") and fields.get("Active") is False:
        return (
            fields if company.traits.inactive_names_stay else _deleted(company, entity, naming.field, fields)
        )
    if company.names.holder(entity, fields) is not None:
        raise faults.duplicate_name()
    return fields


def composed_name(fields: Fields) -> str:
    """Return the name that QuickBooks gives a person from the parts of a name."""
    return " ".join(str(fields[part]) for part in _PERSON_NAME if fields.get(part))


def _deleted(company: Company, entity: Entity, field: str, fields: Fields) -> Fields:
    """Return an inactive entry, whose name is free for another from now on."""
    name = str(fields[field])
    number = 1
    while True:
        suffix = " (deleted)" if number == 1 else f" (deleted {number})"
        fields = {**fields, field: _text(entity, field).with_suffix(name, suffix)}
        if company.names.holder(entity, fields) is None:
            return fields
        number += 1


def _text(entity: Entity, name: str) -> Text:
    """Return the type of a property that holds a text."""
    kind = entity.properties.by_name[name].kind
    if not isinstance(kind, Text):
        raise TypeError(f"{entity.name}.{name} holds no text")
    return kind


def _placed(company: Company, entity: Entity, flag: str, fields: Fields, before: Fields | None) -> Fields:
    """Return an entry in its place below another one, or at the top; one that stays may be below an inactive one."""
    parent = fields.get("ParentRef")
    if not parent or (before is not None and before.get("ParentRef") == parent):
        return {**fields, flag: bool(parent)}
    above = lineage(company, entity.name, company.active(entity.name, parent["value"], "Names"))
    if before is not None and any(each["Id"] == before["Id"] for each in above):
        raise faults.business(f"A {entity.name.lower()} can't be below itself")
    carried = 0 if before is None else levels_below(company, entity.name, before["Id"])
    if len(above) + 1 + carried > LEVELS_MAX:
        raise faults.business(f"{entity.name}s have at most {LEVELS_MAX} levels")
    return {**fields, flag: True}


def _check_references(company: Company, entity: Entity, fields: Fields, before: Fields | None) -> None:
    """Refuse new references to nothing; references that were there before may be inactive by now."""
    old = {(kind, ref["value"]) for kind, ref in references(entity.properties, before or {})}
    for kind, ref in references(entity.properties, fields):
        if isinstance(kind, Ref) and (kind, ref["value"]) not in old:
            company.refer(kind, ref)
