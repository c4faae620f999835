"""Queue changes that are reconsidered in portions, in the order of code points."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the queue; order the names of waiting streams by code points, as SQLite does."""
    op.create_table(
        "reconsiderations",
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("process_waits", "stream", type_=sa.Text(collation="C"))
