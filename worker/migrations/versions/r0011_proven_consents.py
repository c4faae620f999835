"""Connect a company only after QuickBooks has answered with the tokens; bind consents to a browser."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"

INSTANT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add pending grants; consents under way have no cookie, so people have to start them again."""
    op.create_table(
        "consent_links",
        sa.Column("link_hash", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    op.create_table(
        "pending_grants",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("other_company", sa.Boolean, nullable=False),
        sa.Column("superseded", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("problem", sa.Text),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("leased_until", INSTANT),
    )
    op.add_column("oauth_states", sa.Column("cookie_hash", sa.Text))
