"""Find what a stream waits on in the index alone, since SQLite prefers any index that has every column."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the key to the index: without it, SQLite reads all that waits in a workspace."""
    op.drop_index("process_waits_stream", "process_waits")
    op.create_index("process_waits_stream", "process_waits", ["workspace", "stream", "key"])
