"""Read models have tables for each version, and editions in them."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"

READ_MODELS = ("deals", "invoices", "mappings", "integration_log")


def upgrade() -> None:
    """Make room for the views that are called as the tables were; what was in these follows from the log."""
    for name in READ_MODELS:
        op.execute(f"DROP TABLE IF EXISTS {name}")
    subscriptions = sa.table("subscriptions", sa.column("name", sa.Text))
    op.execute(subscriptions.delete().where(subscriptions.c.name.in_(READ_MODELS)))
    op.add_column("subscriptions", sa.Column("edition", sa.BigInteger, nullable=False, server_default="0"))
