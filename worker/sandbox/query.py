"""QuickBooks' query language: tokens, a statement, its rows."""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from worker.sandbox.company import ENTITIES, TRANSACTIONS, Company, Entity
from worker.sandbox.faults import Fault

ROWS_DEFAULT = 100
ROWS_MAX = 1000
_TOKEN = re.compile(r"\s*(?:('(?:\\.|[^'\\])*')|(<=|>=|!=|=|<|>|,|\(|\)|\*)|([A-Za-z0-9_.+:-]+))")
_OPERATORS = frozenset({"=", "<", ">", "<=", ">=", "!=", "IN", "LIKE"})
_COUNTED = frozenset({"Invoice", "CreditMemo"} & TRANSACTIONS)
_NOT_QUERYABLE = frozenset({"PrivateNote", "CustomerTypeRef", "Notes", "Line", "CustomerMemo"})
_BY_NAME = {"Customer": "DisplayName", "Vendor": "DisplayName", "Employee": "DisplayName"}


class Condition(Struct, frozen=True):
    """One comparison; several are joined by AND."""

    field: str
    operator: str
    values: tuple[str, ...]


class Statement(Struct, frozen=True):
    """A parsed SELECT. No fields means all of them."""

    entity: str
    fields: tuple[str, ...] = ()
    count: bool = False
    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    start: int = 1
    rows: int = ROWS_DEFAULT


def run(company: Company, text: str) -> Entity:
    """Run a statement.

    Raises:
        Fault: 4000 if it can't be parsed, 4001 if it names what can't be queried.
    """
    statement = parse(text)
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


def parse(text: str) -> Statement:
    """Parse a statement.

    Raises:
        Fault: 4000 or 4001.
    """
    return _Parser(text).statement()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, int]] = []
        self._next = 0
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            found = _TOKEN.match(stripped, position)
            if found is None:
                raise self._error(position)
            start = found.start(found.lastindex or 0)
            self._tokens.append((stripped[start : found.end()], start))
            position = found.end()

    def statement(self) -> Statement:
        self._keyword("SELECT")
        fields, count = self._fields()
        self._keyword("FROM")
        entity = self._entity()
        conditions: list[Condition] = []
        if self._accept("WHERE"):
            conditions.append(self._condition())
            while self._accept("AND"):
                conditions.append(self._condition())
        order: list[tuple[str, bool]] = []
        start, rows = 1, ROWS_DEFAULT
        while self._peek() is not None:
            if self._accept("ORDERBY") or (self._accept("ORDER") and self._keyword("BY")):
                order = self._order()
            elif self._accept("STARTPOSITION"):
                start = self._number(1, "STARTPOSITION")
            elif self._accept("MAXRESULTS"):
                rows = min(self._number(1, "MAXRESULTS"), ROWS_MAX)
            else:
                raise self._error()
        return Statement(entity, tuple(fields), count, tuple(conditions), tuple(order), start, rows)

    def _fields(self) -> tuple[list[str], bool]:
        if self._accept("COUNT"):
            for symbol in ("(", "*", ")"):
                self._keyword(symbol)
            return [], True
        fields = [self._word()]
        while self._accept(","):
            fields.append(self._word())
        return ([] if "*" in fields else fields), False

    def _entity(self) -> str:
        word = self._word()
        found = next((entity for entity in ENTITIES if entity.casefold() == word.casefold()), None)
        if found is None:
            raise _invalid(f"Metadata not found for Entity: {word}")
        return found

    def _condition(self) -> Condition:
        field = self._word()
        if field.partition(".")[0] in _NOT_QUERYABLE:
            raise _invalid(f"Property {field} not found for Entity, or property '{field}' is not queryable")
        operator = self._word().upper()
        if operator not in _OPERATORS:
            raise self._error(back=True)
        if operator != "IN":
            return Condition(field, operator, (self._literal(),))
        self._keyword("(")
        values = [self._literal()]
        while self._accept(","):
            values.append(self._literal())
        self._keyword(")")
        return Condition(field, operator, tuple(values))

    def _order(self) -> list[tuple[str, bool]]:
        order = []
        while True:
            field = self._word()
            descending = bool(self._accept("DESC"))
            if not descending:
                self._accept("ASC")
            order.append((field, descending))
            if not self._accept(","):
                return order

    def _literal(self) -> str:
        token = self._word()
        if token.startswith("'"):
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        if token.lower() in {"true", "false"}:
            return token.lower()
        raise self._error(back=True)

    def _number(self, minimum: int, name: str) -> int:
        token = self._word()
        if not token.isdecimal():
            raise self._error(back=True)
        if int(token) < minimum:
            raise _invalid(f"{name} should be greater than or equal to {minimum}")
        return int(token)

    def _peek(self) -> str | None:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else None

    def _word(self) -> str:
        token = self._peek()
        if token is None:
            raise self._error()
        self._next += 1
        return token

    def _accept(self, keyword: str) -> bool:
        token = self._peek()
        if token is None or token.upper() != keyword:
            return False
        self._next += 1
        return True

    def _keyword(self, keyword: str) -> bool:
        if not self._accept(keyword):
            raise self._error()
        return True

    def _error(self, position: int | None = None, *, back: bool = False) -> Fault:
        index = self._next - 1 if back else self._next
        if position is None:
            position = self._tokens[index][1] if index < len(self._tokens) else len(self._text)
        shown = self._text[position : position + 20] or "<EOF>"
        return Fault(
            "4000",
            "Error parsing query",
            f'QueryParserError: Encountered " {shown} at line 1, column {position + 1}.',
        )


def _invalid(detail: str) -> Fault:
    return Fault("4001", "Invalid query", f"QueryValidationError: {detail}")


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
        return any(_compared(value, wanted) == 0 for wanted in condition.values)
    wanted = condition.values[0]
    if condition.operator == "LIKE":
        pattern = "".join(".*" if part == "%" else re.escape(part) for part in re.split("(%)", wanted))
        return re.fullmatch(pattern, str(value), re.IGNORECASE | re.DOTALL) is not None
    order = _compared(value, wanted)
    return {
        "=": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[condition.operator]


def _compared(value: Any, wanted: str) -> int:
    if isinstance(value, bool):
        left, right = str(value).lower(), wanted.lower()
        return (left > right) - (left < right)
    if isinstance(value, int | Decimal) or str(value).isdecimal():
        try:
            number = Decimal(wanted)
        except InvalidOperation:
            pass
        else:
            return (Decimal(value) > number) - (Decimal(value) < number)
    left, right = str(value).casefold(), wanted.casefold()
    return (left > right) - (left < right)


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
        ordered.sort(key=lambda e: _sort_key(_value(e, field)), reverse=descending)
    return ordered


def _sort_key(value: Any) -> tuple[int, Decimal, str]:
    if isinstance(value, int | Decimal) or str(value).isdecimal():
        return (0, Decimal(value), "")
    return (1, Decimal(0), str(value).casefold())


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
