"""Store the life of a connection: who connected it, its plan, its refreshes, its final expiry, its end."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns; nothing of existing connections is known, and no consent under way may change the company."""
    for name in ("company", "plan", "connected_by", "alarm"):
        op.add_column("tokens", sa.Column(name, sa.Text))
    for name in ("connected_at", "refreshed_at", "hard_expires_at", "disconnected_at"):
        op.add_column("tokens", sa.Column(name, INSTANT))
    for table in ("consent_links", "oauth_states", "pending_grants"):
        op.add_column(table, sa.Column("started_by", sa.Text))
        op.add_column(
            table, sa.Column("another_company", sa.Boolean, nullable=False, server_default=sa.false())
        )
