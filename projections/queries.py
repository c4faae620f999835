"""Queries of the read models, each a plain function of a connection.

A list is read page by page: each page has the rows after a key, in the order of that key. Keys never change, so despite
writes between two pages, no row that exists throughout is missing or returned twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog, json
from events.log.tables import log as events
from projections.deals import deals
from projections.integration_log import integration_log
from projections.invoices import invoices
from projections.mappings import mappings, suggestion

Row = dict[str, Any]
Key = Sequence[str | int]
ROWS_MAX = 1000

# The fields by which each list is ordered.
DEALS_KEY = ("deal",)
INVOICES_KEY = ("deal", "part", "generation", "realm", "invoice_id")
MAPPINGS_KEY = ("kind", "id")
LOG_KEY = ("position",)

_OF_NO_DEAL: dict[str, str | int] = {"deal": "", "part": 0, "generation": 0}  # invoices of no deal come first
_BY_PEOPLE = [name for name, kind in catalog.TYPES.items() if "by" in kind.payload.__struct_fields__]


class DealsWanted(Struct, frozen=True):
    """The filters of a list of deals; a deal has to meet every filter that is set.

    `text` is part of the deal's ID, its name or its account's name. `changed_after` is a position of the log.
    """

    stage: str | None = None
    gate: str | None = None
    account: str | None = None
    text: str | None = None
    updated_since: datetime | None = None
    changed_after: int = 0
    deal: str | None = None


class InvoicesWanted(Struct, frozen=True):
    """The filters of a list of invoices; an invoice has to meet every filter that is set. Both ends of `dated` are included."""

    deal: str | None = None
    status: str | None = None
    customer: str | None = None
    doc_number: str | None = None
    dated_from: date | None = None
    dated_to: date | None = None
    due_before: date | None = None


class MappingsWanted(Struct, frozen=True):
    """The filters of a list of mappings; a mapping has to meet every filter that is set.

    `text` is part of its id or name; `state` is suggested, mapped, ignored or unmatched.
    """

    kind: str | None = None
    status: str | None = None
    text: str | None = None
    state: str | None = None


class LogWanted(Struct, frozen=True):
    """The filters of the integration log; an entry has to meet every filter that is set.

    `about` is a stream such as `account/A-9`, `kind` its kind such as `account`, and `type` a type of event.
    """

    after: int = 0
    deal: str | None = None
    about: str | None = None
    kind: str | None = None
    type: str | None = None
    level: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    order: Literal["oldest", "newest"] = "oldest"


class _Actor(Struct):
    by: str | None = None


def list_deals(
    connection: sa.Connection,
    workspace: str,
    limit: int = ROWS_MAX,
    wanted: DealsWanted = DealsWanted(),  # noqa: B008 - it is frozen
    after: Key | None = None,
) -> list[Row]:
    """Return the deals of a workspace with the names of their accounts and customers, their unmet gates and invoices."""
    account = mappings.alias("account")
    statement = (
        sa.select(deals, account.c.name.label("account_name"), account.c.target.label("customer"))
        .outerjoin(
            account,
            sa.and_(
                account.c.workspace == deals.c.workspace,
                account.c.kind == "account",
                account.c.id == deals.c.account,
            ),
        )
        .where(deals.c.workspace == workspace, deals.c.position > wanted.changed_after)
        .where(*_equal(deals.c, wanted, "deal", "stage", "gate", "account"))
        .where(*_holding(wanted.text, deals.c.deal, deals.c.name, account.c.name))
    )
    if wanted.updated_since is not None:
        statement = statement.where(deals.c.updated_at >= wanted.updated_since)
    found = _page(connection, statement, [deals.c.deal], after, limit)
    return [
        {**row, **{name: json.parse(row[name].encode()) for name in ("gates", "invoices")}} for row in found
    ]


def list_invoices(
    connection: sa.Connection,
    workspace: str,
    limit: int = ROWS_MAX,
    wanted: InvoicesWanted = InvoicesWanted(),  # noqa: B008 - it is frozen
    after: Key | None = None,
) -> list[Row]:
    """Return the invoices of a workspace."""
    columns = invoices.c
    statement = (
        sa.select(invoices)
        .where(columns.workspace == workspace)
        .where(*_equal(columns, wanted, "deal", "status", "customer", "doc_number"))
    )
    if wanted.dated_from is not None:
        statement = statement.where(columns.txn_date >= wanted.dated_from)
    if wanted.dated_to is not None:
        statement = statement.where(columns.txn_date <= wanted.dated_to)
    if wanted.due_before is not None:
        statement = statement.where(columns.due_date < wanted.due_before)
    key = [
        sa.func.coalesce(columns[name], _OF_NO_DEAL[name]) if name in _OF_NO_DEAL else columns[name]
        for name in INVOICES_KEY
    ]
    return _page(connection, statement, key, after, limit)


def list_mappings(
    connection: sa.Connection,
    workspace: str,
    limit: int = ROWS_MAX,
    wanted: MappingsWanted = MappingsWanted(),  # noqa: B008 - it is frozen
    after: Key | None = None,
) -> list[Row]:
    """Return the mappings of a workspace's accounts and products."""
    columns = mappings.c
    statement = (
        sa.select(mappings)
        .where(columns.workspace == workspace)
        .where(*_equal(columns, wanted, "kind", "status", "state"))
        .where(*_holding(wanted.text, columns.id, columns.name))
    )
    found = _page(connection, statement, [columns[name] for name in MAPPINGS_KEY], after, limit)
    return [{**row, "suggestion": _suggestion(row["kind"], row["suggestion"])} for row in found]


