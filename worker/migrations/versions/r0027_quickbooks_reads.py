"""Count reads of QuickBooks by month and company."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0024"


def upgrade() -> None:
    """Add the table of counts."""
    op.create_table(
        "quickbooks_reads",
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("reads", sa.BigInteger, nullable=False),
    )
