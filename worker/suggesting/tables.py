"""The tables of suggesting: accounts, companies, and customers whose changes are still to be compared."""

import sqlalchemy as sa

from events.log.tables import Position, metadata

# Compared by code points, as Python does: a portion begins after the last account of the one before.
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# `data` is an Entry as JSON; the customers of an account that is `due` are still to be compared with it.
suggesting_accounts = sa.Table(
    "suggesting_accounts",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("account_id", _NAME, primary_key=True),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("due", sa.Boolean, nullable=False),
    # Partial, and beginning with another column than the primary key, which PostgreSQL would otherwise leave aside.
    sa.Index(
        "suggesting_accounts_due",
        "due",
        "workspace",
        "account_id",
        postgresql_where=sa.text("due"),
        sqlite_where=sa.text("due = 1"),
    ),
)

# The companies of a workspace. `is_first` marks the first one that was connected, `complete` one whose customers were all
# read. `turn` rises with each portion, so that a process notices portions of others; `matcher` is the version of the
# matcher that compares. All accounts after `swept` are due; none if it is null.
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
)

# The customers that have changed since they were compared.
suggesting_customers = sa.Table(
    "suggesting_customers",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
)
