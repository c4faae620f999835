"""Count the dead letters of each workspace, to limit them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0012"

KEPT = """
UPDATE dead_letters SET
  account = CASE WHEN workspace IN (SELECT workspace FROM workspaces) THEN workspace ELSE '' END,
  kept_bytes = CASE WHEN raw_bytes > 1048576 THEN 1048576 ELSE raw_bytes END + COALESCE(LENGTH(headers), 0)
"""
COUNTED = """
INSERT INTO dead_letter_totals (account, letters, bytes, places, refused)
SELECT account, COUNT(*), SUM(kept_bytes), 0, 0 FROM dead_letters GROUP BY account
"""


def upgrade() -> None:
    """Add the totals, and count the existing dead letters."""
    op.create_table(
        "dead_letter_totals",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("letters", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("places", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("full_since", sa.DateTime(timezone=True)),
    )
    op.add_column("dead_letters", sa.Column("account", sa.Text, nullable=False, server_default=""))
    op.add_column("dead_letters", sa.Column("kept_bytes", sa.BigInteger))
    op.create_index("dead_letters_account", "dead_letters", ["account", "number"])
    op.execute(KEPT)
    op.execute(COUNTED)
