"""Customers that accounts were linked to wait on their accounts and on the settings of customer sync."""

import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

PAGE_ROWS = 1000
IN_STEP = "workspace/in_step"
_CUSTOMERS = sa.text(
    "SELECT workspace, stream, data FROM process_state WHERE stream LIKE 'customer/%'"
    " AND (workspace > :workspace OR (workspace = :workspace AND stream > :stream))"
    " ORDER BY workspace, stream LIMIT :limit"
)
_WAITS = sa.text(
    "INSERT INTO process_waits (workspace, key, stream) VALUES (:workspace, :key, :stream) ON CONFLICT DO NOTHING"
)


def upgrade() -> None:
    """Add the waits that a customer has since, as the process manager stores them when it next replaces its state."""
    connection = op.get_bind()
    workspace = stream = ""
    while rows := connection.execute(
        _CUSTOMERS, {"workspace": workspace, "stream": stream, "limit": PAGE_ROWS}
    ).all():
        added = [
            {"workspace": row.workspace, "key": key, "stream": row.stream}
            for row in rows
            for key in _keys(row.data)
        ]
        if added:
            connection.execute(_WAITS, added)
        workspace, stream = rows[-1].workspace, rows[-1].stream


def _keys(data: str) -> Iterator[str]:
    customer = json.loads(data)
    accounts = dict.fromkeys((*customer.get("accounts", ()), *customer.get("automatic", ())))
    if accounts:
        yield from (f"account/{account_id}" for account_id in accounts)
        yield IN_STEP
