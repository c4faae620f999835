"""Give each version of a read model its own tables, with editions."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"

READ_MODELS = ("deals", "invoices", "mappings", "integration_log")


def upgrade() -> None:
    """Drop the former tables, since views get their names; their rows follow from the log."""
    for name in READ_MODELS:
        op.execute(f"DROP TABLE IF EXISTS {name}")
    subscriptions = sa.table("subscriptions", sa.column("name", sa.Text))
    op.execute(subscriptions.delete().where(subscriptions.c.name.in_(READ_MODELS)))
    op.add_column("subscriptions", sa.Column("edition", sa.BigInteger, nullable=False, server_default="0"))
