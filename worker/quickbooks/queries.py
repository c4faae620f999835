"""Write statements of QuickBooks' query language, with every literal quoted."""

import re
from collections.abc import Collection, Iterator, Sequence

Condition = tuple[str, str, str | tuple[bool, ...] | tuple[str, ...]]
PAGE_ROWS_MAX = 1000
# Intuit names no limit of a list of values. The rows of so many Ids fit on one page and into the 20 MB of an answer.
IDS_MAX = 250
# The entities that are never deleted, but made inactive: a query returns inactive ones only if it asks for them.
NAME_LISTS = frozenset(
    [
        *(
            "Account",
            "Class",
            "CompanyCurrency",
            "Customer",
            "Department",
            "Employee",
            "Item",
            "PaymentMethod",
        ),
        *("TaxCode", "TaxRate", "Term", "Vendor"),
    ]
)
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
    return f"SELECT {', '.join(fields)} FROM {entity}{_where(where)} ORDERBY Id STARTPOSITION {start} MAXRESULTS {rows}"  # noqa: S608 - literals are quoted, names are ours


def count(entity: str, where: Sequence[Condition] = ()) -> str:
    """Count the objects that meet the conditions."""
    return f"SELECT COUNT(*) FROM {entity}{_where(where)}"  # noqa: S608 - as above


def everything_of(entity: str) -> tuple[Condition, ...]:
    """Return the conditions of a query for all objects of an entity, inactive ones included."""
    return (ACTIVE_OR_NOT,) if entity in NAME_LISTS else ()


def by_ids(entity: str, ids: Collection[str], *, fields: Sequence[str] = ("*",)) -> Iterator[str]:
    """Yield the queries that return the objects with certain Ids, inactive ones included: one for each 250 Ids."""
    wanted = tuple(dict.fromkeys(ids))
    for start in range(0, len(wanted), IDS_MAX):
        some: Condition = ("Id", "IN", wanted[start : start + IDS_MAX])
        yield select(entity, [some, *everything_of(entity)], fields=fields)


def _where(conditions: Sequence[Condition]) -> str:
    written = " AND ".join(f"{field} {operator} {_literal(value)}" for field, operator, value in conditions)
    return f" WHERE {written}" if written else ""


def _literal(value: str | tuple[bool, ...] | tuple[str, ...]) -> str:
    """Write the value that a field is compared with: texts and numbers are quoted, booleans are not."""
    if isinstance(value, str):
        return quoted(value)
    return f"({', '.join(quoted(one) if isinstance(one, str) else str(one).lower() for one in value)})"


def quoted(value: str) -> str:
    """Quote a literal; an apostrophe is escaped by a backslash."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def pattern(text: str) -> str:
    """Write a text as a pattern for LIKE with a wildcard for each character that is hard to quote; others may match too.

    The query language may lack characters such as curly quotes, however they are quoted.
    """
    return _HARD_TO_QUOTE.sub("%", text)
