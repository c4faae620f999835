"""Store unanswered requests to QuickBooks, and companies that it refuses."""

import sqlalchemy as sa
from alembic import op

from events.log.tables import UtcInstant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add counts of unanswered sends and look-ups, the invoice that a person named, and the gate of a company."""
    op.add_column("commands", sa.Column("sends", sa.Integer, nullable=False, server_default="0"))
    op.add_column("commands", sa.Column("look_ups", sa.Integer, nullable=False, server_default="0"))
    op.add_column("commands", sa.Column("named_id", sa.Text))
    op.add_column("realms", sa.Column("gate", sa.Text))
    op.add_column("realms", sa.Column("gate_since", UtcInstant))
