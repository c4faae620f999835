"""The rows that a statement of QuickBooks' query language selects from a company's books."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Entity
from worker.sandbox.queries.statements import Condition, Statement, invalid, lexical_error, parse
from worker.sandbox.schema.kinds import Day, Fields, Group, Property

_TYPOGRAPHIC = re.compile("[\u2018\u2019\u201c\u201d]")
_NUMBERED = frozenset({"Id", "SyncToken"})  # texts that hold numbers; unlike "007" in a name
_Key = Callable[[str, Any, Any], tuple[int, Decimal, str]]
_INSTANTS = frozenset({"MetaData.CreateTime", "MetaData.LastUpdatedTime"})
_ALWAYS_SELECTED = frozenset({"Id", "SyncToken", "domain", "sparse"})


def run(company: Company, text: str, now: datetime) -> Fields:
    """Run a statement.

    Raises:
        Fault: 4000 if it can't be parsed, 4001 if it names a property that can't be queried.
    """
    if not company.traits.typographic_quotes_in_queries and (place := _TYPOGRAPHIC.search(text)):
        raise lexical_error(text, place.start())
    statement = parse(text, company.entities)
    entity = company.entities[statement.entity]
    statement = _checked(entity, statement)
    numbered = frozenset({"SyncToken"}) if company.traits.ids_compare_as_texts else _NUMBERED
    key = partial(_key, numbered)
    source = _source(company, entity, now)
    found = [
        each for each in _candidates(company, entity, statement, source) if _matches(each, statement, key)
    ]
    if statement.count:
        return {"QueryResponse": {"totalCount": len(found)}}
    page = _ordered(company, entity, found, statement, key, source)[statement.start - 1 :][: statement.rows]
    if not page:
        return {"QueryResponse": {}}
    response: Fields = {
        statement.entity: [_projected(entity, source.shown(each), statement) for each in page],
        **({} if entity.single else {"startPosition": statement.start}),
        "maxResults": len(page),
    }
    if entity.counted:
        response["totalCount"] = len(found)
    return {"QueryResponse": response}


def _checked(entity: Entity, statement: Statement) -> Statement:
    """Refuse properties that an entity does not have, and filters by those that can't be filtered by."""
    for path in (*statement.fields, *(field for field, _ in statement.order)):
        _property(entity, path)
    return replace(
        statement, conditions=tuple(_condition(entity, condition) for condition in statement.conditions)
    )


def _condition(entity: Entity, condition: Condition) -> Condition:
    """Return a condition with its dates as objects have them.

    Raises:
        Fault: 4001 for a property that can't be filtered by, and for a date that is none; whether QuickBooks refuses
            such a date is not known.
    """
    found = _property(entity, condition.field)
    if not found.filterable:
        raise invalid(f"property '{condition.field}' is not queryable")
    is_day = isinstance(found.kind, Day)
    if condition.operator == "LIKE" or not (is_day or condition.field in _INSTANTS):
        return condition
    try:
        instants = [datetime.fromisoformat(value) for value in condition.values]
    except ValueError:
        raise invalid(f"Invalid value {', '.join(condition.values)} for property {condition.field}") from None
    return (
        replace(condition, values=tuple(each.date().isoformat() for each in instants))
        if is_day
        else condition
    )


def _property(entity: Entity, path: str) -> Property:
    """Return the property that a path such as `MetaData.CreateTime` names."""
    name, _, rest = path.partition(".")
    found = entity.properties.by_name.get(name)
    inner = found.kind if found is not None else None
    known = not rest or rest == "value" or (isinstance(inner, Group) and rest in inner.by_name)
    if found is None or not known:
        raise invalid(f"Property {path} not found for Entity {entity.name}")
    return found


class _Source(Struct, frozen=True):
    """The objects that a query reads.

    Attributes:
        lagging: The objects as they were shown some seconds ago; None if queries do not lag.
        calculated: Returns an object with the properties that follow from the books.
        shown: Returns an object as QuickBooks shows it.
    """

    lagging: list[Fields] | None
    calculated: Callable[[Fields], Fields]
    shown: Callable[[Fields], Fields]


def _source(company: Company, entity: Entity, now: datetime) -> _Source:
    if company.traits.query_lag_seconds:
        return _Source(company.lagging(entity.name, now), dict, dict)
    return _Source(
        None, lambda stored: {**stored, **entity.derived(company, stored)}, partial(company.shown, entity)
    )