def _suggestion(kind: str, text: str | None) -> Row | None:
    """Return the suggested customer or item, or the nearest ones if none is good enough, as people read it; None without any."""
    if text is None:
        return None
    suggested = suggestion(text)
    best = suggested.best
    names = {each.target: each.name for each in suggested.candidates}
    target, name = (best.target, best.name) if best else (None, None)
    is_item = kind == "product"
    return {
        "verdict": suggested.verdict,
        "customer": None if is_item else target,
        "customer_name": None if is_item else name,
        "item": target if is_item else None,
        "item_name": name if is_item else None,
        "score": best.score if best else None,
        "margin": suggested.margin if best else None,
        "reasons": list(best.reasons) if best else [],
        "runner_up": suggested.runner_up,
        "runner_up_name": names.get(suggested.runner_up or ""),
        "duplicate": suggested.duplicate,
        "nearest": [] if best else list(names.values()),
        "matcher": suggested.matcher,
    }


def list_log(
    connection: sa.Connection,
    workspace: str,
    limit: int = ROWS_MAX,
    wanted: LogWanted = LogWanted(),  # noqa: B008 - it is frozen
    after: Key | None = None,
) -> list[Row]:
    """Return entries of the integration log, each with the type of its event, and the person who caused it, if any."""
    columns = integration_log.c
    statement = (
        sa.select(
            integration_log,
            events.c.type,
            sa.case((events.c.type.in_(_BY_PEOPLE), events.c.data)).label("data"),
        )
        .join(events, events.c.position == columns.position)
        .where(columns.workspace == workspace, columns.position > wanted.after)
        .where(*_equal(columns, wanted, "about", "level"))
    )
    if wanted.deal is not None:
        statement = statement.where(columns.about == f"deal/{wanted.deal}")
    if wanted.kind is not None:
        of_kind = columns.about.startswith(f"{wanted.kind}/", autoescape=True)
        statement = statement.where(sa.or_(columns.about == wanted.kind, of_kind))
    if wanted.type is not None:
        statement = statement.where(events.c.type == wanted.type)
    if wanted.since is not None:
        statement = statement.where(columns.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(columns.at < wanted.until)
    newest = wanted.order == "newest"
    found = _page(connection, statement, [columns.position], after, limit, descending=newest)
    for row in found:
        data = row.pop("data")
        row["by"] = None if data is None else msgspec.json.decode(data, type=_Actor).by
    return found


def key_of(row: Row, names: Iterable[str]) -> Key:
    """Return the key of a row: its values of the fields by which its list is ordered."""
    return [_OF_NO_DEAL[name] if row[name] is None else row[name] for name in names]


def _equal(columns: Any, wanted: Struct, *names: str) -> Iterator[sa.ColumnElement[bool]]:
    for name in names:
        value = getattr(wanted, name)
        if value is not None:
            yield columns[name] == value


def _holding(text: str | None, *columns: sa.ColumnElement[str]) -> Iterable[sa.ColumnElement[bool]]:
    """Return the condition that one of the columns contains a text, in any case; no condition if the text is None."""
    if text is None:
        return []
    return [sa.or_(*(sa.func.lower(column).contains(text.lower(), autoescape=True) for column in columns))]


def _page(
    connection: sa.Connection,
    statement: sa.Select[Any],
    key: Sequence[sa.ColumnElement[Any]],
    after: Key | None,
    limit: int,
    *,
    descending: bool = False,
) -> list[Row]:
    if after is not None:
        values = sa.tuple_(
            *(sa.literal(value, column.type) for value, column in zip(after, key, strict=True))
        )
        place = sa.tuple_(*key)
        statement = statement.where(place < values if descending else place > values)
    ordered = statement.order_by(*(column.desc() if descending else column for column in key))
    found = [dict(row) for row in connection.execute(ordered.limit(limit)).mappings()]
    return [{name: value for name, value in row.items() if name != "workspace"} for row in found]
