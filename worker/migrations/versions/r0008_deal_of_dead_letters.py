"""Store the deal that a dead letter is about, so that a deal without an invoice shows its dead letters."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the deal; earlier dead letters can only be found by their workspace."""
    op.add_column("dead_letters", sa.Column("deal", sa.Text))
    op.create_index("dead_letters_deal", "dead_letters", ["workspace", "deal"])
