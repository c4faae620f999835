"""The tables of suggesting: accounts and products, companies, and customers and items whose changes are still to be compared."""

import sqlalchemy as sa

from events.log.tables import Position, metadata

# Compared by code points, as Python does: a portion begins after the last stream of the one before.
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# Accounts and products by their streams, such as `account/A-9`. `data` is an Entry as JSON; one that is `due` is still to be
# compared with the customers or items.
suggesting_sought = sa.Table(
    "suggesting_sought",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("stream", _NAME, primary_key=True),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("due", sa.Boolean, nullable=False),
    # Partial, and beginning with another column than the primary key, which PostgreSQL would otherwise leave aside.
    sa.Index(
        "suggesting_sought_due",
        "due",
        "workspace",
        "stream",
        postgresql_where=sa.text("due"),
        sqlite_where=sa.text("due = 1"),
    ),
)

# The companies of a workspace. `is_first` marks the first one that was connected, `complete` one whose lists were all
# read. `turn` rises with each portion, so that a process notices portions of others; `matcher` is the version of the
# matcher that compares. All streams after `swept` are due; none if it is null. `offering` is the number of the fact since
# which customers without an account are offered to the CRM; null if they are not.
suggesting_companies = sa.Table(
    "suggesting_companies",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("is_first", sa.Boolean, nullable=False),
    sa.Column("connected", sa.Boolean, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("turn", Position, nullable=False),
    sa.Column("matcher", sa.Integer, nullable=False),
    sa.Column("swept", sa.Text),
    sa.Column("offering", Position),
)

# The customers and items that have changed since they were compared; `entity` is QuickBooks' name of their kind.
suggesting_changed = sa.Table(
    "suggesting_changed",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("entity_id", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
)

# The customers that may belong to no account, still to be compared with all accounts.
suggesting_unowned = sa.Table(
    "suggesting_unowned",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
)
