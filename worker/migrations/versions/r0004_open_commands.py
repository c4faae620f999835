"""Index each company's open commands in the order in which they are claimed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

OPEN = sa.text("status IN ('ready', 'leased', 'uncertain')")


def upgrade() -> None:
    """Add the index, so that a claim reads only the rows that it takes."""
    op.create_index(
        "commands_open",
        "commands",
        ["realm", "due_at", "created_at", "request_id"],
        postgresql_where=OPEN,
        sqlite_where=OPEN,
    )
