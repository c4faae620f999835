"""Which deal a dead letter is about: a deal without an invoice says what of it could not be used."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the deal; earlier dead letters are found by their workspace only."""
    op.add_column("dead_letters", sa.Column("deal", sa.Text))
    op.create_index("dead_letters_deal", "dead_letters", ["workspace", "deal"])
