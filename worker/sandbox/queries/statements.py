"""QuickBooks' query language: from a text to a statement."""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from worker.sandbox.books.entity import Entity
from worker.sandbox.faults import Fault
from worker.sandbox.schema.kinds import Group

ROWS_DEFAULT = 100
ROWS_MAX = 1000
_TOKEN = re.compile(r"\s*(?:('(?:\\.|[^'\\])*')|(<=|>=|!=|=|<|>|,|\(|\)|\*)|([A-Za-z0-9_.+:-]+))")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_NUMBER = re.compile("[0-9]{1,9}")
_KEYWORDS = frozenset(
    [
        "SELECT",
        "FROM",
        "WHERE",
        "AND",
        "OR",
        "IN",
        "LIKE",
        "ORDER",
        "ORDERBY",
        "BY",
        "ASC",
        "DESC",
        "STARTPOSITION",
        "MAXRESULTS",
        "COUNT",
        "TRUE",
        "FALSE",
    ]
)
_OPERATORS = frozenset({"=", "<", ">", "<=", ">=", "!=", "IN", "LIKE"})


class Condition(Struct, frozen=True):
    """One comparison; several are joined by AND."""

    field: str
    operator: str
    values: tuple[str, ...]


class Statement(Struct, frozen=True):
    """A parsed SELECT; `all_fields` is the asterisk, beside which fields may be named."""

    entity: str
    fields: tuple[str, ...] = ()
    all_fields: bool = False
    count: bool = False
    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    start: int = 1
    rows: int = ROWS_DEFAULT


def parse(text: str, entities: Mapping[str, Entity]) -> Statement:
    """Parse a statement.

    Raises:
        Fault: 4000 or 4001.
    """
    return _Parser(text, entities).statement()


class _Parser:
    def __init__(self, text: str, entities: Mapping[str, Entity]) -> None:
        self._text = text
        self._entities = entities
        self._tokens: list[tuple[str, int]] = []
        self._next = 0
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            found = _TOKEN.match(stripped, position)
            if found is None:
                blank = len(stripped) - len(stripped[position:].lstrip())
                raise lexical_error(stripped, blank)
            start = found.start(found.lastindex or 0)
            self._tokens.append((stripped[start : found.end()], start))
            position = found.end()

    def statement(self) -> Statement:
        self._keyword("SELECT")
        fields, count = self._fields()
        self._keyword("FROM")
        entity = self._entity()
        described = self._entities[entity]
        conditions: list[Condition] = []
        if self._accept("WHERE"):
            conditions.append(self._condition(described))
            while self._accept("AND"):
                conditions.append(self._condition(described))
        order: list[tuple[str, bool]] = []
        start, rows = 1, ROWS_DEFAULT
        while self._peek() is not None:
            if self._accept("ORDERBY") or (self._accept("ORDER") and self._keyword("BY")):
                order = self._order(described)
            elif self._accept("STARTPOSITION"):
                start = self._number(1, "STARTPOSITION")
            elif self._accept("MAXRESULTS"):
                rows = min(self._number(1, "MAXRESULTS"), ROWS_MAX)
            else:
                raise self._error()
        named = tuple(_spelt(described, field) for field in fields if field != "*")
        everything = "*" in fields
        return Statement(entity, named, everything, count, tuple(conditions), tuple(order), start, rows)

    def _fields(self) -> tuple[list[str], bool]:
        if self._accept("COUNT"):
            for symbol in ("(", "*", ")"):
                self._keyword(symbol)
            return [], True
        fields = [self._field()]
        while self._accept(","):
            fields.append(self._field())
        return fields, False

    def _field(self) -> str:
        return "*" if self._accept("*") else self._name()

    def _entity(self) -> str:
        word = self._name()
        found = next((entity for entity in self._entities if entity.casefold() == word.casefold()), None)
        if found is None:
            raise invalid(f"Metadata not found for Entity: {word}")
        return found

    def _condition(self, entity: Entity) -> Condition:
        field = _spelt(entity, self._name())
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

    def _order(self, entity: Entity) -> list[tuple[str, bool]]:
        order = []
        while True:
            field = _spelt(entity, self._name())
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
        if not _NUMBER.fullmatch(token):
            raise self._error(back=True)
        if int(token) < minimum:
            raise invalid(f"{name} should be greater than or equal to {minimum}")
        return int(token)

    def _name(self) -> str:
        token = self._word()
        if not _NAME.fullmatch(token):
            raise self._error(back=True)
        return token

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

    def _error(self, *, back: bool = False) -> Fault:
        """Return the fault of an unexpected token, in the words of QuickBooks' parser."""
        index = self._next - 1 if back else self._next
        if index < len(self._tokens):
            token, position = self._tokens[index]
            shown = f'" {_kind_of(token)} "{token} ""'
        else:
            position, shown = len(self._text.rstrip()), '"<EOF>"'
        return Fault(
            "4000",
            "Error parsing query",
            f"QueryParserError: Encountered {shown} at line 1, column {position + 1}.",
            element=None,
        )


def _spelt(entity: Entity, path: str) -> str:
    """Return a property's path as the entity spells it; a statement may use other cases."""
    name, dot, rest = path.partition(".")
    name = _as_known(name, entity.properties.by_name)
    found = entity.properties.by_name.get(name)
    inner = found.kind.by_name if found is not None and isinstance(found.kind, Group) else ()
    return name + dot + _as_known(rest, inner)


def _as_known(name: str, names: Iterable[str]) -> str:
    return next((each for each in names if each.casefold() == name.casefold()), name)


def _kind_of(token: str) -> str:
    """Return the parser's name for the kind of a token."""
    if token.startswith("'"):
        return "<STRINGLITERAL>"
    if _NUMBER.fullmatch(token):
        return "<INTEGER>"
    if _NAME.fullmatch(token) and token.upper() not in _KEYWORDS:
        return "<IDENTIFIER>"
    return f'"{token.lower()}"'


def invalid(detail: str) -> Fault:
    """A statement names an entity, a property or a place that does not exist."""
    return Fault("4001", "Invalid query", f"QueryValidationError: {detail}", element=None)


def lexical_error(text: str, position: int) -> Fault:
    """A statement holds a character that the language does not have."""
    shown = f'Encountered: "{text[position]}" ({ord(text[position])}), after : "{text[:position][-20:]}"'
    return Fault(
        "4000",
        "Error parsing query",
        f"QueryParserError: Lexical error at line 1, column {position + 1}.  {shown}",
        element=None,
    )
