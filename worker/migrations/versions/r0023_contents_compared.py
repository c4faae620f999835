"""Drop the hash of an event's content: contents are compared when an identity repeats."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Drop the column; SQLite rewrites the table."""
    op.drop_column("events", "content_hash")
