"""Add the customers that may belong to no account, and whether a company's customers are offered to the CRM."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("suggesting_companies", sa.Column("offering", NUMBER))
    op.create_table(
        "suggesting_unowned",
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
    )
