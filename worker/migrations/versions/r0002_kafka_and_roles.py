"""Store Kafka's offsets, and the dispatcher that leases a company."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables and columns that several processes need to share their work."""
    op.create_table(
        "kafka_offsets",
        sa.Column("group", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
    )
    op.add_column("realms", sa.Column("holder", sa.Text))
    op.add_column("realms", sa.Column("held_until", INSTANT))
