"""The read model of mappings: the QuickBooks customer of each account, and the item of each product."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.log.tables import Position
from projections import rows
from projections.fold import Fold, Key
from projections.projection import Projection
from projections.seen import Happened

VERSION = 1
table = rows.table(
    "mappings",
    VERSION,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("target", sa.Text),
    sa.Column("target_name", sa.Text),
    sa.Column("by", sa.Text),
    sa.Column("problem", sa.Text),
    sa.Column("position", Position, nullable=False),
)
mappings = rows.live(table)


class MappingRow(Struct, gc=False):
    """The mapping of an account to a customer, or of a product to an item (`target`).

    `status` is unmapped, requested, mapped or refused.
    """

    name: str | None = None
    revision: int = -1
    status: str = "unmapped"
    target: str | None = None
    target_name: str | None = None
    by: str | None = None
    problem: str | None = None
    position: int = 0


def _account(event: Happened) -> list[Key]:
    return [(event.workspace, "account", event.payload.account_id)]


def _product(event: Happened) -> list[Key]:
    return [(event.workspace, "product", event.payload.product_id)]


def _products_of_quote(event: Happened) -> Iterable[Key]:
    quote = event.payload.quote
    return {(event.workspace, "product", line.product_id) for line in quote.lines} if quote else ()


def _refused(event: Happened) -> list[Key]:
    kind, _, of = event.stream.partition("/")
    return [(event.workspace, kind, of)] if kind in {"account", "product"} else []


def _fold(row: MappingRow, key: Key, events: Sequence[Happened]) -> None:  # noqa: C901 - a branch a type
    """Apply the events of an account or product to its row; the last quote has the product's current name."""
    quoted = None
    for event in events:
        kind, payload = event.type, event.payload
        if kind == catalog.DEAL_UPDATED:
            quoted = payload.quote
        elif kind == catalog.ACCOUNT_UPDATED:
            if payload.revision > row.revision:
                row.name, row.revision = payload.name, payload.revision
        elif kind in {catalog.CUSTOMER_REQUESTED, catalog.ITEM_REQUESTED}:
            row.status = row.status if row.status == "mapped" else "requested"
            row.by, row.problem = payload.by, None
        elif kind == catalog.ACCOUNT_MAPPED:
            row.status, row.target, row.target_name = "mapped", payload.customer_id, None
            row.by = payload.by
        elif kind == catalog.PRODUCT_MAPPED:
            row.status, row.target, row.target_name = "mapped", payload.item_id, None
            row.by = payload.by
        elif kind == catalog.ITEM_COMMANDED:
            row.status = "requested"
        elif kind == catalog.CUSTOMER_CREATED:
            row.status, row.target, row.target_name = "mapped", payload.customer_id, payload.display_name
            row.problem = None
        elif kind == catalog.ITEM_CREATED and row.status != "mapped":  # or a person has mapped it meanwhile
            row.status, row.target, row.target_name = "mapped", payload.item_id, payload.name
            row.problem = None
        elif kind == catalog.COMMAND_REJECTED:
            row.status, row.problem = "refused", payload.message
    if quoted is not None:
        row.name = next(line.name for line in quoted.lines if line.product_id == key[-1])
    row.position = events[-1].position


_FOLD = Fold(
    table=table,
    row=MappingRow,
    keys={
        catalog.DEAL_UPDATED: _products_of_quote,
        catalog.ACCOUNT_UPDATED: _account,
        catalog.CUSTOMER_REQUESTED: _account,
        catalog.ACCOUNT_MAPPED: _account,
        catalog.CUSTOMER_CREATED: _account,
        catalog.ITEM_REQUESTED: _product,
        catalog.ITEM_COMMANDED: _product,
        catalog.PRODUCT_MAPPED: _product,
        catalog.ITEM_CREATED: _product,
        catalog.COMMAND_REJECTED: _refused,
    },
    fold=_fold,
)
MAPPINGS = Projection("mappings", VERSION, (_FOLD,))
