"""References within values: which there are, and values that refer to another object instead."""

from collections.abc import Iterator
from typing import Any

from worker.sandbox.schema.kinds import CurrencyCode, Fields, Group, Ref, Several, ValueType


def references(kind: ValueType, value: Any) -> Iterator[tuple[Ref | CurrencyCode, Fields]]:
    """Yield the references within a value, each with its type."""
    if isinstance(kind, Ref | CurrencyCode):
        yield kind, value
    elif isinstance(kind, Group):
        for name, item in value.items():
            if isinstance(item, dict | list) and name in kind.by_name:
                yield from references(kind.by_name[name].kind, item)
    elif isinstance(kind, Several):
        for item in value:
            yield from references(kind.of, item)


def referring_to(kind: ValueType, value: Any, entity: str, old: str, new: str) -> Any:
    """Return a value whose references to one object of an entity refer to another; itself if it has none."""
    if isinstance(kind, Ref):
        return {**value, "value": new} if entity in kind.to and value["value"] == old else value
    if isinstance(kind, Group):
        changed = {
            name: found
            for name, item in value.items()
            if isinstance(item, dict | list)
            and name in kind.by_name
            and (found := referring_to(kind.by_name[name].kind, item, entity, old, new)) is not item
        }
        return {**value, **changed} if changed else value
    if isinstance(kind, Several):
        items = [referring_to(kind.of, item, entity, old, new) for item in value]
        return (
            items if any(after is not before for after, before in zip(items, value, strict=True)) else value
        )
    return value
