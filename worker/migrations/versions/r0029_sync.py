"""Add the tables of sync: observed versions, notices, companies and readings."""

from functools import partial

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.DateTime(timezone=True)
_needed = partial(sa.Column, nullable=False)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "observed",
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("entity_id", sa.Text, primary_key=True),
        _needed("ordinal", sa.Integer),
        _needed("sync_token", sa.BigInteger),
        sa.Column("updated_at", INSTANT),
        _needed("asked_at", INSTANT),
        _needed("fate", sa.Text),
        _needed("content", sa.Text),
        sa.Column("refers_to", sa.Text),
        _needed("reading", sa.Integer),
    )
    refers = sa.text("refers_to IS NOT NULL")
    op.create_index(
        "observed_refers_to",
        "observed",
        ["realm", "refers_to"],
        postgresql_where=refers,
        sqlite_where=refers,
    )
    op.create_table(
        "sync_notices",
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("entity_id", sa.Text, primary_key=True),
        _needed("operation", sa.Text),
        sa.Column("changed_at", INSTANT),
        _needed("position", NUMBER),
        _needed("noticed_at", INSTANT),
        _needed("attempts", sa.Integer),
        _needed("not_before", INSTANT),
        sa.Column("survivor", sa.Text),
    )
    op.create_index("sync_notices_due", "sync_notices", ["realm", "not_before"])
    op.create_table(
        "sync_companies",
        sa.Column("realm", sa.Text, primary_key=True),
        _needed("workspace", sa.Text),
        sa.Column("holder", sa.Text),
        sa.Column("leased_until", INSTANT),
        sa.Column("since", INSTANT),
        sa.Column("lists_read_at", INSTANT),
        sa.Column("noticed_at", INSTANT),
        sa.Column("missed_at", INSTANT),
        sa.Column("last_sync", INSTANT),
        _needed("next_sync", INSTANT),
        _needed("not_before", INSTANT),
        sa.Column("wanted", sa.Text),
        _needed("wanted_position", NUMBER),
        sa.Column("mode", sa.Text),
        sa.Column("began_at", INSTANT),
        _needed("serves", NUMBER),
        _needed("swept", sa.Boolean),
        _needed("reading", sa.Integer),
        _needed("failures", sa.Integer),
        sa.Column("problem", sa.Text),
    )
    op.create_table(
        "sync_readings",
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("entity", sa.Text, primary_key=True),
        _needed("kept", sa.Integer),
        _needed("reading", sa.Integer),
        sa.Column("cursor", sa.Text),
        _needed("read", sa.Integer),
        _needed("changed", sa.Integer),
        sa.Column("total", sa.Integer),
        _needed("complete", sa.Boolean),
        sa.Column("problem", sa.Text),
    )
