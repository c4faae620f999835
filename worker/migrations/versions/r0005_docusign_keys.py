"""DocuSign's keys are told apart by a hint, and say when a message fitted them last."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what is shown of a key; of those that were made here before nobody knows a hint."""
    op.add_column("docusign_keys", sa.Column("hint", sa.Text, nullable=False, server_default=""))
    op.add_column("docusign_keys", sa.Column("verified_at", sa.DateTime(timezone=True)))
