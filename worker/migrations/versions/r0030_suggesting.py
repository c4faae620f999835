"""Add the tables of suggesting: accounts with their suggestions, companies, and changed customers."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "suggesting_accounts",
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column(
            "account_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True
        ),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("due", sa.Boolean, nullable=False),
    )
    op.create_index(
        "suggesting_accounts_due",
        "suggesting_accounts",
        ["due", "workspace", "account_id"],
        postgresql_where=sa.text("due"),
        sqlite_where=sa.text("due = 1"),
    )
    op.create_table(
        "suggesting_companies",
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("is_first", sa.Boolean, nullable=False),
        sa.Column("connected", sa.Boolean, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("turn", NUMBER, nullable=False),
        sa.Column("matcher", sa.Integer, nullable=False),
        sa.Column("swept", sa.Text),
    )
    op.create_table(
        "suggesting_customers",
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
    )
