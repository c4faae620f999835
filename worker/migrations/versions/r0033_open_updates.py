"""Index open updates apart from all other open commands, so that a claim reads only the rows that it takes of either."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

OPEN = "status IN ('ready', 'leased', 'uncertain')"
KINDS = {
    "commands_open": "(kind NOT IN ('update_customer'))",
    "commands_updates_open": "kind IN ('update_customer')",
}


def upgrade() -> None:
    """Replace the index by two."""
    op.drop_index("commands_open", "commands")
    for name, kinds in KINDS.items():
        which = sa.text(f"{OPEN} AND {kinds}")
        op.create_index(
            name,
            "commands",
            ["realm", "due_at", "created_at", "request_id"],
            postgresql_where=which,
            sqlite_where=which,
        )
