"""Store the sync frequency of each company, for the scheduler."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add the frequency, and the instant after which the next sync is due; until a person changes it, it is real time."""
    op.add_column("realms", sa.Column("sync_frequency", sa.Text, nullable=False, server_default="real_time"))
    op.add_column("realms", sa.Column("batches_since", sa.DateTime(timezone=True)))
