"""The names of entries: which are taken, which entries are below others, and their full names."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from worker.sandbox.books.entity import Entity, Naming
from worker.sandbox.schema.kinds import Fields

if TYPE_CHECKING:  # a company has names
    from worker.sandbox.books.company import Company

LEVELS_MAX = 5


class NameIndex:
    """The names that are taken, by space."""

    def __init__(self, entities: Mapping[str, Entity]) -> None:
        self._taken: dict[str, dict[str, set[tuple[str, str]]]] = {
            each.naming.space or each.name: defaultdict(set) for each in entities.values() if each.naming
        }
        self._below: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def below(self, entity: str, identifier: str) -> frozenset[str]:
        """Return the Ids of the entries directly below an entry."""
        return frozenset(self._below.get((entity, identifier), ()))

    def holder(self, entity: Entity, fields: Fields) -> tuple[str, str] | None:
        """Return the entity and Id of another entry that has an entry's name."""
        if entity.naming is None:
            return None
        mine = (entity.name, fields.get("Id"))
        taken = self._taken[_space(entity, entity.naming)].get(_folded(entity.naming, fields), set())
        return next((key for key in sorted(taken) if key != mine), None)

    def of(self, entity: Entity, names: Iterable[str]) -> list[str]:
        """Return the Ids of an entity's top-level entries of some names."""
        if entity.naming is None:
            return []
        taken = self._taken[_space(entity, entity.naming)]
        keys = (key for name in dict.fromkeys(names) for key in taken.get(f":{name.casefold()}", ()))
        return sorted((identifier for kind, identifier in keys if kind == entity.name), key=len)

    def find(self, space: str, name: str) -> tuple[str, str] | None:
        """Return the entity and Id of the top-level entry of a name."""
        return min(self._taken[space].get(f":{name.casefold()}", set()), default=None)

    def move(self, entity: Entity, before: Fields | None, after: Fields | None) -> None:
        """Take the name of a changed entry, and free its former one."""
        if entity.naming is None:
            return
        taken = self._taken[_space(entity, entity.naming)]
        if before is not None:
            taken[_folded(entity.naming, before)].discard((entity.name, before["Id"]))
            self._below[entity.name, _parent(before)].discard(before["Id"])
        if after is not None:
            taken[_folded(entity.naming, after)].add((entity.name, after["Id"]))
            self._below[entity.name, _parent(after)].add(after["Id"])


def full_name(company: "Company", entity: str, stored: Fields) -> str:
    """Return an entry's name below the names of the entries above it, joined by colons."""
    naming = company.entities[entity].naming
    names = [] if naming is None else [each[naming.field] for each in lineage(company, entity, stored)]
    return ":".join(reversed(names))


def level(company: "Company", entity: str, stored: Fields) -> int:
    """Return the number of entries above an entry."""
    return len(lineage(company, entity, stored)) - 1


def lineage(company: "Company", entity: str, stored: Fields) -> list[Fields]:
    """Return an entry and the entries above it, upwards."""
    entries, present = [], company.objects[entity]
    above: Fields | None = stored
    while above is not None:
        entries.append(above)
        above = present.get(_parent(above))
    return entries


def levels_below(company: "Company", entity: str, identifier: str) -> int:
    """Return the number of levels below an entry."""
    below = company.names.below(entity, identifier)
    return max((1 + levels_below(company, entity, each) for each in below), default=0)


def in_levels(entity: str) -> "Callable[[Company, Fields], Fields]":
    """Return how the place of an entity's entries among the others is calculated."""

    def derived(company: "Company", stored: Fields) -> Fields:
        return {"FullyQualifiedName": full_name(company, entity, stored)}

    return derived


def _space(entity: Entity, naming: Naming) -> str:
    return naming.space or entity.name


def _parent(fields: Fields) -> str:
    return str((fields.get("ParentRef") or {}).get("value", ""))


def _folded(naming: Naming, fields: Fields) -> str:
    """Return a name as names are compared: without regard to case, and below its parent where that counts."""
    parent = "" if naming.alone else _parent(fields)
    return f"{parent}:{str(fields[naming.field]).casefold()}"
