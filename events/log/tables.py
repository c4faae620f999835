"""The tables of the log; other packages add their own tables to the same metadata."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData()
_WITHOUT_ZONE = len("2026-05-05 12:00:00.000000")


class UtcInstant(TypeDecorator[datetime]):
    """A column of instants: timezone-aware and in UTC in Python, on either database."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], object]:
        """Return a function that writes an instant in UTC, and refuses an instant without a zone."""
        return _written if dialect.name == "sqlite" else _zoned

    def result_processor(
        self, dialect: sa.Dialect, _coltype: object
    ) -> Callable[[str | None], datetime | None] | None:
        """Return a function that reads an instant in UTC; PostgreSQL's driver does so by itself."""
        return _read if dialect.name == "sqlite" else None


def _zoned(value: datetime | None) -> datetime | None:
    return None if value is None else _aware(value)


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("An instant needs a time zone")
    return value


@functools.lru_cache(maxsize=1024)  # what is stored together mostly has the same instants
def _written(value: datetime | None) -> str | None:
    """Write an instant as SQLAlchemy does on SQLite: `2026-05-05 12:00:00.000000`, which sorts by time."""
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = _aware(value).astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:_WITHOUT_ZONE]


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


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
    sa.Column("edition", sa.BigInteger, nullable=False, server_default="0"),
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
    sa.Column("deal", sa.Text),
    sa.Column("account", sa.Text, nullable=False, server_default=""),
    sa.Column("kept_bytes", sa.BigInteger),
    sa.Index("dead_letters_deal", "workspace", "deal"),
    sa.Index("dead_letters_account", "account", "number"),
    sqlite_autoincrement=True,
)

dead_letter_totals = sa.Table(
    "dead_letter_totals",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("letters", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("places", sa.BigInteger, nullable=False),
    sa.Column("refused", sa.BigInteger, nullable=False),
    sa.Column("full_since", UtcInstant),
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
