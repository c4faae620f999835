"""The tables of the log; every other room adds its own to the same metadata."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData()


class UtcInstant(TypeDecorator[datetime]):
    """An instant: timezone-aware and UTC in Python, whatever the database keeps."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """Refuse an instant without a zone; store the others in UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError("An instant needs a time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """Give UTC back."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


Position = sa.BigInteger().with_variant(sa.Integer, "sqlite")

log = sa.Table(
    "events",
    metadata,
    sa.Column("position", Position, primary_key=True, autoincrement=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("topic", sa.Text),
    sa.Column("time", UtcInstant, nullable=False),
    sa.Column("recorded_at", UtcInstant, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("extensions", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.UniqueConstraint("workspace", "source", "id", name="events_identity"),
    sa.Index("events_stream", "workspace", "stream", "position"),
    sa.Index("events_topic", "topic", "workspace", "position"),
    sqlite_autoincrement=True,
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", Position, nullable=False),
    sa.Column("holder", sa.Text),
    sa.Column("leased_until", UtcInstant),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("number", Position, primary_key=True, autoincrement=True),
    sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
    sa.Column("workspace", sa.Text),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("field", sa.Text),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("raw_bytes", sa.BigInteger, nullable=False),
    sa.Column("seen", sa.Integer, nullable=False),
    sa.Column("first_seen_at", UtcInstant, nullable=False),
    sa.Column("last_seen_at", UtcInstant, nullable=False),
    sa.Column("headers", sa.Text),
    sqlite_autoincrement=True,
)

kafka_offsets = sa.Table(
    "kafka_offsets",
    metadata,
    sa.Column("group", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
    sa.Column("updated_at", UtcInstant, nullable=False),
)
