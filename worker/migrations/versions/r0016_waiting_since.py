"""Since when commands, companies and grants wait: what began to wait before a clock was set back waits no more."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add when the end of each wait was decided; of what waits already nobody knows it."""
    op.add_column("commands", sa.Column("waits_since", INSTANT))
    op.add_column("realms", sa.Column("waits_since", INSTANT))
    op.add_column("pending_grants", sa.Column("waits_since", INSTANT))
