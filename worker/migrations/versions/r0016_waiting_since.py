"""Store since when commands, companies and grants wait, so that a wait from before a clock was set back ends."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the beginning of each wait; that of existing waits is unknown."""
    op.add_column("commands", sa.Column("waits_since", INSTANT))
    op.add_column("realms", sa.Column("waits_since", INSTANT))
    op.add_column("pending_grants", sa.Column("waits_since", INSTANT))
