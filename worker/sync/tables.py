"""The tables of sync: what was observed, what was noticed, and how far each company and each of its lists was read."""

import sqlalchemy as sa

from events.log.tables import Position, UtcInstant, metadata

# The last observed version of each object in QuickBooks. `content` is the kept fields as JSON, `fate` is present, gone or
# unreadable, `refers_to` names the object that a change of which may change this one, and `reading` the last full
# reading that met the object.
observed = sa.Table(
    "observed",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("entity_id", sa.Text, primary_key=True),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("sync_token", sa.BigInteger, nullable=False),
    sa.Column("updated_at", UtcInstant),
    sa.Column("asked_at", UtcInstant, nullable=False),
    sa.Column("fate", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("refers_to", sa.Text),
    sa.Column("reading", sa.Integer, nullable=False),
    # Partial, and the only other index: while statistics are missing, PostgreSQL would use any index that begins like the
    # primary key, and look through all objects of a company for each.
    sa.Index(
        "observed_refers_to",
        "realm",
        "refers_to",
        postgresql_where=sa.text("refers_to IS NOT NULL"),
        sqlite_where=sa.text("refers_to IS NOT NULL"),
    ),
)

# The objects that are noticed to have changed and are still to be fetched: any number of notices of one object are one
# row, and `position` is that of the last.
sync_notices = sa.Table(
    "sync_notices",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("entity_id", sa.Text, primary_key=True),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("changed_at", UtcInstant),
    sa.Column("position", Position, nullable=False),
    sa.Column("noticed_at", UtcInstant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("not_before", UtcInstant, nullable=False),
    sa.Column("survivor", sa.Text),
    sa.Index("sync_notices_due", "realm", "not_before"),
)

# A company's sync. `since` is the instant, by QuickBooks' clock, from which changes are not yet known, `wanted` the kind of sync that was asked
# for by the event at `wanted_position`, and `reading` the number of the last full reading. `mode`, `began_at`, `serves` and
# `swept` are of the sync that runs, if one does; `serves` is the position of the last event that asked for it. `missed_at` is when a change was found that no webhook had announced.
sync_companies = sa.Table(
    "sync_companies",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("holder", sa.Text),
    sa.Column("leased_until", UtcInstant),
    sa.Column("since", UtcInstant),
    sa.Column("lists_read_at", UtcInstant),
    sa.Column("noticed_at", UtcInstant),
    sa.Column("missed_at", UtcInstant),
    sa.Column("last_sync", UtcInstant),
    sa.Column("next_sync", UtcInstant, nullable=False),
    sa.Column("not_before", UtcInstant, nullable=False),
    sa.Column("wanted", sa.Text),
    sa.Column("wanted_position", Position, nullable=False),
    sa.Column("mode", sa.Text),
    sa.Column("began_at", UtcInstant),
    sa.Column("serves", Position, nullable=False),
    sa.Column("swept", sa.Boolean, nullable=False),
    sa.Column("reading", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("problem", sa.Text),
)

# The reading of every object of one kind, page by page: `cursor` says where it goes on, and is null after the last page. `kept`
# is the version of the fields that were kept.
sync_readings = sa.Table(
    "sync_readings",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("kept", sa.Integer, nullable=False),
    sa.Column("reading", sa.Integer, nullable=False),
    sa.Column("cursor", sa.Text),
    sa.Column("read", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("total", sa.Integer),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("problem", sa.Text),
)
