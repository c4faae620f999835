"""Compare products with items, too: the tables of suggesting have streams, and are built again from the log."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Replace the tables, and let the subscription read the log again: products that were quoted before have to be known."""
    op.drop_table("suggesting_accounts")
    op.drop_table("suggesting_customers")
    op.execute(sa.text("DELETE FROM suggesting_companies"))
    op.execute(sa.text("DELETE FROM subscriptions WHERE name = 'matching'"))
    op.create_table(
        "suggesting_sought",
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("due", sa.Boolean, nullable=False),
    )
    op.create_index(
        "suggesting_sought_due",
        "suggesting_sought",
        ["due", "workspace", "stream"],
        postgresql_where=sa.text("due"),
        sqlite_where=sa.text("due = 1"),
    )
    op.create_table(
        "suggesting_changed",
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("entity_id", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
    )
