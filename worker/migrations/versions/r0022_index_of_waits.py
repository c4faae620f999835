"""Index the streams' waits by key too, since SQLite prefers any index that has every column."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the key to the index: without it, SQLite reads all waiting streams of a workspace."""
    op.drop_index("process_waits_stream", "process_waits")
    op.create_index("process_waits_stream", "process_waits", ["workspace", "stream", "key"])
