"""Store numbers, labels, scopes and dates of tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

INSTANT = sa.DateTime(timezone=True)
_NUMBERED = """
    UPDATE api_tokens SET number = (
        SELECT count(*) FROM api_tokens AS others
        WHERE others.workspace = api_tokens.workspace
        AND (others.created_at < api_tokens.created_at
             OR (others.created_at = api_tokens.created_at AND others.token_hash <= api_tokens.token_hash))
    )
"""


def upgrade() -> None:
    """Add the columns; existing tokens get every scope, as before."""
    op.add_column("api_tokens", sa.Column("number", sa.Integer, nullable=False, server_default="1"))
    op.add_column("api_tokens", sa.Column("label", sa.Text))
    op.add_column("api_tokens", sa.Column("hint", sa.Text, nullable=False, server_default="…"))
    scopes = sa.Column("scopes", sa.Text, nullable=False, server_default="produce read act")
    op.add_column("api_tokens", scopes)
    op.add_column("api_tokens", sa.Column("created_by", sa.Text))
    op.add_column("api_tokens", sa.Column("last_used_at", INSTANT))
    op.add_column("api_tokens", sa.Column("revoked_at", INSTANT))
    op.add_column("api_tokens", sa.Column("revoked_by", sa.Text))
    op.execute(_NUMBERED)
    op.create_index("api_tokens_number", "api_tokens", ["workspace", "number"], unique=True)
