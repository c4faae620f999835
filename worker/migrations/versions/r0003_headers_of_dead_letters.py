"""What came beside the bytes of a dead letter: without it, one in binary mode can't be sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the headers; of earlier dead letters nobody knows them."""
    op.add_column("dead_letters", sa.Column("headers", sa.Text))
