"""Store the headers of a dead letter: without them, a message in binary mode can't be sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the headers; those of earlier dead letters are unknown."""
    op.add_column("dead_letters", sa.Column("headers", sa.Text))
