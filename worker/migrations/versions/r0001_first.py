"""The tables of the log, of commands, connections, workspaces and the process manager's state."""

from functools import partial

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Written out rather than imported: a revision's tables never change.
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.DateTime(timezone=True)

# Before the first revision, each table was created when a command first used it; so a file may have any of them.
_table = partial(op.create_table, if_not_exists=True)
_index = partial(op.create_index, if_not_exists=True)


def upgrade() -> None:
    """Create the tables."""
    _events()
    _commands()
    _tenants()
    _process()


def _events() -> None:
    _table(
        "events",
        sa.Column("position", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("topic", sa.Text),
        sa.Column("time", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("extensions", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.UniqueConstraint("workspace", "source", "id", name="events_identity"),
        sqlite_autoincrement=True,
    )
    _index("events_stream", "events", ["workspace", "stream", "position"])
    _index("events_topic", "events", ["topic", "workspace", "position"])
    _table(
        "subscriptions",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("leased_until", INSTANT),
    )
    _table(
        "dead_letters",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
        sa.Column("workspace", sa.Text),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("field", sa.Text),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("raw_bytes", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sqlite_autoincrement=True,
    )


def _commands() -> None:
    _table(
        "commands",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("cause_id", sa.Text, nullable=False),
        sa.Column("cause_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("leased_until", INSTANT),
        sa.Column("sent_body", sa.Text),
        sa.Column("first_sent_at", INSTANT),
        sa.Column("last_sent_at", INSTANT),
        sa.Column("problem", sa.Text),
        sa.UniqueConstraint("workspace", "subject", "kind", "part", "generation", name="commands_key"),
    )
    _index("commands_due", "commands", ["status", "realm", "due_at"])
    _table(
        "realms",
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("connected", sa.Boolean, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("not_before", INSTANT),
        sa.Column("refused_since", INSTANT),
    )


def _tenants() -> None:
    _table(
        "tokens",
        sa.Column("realm", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("expired", sa.Boolean, nullable=False),
        sa.Column("access_expires_at", INSTANT, nullable=False),
        sa.Column("refresh_expires_at", INSTANT, nullable=False),
        sa.Column("lease_holder", sa.Text),
        sa.Column("leased_until", INSTANT),
    )
    _table(
        "oauth_states",
        sa.Column("state_hash", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    _table(
        "workspaces",
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    _table(
        "api_tokens",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, sa.ForeignKey("workspaces.workspace"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    _table(
        "docusign_keys",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("workspace", sa.Text, sa.ForeignKey("workspaces.workspace"), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )


def _process() -> None:
    _table(
        "process_state",
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("data", sa.Text, nullable=False),
    )
    _table(
        "process_waits",
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, primary_key=True),
    )
    _index("process_waits_stream", "process_waits", ["workspace", "stream"])
