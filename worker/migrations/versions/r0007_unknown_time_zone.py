"""Let a company's time zone be unknown, instead of UTC."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Allow a missing time zone; a new reading or a person's choice replaces an assumed one."""
    with op.batch_alter_table("realms") as realms:
        realms.alter_column("time_zone", existing_type=sa.Text, nullable=True)
