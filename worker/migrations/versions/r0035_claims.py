"""Index open commands so that a claim reads few more rows than it takes, with or without PostgreSQL's statistics."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"

REPLACED = ("commands_open", "commands_updates_open", "commands_due")
OPEN = "status IN ('ready', 'leased', 'uncertain')"
INDEXES = {
    "commands_open": (["realm", "workspace", "yields", "due_at", "created_at", "request_id"], OPEN),
    "commands_open_subjects": (["subject", "workspace", "realm"], OPEN),
    "commands_leased": (["realm"], "status = 'leased'"),
}


def upgrade() -> None:
    """Mark updates, which yield to other commands, and replace the indexes of open commands."""
    op.add_column("commands", sa.Column("yields", sa.Boolean, nullable=False, server_default=sa.false()))
    commands = sa.table("commands", sa.column("kind", sa.Text), sa.column("yields", sa.Boolean))
    op.execute(commands.update().where(commands.c.kind == "update_customer").values(yields=True))
    for name in REPLACED:
        op.drop_index(name, "commands")
    for name, (columns, which) in INDEXES.items():
        op.create_index(
            name, "commands", columns, postgresql_where=sa.text(which), sqlite_where=sa.text(which)
        )
