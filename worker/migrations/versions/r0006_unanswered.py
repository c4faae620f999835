"""What QuickBooks does not answer, and companies that it refuses wholly."""

import sqlalchemy as sa
from alembic import op

from events.log.tables import UtcInstant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Count sends and look-ups in vain, keep the invoice that a person named, and the gate of a company."""
    op.add_column("commands", sa.Column("sends", sa.Integer, nullable=False, server_default="0"))
    op.add_column("commands", sa.Column("look_ups", sa.Integer, nullable=False, server_default="0"))
    op.add_column("commands", sa.Column("named_id", sa.Text))
    op.add_column("realms", sa.Column("gate", sa.Text))
    op.add_column("realms", sa.Column("gate_since", UtcInstant))
