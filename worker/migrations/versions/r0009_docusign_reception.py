"""Count DocuSign's messages by outcome."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table of counts."""
    op.create_table(
        "docusign_reception",
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("first_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("since", INSTANT),
    )
