"""It is known which keys encrypt secrets, and which are retired."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the keys by their ids; those in use are put there when a process starts with them."""
    op.create_table(
        "token_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("first_used_at", INSTANT, nullable=False),
        sa.Column("retired_at", INSTANT),
        sa.Column("retired_by", sa.Text),
    )