def _candidates(company: Company, entity: Entity, statement: Statement, source: _Source) -> Iterator[Fields]:
    """Yield the objects that may match: by their Id or name where a condition has it, else all."""
    if source.lagging is not None:
        yield from source.lagging
        return
    calculated = any(condition.field in entity.derived_names for condition in statement.conditions)
    for identifier in _identifiers(company, entity, statement):
        stored = company.get(entity.name, identifier)
        if stored is not None:
            yield source.calculated(stored) if calculated else stored


def _identifiers(company: Company, entity: Entity, statement: Statement) -> Iterable[str]:
    for condition in statement.conditions:
        if condition.operator not in {"=", "IN"}:
            continue
        if condition.field == "Id":
            return dict.fromkeys(each.lstrip("0") if each.isdecimal() else each for each in condition.values)
        if entity.naming is not None and condition.field == entity.naming.field and entity.naming.alone:
            return company.names.of(entity, condition.values)
    return list(company.objects[entity.name])


def _matches(fields: Fields, statement: Statement, key: _Key) -> bool:
    asked = any(condition.field == "Active" for condition in statement.conditions)
    if fields.get("Active") is False and not asked:
        return False
    return all(_meets(_asked(fields, condition.field), condition, key) for condition in statement.conditions)


def _asked(fields: Fields, path: str) -> Any:
    """Return the value that a condition asks for; an entry of a list that is shown without `Active` is active."""
    value = _value(fields, path)
    return True if value is None and path == "Active" else value


def _value(fields: Fields, path: str) -> Any:
    value: Any = fields
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return next((value[name] for name in ("value", "Address", "FreeFormNumber") if name in value), None)
    return value


def _meets(value: Any, condition: Condition, key: _Key) -> bool:
    if value is None:
        return condition.operator == "!="
    if condition.operator == "IN":
        if isinstance(value, bool):  # asked of every row of a list: at most two values
            return str(value).casefold() in {wanted.casefold() for wanted in condition.values}
        return any(_order(key, condition.field, value, wanted) == 0 for wanted in condition.values)
    wanted = condition.values[0]
    if condition.operator == "LIKE":
        return _is_like(str(value).casefold(), wanted.casefold())
    order = _order(key, condition.field, value, wanted)
    return {
        "=": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[condition.operator]


def _is_like(text: str, pattern: str) -> bool:
    """Return whether a text has the form of a pattern, in which % is any text."""
    first, *rest = pattern.split("%")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first):
        return False
    place = len(first)
    for part in middle:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return len(text) - len(last) >= place and text.endswith(last)


def _order(key: _Key, field: str, value: Any, wanted: str) -> int:
    """Return whether a value is less than (-1), the same as (0) or more than (1) the wanted one."""
    left, right = key(field, value, value), key(field, wanted, value)
    return (left > right) - (left < right)


def _key(numbered: frozenset[str], field: str, value: Any, like: Any) -> tuple[int, Decimal, str]:
    """Return the key that a value is compared by, in the type of another: a number, an instant, or a text."""
    if field.startswith("MetaData."):
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            pass
        else:
            instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
            return (0, Decimal(str(instant.timestamp())), "")
    if field in numbered or (isinstance(like, int | Decimal) and not isinstance(like, bool)):
        try:
            number = Decimal(value)
        except ArithmeticError:
            pass
        else:
            if number.is_finite():
                return (0, number, "")
    return (1, Decimal(0), str(value).casefold())


def _ordered(
    company: Company, entity: Entity, found: list[Fields], statement: Statement, key: _Key, source: _Source
) -> list[Fields]:
    if not statement.order:
        # As recorded: transactions by their last change, the newest first; lists by name, capital letters first.
        if entity.is_transaction:
            return sorted(found, key=lambda e: (e["MetaData"]["LastUpdatedTime"], int(e["Id"])), reverse=True)
        return sorted(found, key=lambda e: entity.order(company, e))
    calculated = any(field in entity.derived_names for field, _ in statement.order)
    rows = [(each, source.calculated(each) if calculated else each) for each in found]
    for field, descending in reversed(statement.order):
        values = {id(row): _value(row[1], field) for row in rows}
        # Not documented: rows without a value come before the others.
        rows.sort(
            key=lambda row: (values[id(row)] is not None, key(field, values[id(row)], values[id(row)])),
            reverse=descending,
        )
    return [each for each, _ in rows]


def _projected(entity: Entity, shown: Fields, statement: Statement) -> Fields:
    named = {field.partition(".")[0] for field in statement.fields if field != "*"}
    if statement.all_fields:
        wanted = {name: shown[name] for name in named if name in shown}
        return {**entity.answered("query", shown), **wanted}
    return {name: value for name, value in shown.items() if name in named | _ALWAYS_SELECTED}
