"""A company whose time zone nobody knows has none, rather than UTC."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Let a time zone be missing; those that were taken for granted are read anew, or chosen."""
    with op.batch_alter_table("realms") as realms:
        realms.alter_column("time_zone", existing_type=sa.Text, nullable=True)
