"""Which QuickBooks customer an account is, and which item a product is."""

from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events import catalog
from events.envelope import Recorded
from events.tables import Position, metadata
from projections.fold import Fold, Key

mappings = sa.Table(
    "mappings",
    metadata,
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


class MappingRow(Struct, frozen=True):
    """An account or a product, and what it is in QuickBooks.

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


def _account(payload: Any) -> list[Key]:
    return [("account", payload.account_id)]


def _product(payload: Any) -> list[Key]:
    return [("product", payload.product_id)]


def _products_of_quote(payload: Any) -> list[Key]:
    return sorted({("product", line.product_id) for line in payload.quote.lines}) if payload.quote else []


def _refused(payload: Any) -> list[Key]:
    kinds = {"create_customer": "account", "create_item": "product"}
    return [(kinds[payload.kind], payload.subject)] if payload.kind in kinds else []


def _fold(row: MappingRow, key: Key, recorded: Recorded, payload: Any) -> MappingRow:
    kind = recorded.event.type
    if kind == catalog.DEAL_UPDATED:
        named = next(line.name for line in payload.quote.lines if line.product_id == key[1])
        row = replace(row, name=named)
    elif kind == catalog.ACCOUNT_UPDATED:
        if payload.revision > row.revision:
            row = replace(row, name=payload.name, revision=payload.revision)
    elif kind in {catalog.CUSTOMER_REQUESTED, catalog.ITEM_REQUESTED}:
        status = row.status if row.status == "mapped" else "requested"
        row = replace(row, status=status, by=payload.by, problem=None)
    elif kind == catalog.ACCOUNT_MAPPED:
        row = replace(row, status="mapped", target=payload.customer_id, target_name=None, by=payload.by)
    elif kind == catalog.PRODUCT_MAPPED:
        row = replace(row, status="mapped", target=payload.item_id, target_name=None, by=payload.by)
    elif kind == catalog.CUSTOMER_CREATED:
        row = replace(
            row, status="mapped", target=payload.customer_id, target_name=payload.display_name, problem=None
        )
    elif kind == catalog.ITEM_CREATED:
        row = replace(row, status="mapped", target=payload.item_id, target_name=payload.name, problem=None)
    elif kind == catalog.COMMAND_REJECTED:
        row = replace(row, status="refused", problem=payload.message)
    return replace(row, position=recorded.position)


MAPPINGS = Fold(
    name="mappings",
    table=mappings,
    row=MappingRow,
    keys={
        catalog.DEAL_UPDATED: _products_of_quote,
        catalog.ACCOUNT_UPDATED: _account,
        catalog.CUSTOMER_REQUESTED: _account,
        catalog.ACCOUNT_MAPPED: _account,
        catalog.CUSTOMER_CREATED: _account,
        catalog.ITEM_REQUESTED: _product,
        catalog.PRODUCT_MAPPED: _product,
        catalog.ITEM_CREATED: _product,
        catalog.COMMAND_REJECTED: _refused,
    },
    fold=_fold,
)
