"""Store a hint of each DocuSign key, and when it last verified a message."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; the hints of earlier keys are unknown."""
    op.add_column("docusign_keys", sa.Column("hint", sa.Text, nullable=False, server_default=""))
    op.add_column("docusign_keys", sa.Column("verified_at", sa.DateTime(timezone=True)))
