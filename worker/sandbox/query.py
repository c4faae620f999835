"""The rows that a statement of QuickBooks' query language selects from a company's books."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from worker.sandbox import invoices, lists
from worker.sandbox.company import TRANSACTIONS, Company, Entity
from worker.sandbox.statements import Condition, Statement, invalid, lexical_error, parse

_COUNTED = frozenset({"Invoice", "CreditMemo"} & TRANSACTIONS)
_NOT_QUERYABLE = frozenset({"PrivateNote", "CustomerTypeRef", "Notes", "Line", "CustomerMemo"})
_TYPOGRAPHIC = re.compile("[\u2018\u2019\u201c\u201d]")
_NUMBERED = frozenset({"Id", "SyncToken"})  # texts that hold numbers; unlike "007" in a name
_BY_NAME = {"Customer": "DisplayName", "Vendor": "DisplayName", "Employee": "DisplayName"}
_PROPERTIES = {**lists.PROPERTIES, "Invoice": invoices.PROPERTIES}


def run(company: Company, text: str) -> Entity:
    """Run a statement.

    Raises:
        Fault: 4000 if it can't be parsed, 4001 if it names what can't be queried.
    """
    if not company.traits.typographic_quotes_in_queries and (place := _TYPOGRAPHIC.search(text)):
        raise lexical_error(text, place.start())
    statement = parse(text)
    _check_properties(statement)
    matching = [entity for entity in company.every(statement.entity) if _matches(entity, statement)]
    if statement.count:
        return {"QueryResponse": {"totalCount": len(matching)}}
    ordered = _ordered(matching, statement)
    page = ordered[statement.start - 1 : statement.start - 1 + statement.rows]
    if not page:
        return {"QueryResponse": {}}
    response: Entity = {
        statement.entity: [_projected(entity, statement.fields) for entity in page],
        "startPosition": statement.start,
        "maxResults": len(page),
    }
    if statement.entity in _COUNTED:
        response["totalCount"] = len(matching)
    return {"QueryResponse": response}


def _check_properties(statement: Statement) -> None:
    known = _PROPERTIES.get(statement.entity)
    filters = [condition.field for condition in statement.conditions]
    for path in (*filters, *statement.fields, *(field for field, _ in statement.order)):
        if known is not None and path.partition(".")[0] not in known:
            raise invalid(f"Property {path} not found for Entity {statement.entity}")
    for path in filters:
        if path.partition(".")[0] in _NOT_QUERYABLE:
            raise invalid(f"property '{path}' is not queryable")


def _matches(entity: Entity, statement: Statement) -> bool:
    asked = any(condition.field.casefold() == "active" for condition in statement.conditions)
    if entity.get("Active") is False and not asked:
        return False
    return all(_meets(_value(entity, condition.field), condition) for condition in statement.conditions)


def _value(entity: Entity, path: str) -> Any:
    value: Any = entity
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, dict) and "value" in value:
        return value["value"]
    return value


def _meets(value: Any, condition: Condition) -> bool:
    if value is None:
        return condition.operator == "!="
    if condition.operator == "IN":
        return any(_order(condition.field, value, wanted) == 0 for wanted in condition.values)
    wanted = condition.values[0]
    if condition.operator == "LIKE":
        pattern = "".join(".*" if part == "%" else re.escape(part) for part in re.split("(%)", wanted))
        return re.fullmatch(pattern, str(value), re.IGNORECASE | re.DOTALL) is not None
    order = _order(condition.field, value, wanted)
    return {
        "=": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[condition.operator]


def _order(field: str, value: Any, wanted: str) -> int:
    """Say whether a value is less than (-1), the same as (0) or more than (1) what is wanted."""
    left, right = _key(field, value), _key(field, wanted, like=value)
    return (left > right) - (left < right)


def _key(field: str, value: Any, like: Any = None) -> tuple[int, Decimal, str]:
    """Return what a value is compared by: numbers and ids as numbers, instants as instants, all else as text."""
    if field.startswith("MetaData."):
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            pass
        else:
            instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
            return (0, Decimal(str(instant.timestamp())), "")
    kind = value if like is None else like
    if field in _NUMBERED or (isinstance(kind, int | Decimal) and not isinstance(kind, bool)):
        try:
            number = Decimal(value)
        except ArithmeticError:
            pass
        else:
            if number.is_finite():
                return (0, number, "")
    return (1, Decimal(0), str(value).casefold())


def _ordered(entities: Iterable[Entity], statement: Statement) -> list[Entity]:
    ordered = list(entities)
    if not statement.order:
        # As recorded: transactions by their last change, the newest first; lists by name.
        if statement.entity in TRANSACTIONS:
            return sorted(
                ordered, key=lambda e: (e["MetaData"]["LastUpdatedTime"], int(e["Id"])), reverse=True
            )
        name = _BY_NAME.get(statement.entity, "Name")
        return sorted(ordered, key=lambda e: str(e.get(name, "")).casefold())
    for field, descending in reversed(statement.order):
        ordered.sort(key=lambda e: _key(field, _value(e, field)), reverse=descending)
    return ordered


def _projected(entity: Entity, fields: tuple[str, ...]) -> Entity:
    if not fields:
        return entity
    wanted = {field.partition(".")[0].casefold() for field in fields} | {
        "id",
        "synctoken",
        "domain",
        "sparse",
    }
    return {name: value for name, value in entity.items() if name.casefold() in wanted}
