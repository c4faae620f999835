"""Write statements of QuickBooks' query language, with every literal quoted."""

import re
from collections.abc import Sequence

Condition = tuple[str, str, str | tuple[bool, ...]]
PAGE_ROWS_MAX = 1000
_HARD_TO_QUOTE = re.compile(r"[^A-Za-z0-9 ,.&()-]+")
ACTIVE_OR_NOT: Condition = (
    "Active",
    "IN",
    (True, False),
)  # without it, inactive rows of name lists are omitted


def select(
    entity: str,
    where: Sequence[Condition] = (),
    *,
    fields: Sequence[str] = ("*",),
    start: int = 1,
    rows: int = PAGE_ROWS_MAX,
) -> str:
    """Select a page in a stable order, inactive rows of name lists included by condition only."""
    conditions = " AND ".join(f"{field} {operator} {_literal(value)}" for field, operator, value in where)
    clause = f" WHERE {conditions}" if conditions else ""
    return (
        f"SELECT {', '.join(fields)} FROM {entity}{clause} ORDERBY Id STARTPOSITION {start} MAXRESULTS {rows}"  # noqa: S608 - literals are quoted, names are ours
    )


def _literal(value: str | tuple[bool, ...]) -> str:
    """Write the value that a field is compared with: texts and numbers are quoted, booleans are not."""
    if isinstance(value, str):
        return quoted(value)
    return f"({', '.join(str(one).lower() for one in value)})"


def quoted(value: str) -> str:
    """Quote a literal; an apostrophe is escaped by a backslash."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def pattern(text: str) -> str:
    """Write a text as a pattern for LIKE with a wildcard for each character that is hard to quote; others may match too.

    The query language may lack characters such as curly quotes, however they are quoted.
    """
    return _HARD_TO_QUOTE.sub("%", text)
