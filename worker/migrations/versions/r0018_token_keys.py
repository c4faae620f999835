"""Store the keys that encrypt secrets, and the retired ones, by their IDs."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table; a process adds its keys when it starts."""
    op.create_table(
        "token_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("first_used_at", INSTANT, nullable=False),
        sa.Column("retired_at", INSTANT),
        sa.Column("retired_by", sa.Text),
    )
