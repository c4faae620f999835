"""Reading the read models: one function a question, each a plain function of a connection."""

from typing import Any

import sqlalchemy as sa

from events.contract import json
from projections.deals import deals
from projections.integration_log import integration_log
from projections.invoices import invoices
from projections.mappings import mappings

Row = dict[str, Any]


def list_deals(connection: sa.Connection, workspace: str, limit: int = 1000) -> list[Row]:
    """Return the deals of a workspace with the names of their accounts and customers, and the unmet gates."""
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
        .where(deals.c.workspace == workspace)
        .order_by(deals.c.deal)
        .limit(limit)
    )
    return [{**row, "gates": json.parse(row["gates"].encode())} for row in _rows(connection, statement)]


def list_invoices(connection: sa.Connection, workspace: str, limit: int = 1000) -> list[Row]:
    """Return the invoices of a workspace."""
    statement = (
        sa.select(invoices)
        .where(invoices.c.workspace == workspace)
        .order_by(invoices.c.deal, invoices.c.part, invoices.c.generation)
        .limit(limit)
    )
    return _rows(connection, statement)


def list_mappings(connection: sa.Connection, workspace: str, limit: int = 1000) -> list[Row]:
    """Return which accounts and products are what in QuickBooks."""
    statement = (
        sa.select(mappings)
        .where(mappings.c.workspace == workspace)
        .order_by(mappings.c.kind, mappings.c.id)
        .limit(limit)
    )
    return _rows(connection, statement)


def list_log(
    connection: sa.Connection, workspace: str, *, after: int = 0, about: str | None = None, limit: int = 1000
) -> list[Row]:
    """Return the entries of the integration log, oldest first."""
    statement = (
        sa.select(integration_log)
        .where(integration_log.c.workspace == workspace, integration_log.c.position > after)
        .order_by(integration_log.c.position)
        .limit(limit)
    )
    if about is not None:
        statement = statement.where(integration_log.c.about == about)
    return _rows(connection, statement)


def _rows(connection: sa.Connection, statement: sa.Select[Any]) -> list[Row]:
    found = [dict(row) for row in connection.execute(statement).mappings()]
    return [{key: value for key, value in row.items() if key != "workspace"} for row in found]
