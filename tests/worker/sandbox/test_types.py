"""Every writable property of every entity refuses a value of another type, and changes nothing."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.worker.sandbox.app import App, fault
from worker.sandbox.entities.catalog import ENTITIES
from worker.sandbox.schema.kinds import Anything, Flag, Group, Property, Ref, Several, ValueType

WRITTEN = sorted(name for name, entity in ENTITIES.items() if "create" in entity.operations)
OBJECT: Any = {"nonsense": 1}


def wrong(kind: ValueType) -> tuple[Any, ...]:
    """Return values that a type does not have."""
    if isinstance(kind, Group | Ref):
        return (5, "text", [1], True, OBJECT)
    if isinstance(kind, Several):
        return (5, "text", OBJECT, [[]], True)
    if isinstance(kind, Flag):
        return (5, "text", [True], OBJECT)
    return ([1], OBJECT, True)


def properties(group: Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Property]]:
    """Yield the writable properties of a group, also those within others."""
    for each in group.by_name.values():
        if each.read_only or isinstance(each.kind, Anything):
            continue
        yield (*path, each.name), each
        if isinstance(each.kind, Group):
            yield from properties(each.kind, (*path, each.name))


def nested(path: tuple[str, ...], value: object) -> dict[str, object]:
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("entity", WRITTEN)
def test_no_property_takes_a_value_of_another_type(uk: App, entity: str) -> None:
    app, before = uk, msgspec.json.encode(uk.company.books())
    for path, each in properties(ENTITIES[entity].properties):
        for value in wrong(each.kind):
            reply = app.call("POST", entity.lower(), nested(path, value))
            assert fault(reply) == "2010", (path, value)
    assert msgspec.json.encode(app.company.books()) == before


@pytest.mark.parametrize("entity", WRITTEN)
def test_no_property_has_another_name(app: App, entity: str) -> None:
    for path, each in properties(ENTITIES[entity].properties):
        if isinstance(each.kind, Group):
            assert fault(app.call("POST", entity.lower(), nested(path, {"Nonsense": "x"}))) == "2010", path
    assert fault(app.call("POST", entity.lower(), {"Nonsense": "x"})) == "2010"
