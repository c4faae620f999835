"""Consents under way: the address that starts a consent, and the state of its callback.

Each works once, within ten minutes, and is stored hashed. A state belongs to the browser that opened the address: it is
accepted only with that browser's cookie.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from events import leases
from events.log.tables import UtcInstant, metadata

CONSENT_MINUTES = 10
GOOD_FOR = timedelta(minutes=CONSENT_MINUTES)
REALM = re.compile(r"[0-9]{1,20}")

consent_links = sa.Table(
    "consent_links",
    metadata,
    sa.Column("link_hash", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("started_by", sa.Text),
    sa.Column("another_company", sa.Boolean, nullable=False, server_default=sa.false()),
)

oauth_states = sa.Table(
    "oauth_states",
    metadata,
    sa.Column("state_hash", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("cookie_hash", sa.Text),
    sa.Column("started_by", sa.Text),
    sa.Column("another_company", sa.Boolean, nullable=False, server_default=sa.false()),
)


class ConsentRefused(Exception):
    """The consent did not lead to a connection; the message has the reason and the remedy."""


class StartedConsent(Struct, frozen=True):
    """A consent under way.

    Attributes:
        workspace: The workspace to be connected.
        started_by: The person who began it, such as `cli:ada`; None if it began before that was stored.
        another_company: Whether it may connect another company than the workspace had before.
    """

    workspace: str
    started_by: str | None = None
    another_company: bool = False


def create_link(connection: sa.Connection, link: str, consent: StartedConsent, now: datetime) -> None:
    """Store the address that starts a consent; delete expired ones."""
    for table in (consent_links, oauth_states):
        connection.execute(table.delete().where(table.c.created_at <= _oldest(now)))
    connection.execute(
        consent_links.insert().values(link_hash=hashed(link), created_at=now, **asdict(consent))
    )


def is_link(connection: sa.Connection, link: str, now: datetime) -> bool:
    """Return whether an address can be opened now."""
    return connection.scalar(sa.select(consent_links.c.workspace).where(*_good(link, now))) is not None


def open_link(connection: sa.Connection, link: str, state: str, cookie: str, now: datetime) -> None:
    """Spend the address that starts a consent, and store the state and the cookie for its callback.

    Raises:
        ConsentRefused: The address is unknown, was already opened, or is older than ten minutes.
    """
    row = connection.execute(sa.select(*_of_consent(consent_links)).where(*_good(link, now))).first()
    spent = connection.execute(consent_links.delete().where(consent_links.c.link_hash == hashed(link)))
    if row is None or spent.rowcount != 1:
        raise ConsentRefused(
            "This address has expired, or was already opened; q2c connect prints a new one, which works once"
        )
    connection.execute(
        oauth_states.insert().values(
            state_hash=hashed(state),
            created_at=now,
            cookie_hash=hashed(cookie),
            **asdict(StartedConsent(*row)),
        )
    )


def redeem_state(connection: sa.Connection, state: str, cookie: str | None, now: datetime) -> StartedConsent:
    """Spend a state in the browser that it belongs to; return its consent.

    Raises:
        ConsentRefused: The state is unknown, was already used, or is too old; or it belongs to another browser, and is
            not spent.
    """
    of_state = oauth_states.c.state_hash == hashed(state)
    row = connection.execute(sa.select(oauth_states).where(of_state)).first()
    if row is not None and (cookie is None or row.cookie_hash != hashed(cookie)):
        raise ConsentRefused(
            "This consent was started in another browser, or this browser blocks cookies; continue in the browser where"
            " it was started, or start again with q2c connect"
        )
    spent = connection.execute(oauth_states.delete().where(of_state)).rowcount == 1
    if row is None or not spent or not leases.is_active(row.created_at + GOOD_FOR, GOOD_FOR, now):
        raise ConsentRefused(
            "This consent has expired, or was already used; q2c log shows its result, and q2c connect starts a new one"
        )
    return StartedConsent(row.workspace, row.started_by, row.another_company)


def hashed(secret: str) -> str:
    """Hash a secret of 256 random bits, for which a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _of_consent(table: sa.Table) -> tuple[sa.Column[Any], ...]:
    return tuple(table.c[name] for name in StartedConsent.__struct_fields__)


def _good(link: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    # The condition of `leases.is_active`: a link made later than now was made before the clock was set back.
    created_at = consent_links.c.created_at
    is_new = sa.and_(created_at > _oldest(now), created_at <= leases.latest_end(timedelta(0), now))
    return consent_links.c.link_hash == hashed(link), is_new


def _oldest(now: datetime) -> datetime:
    return now - GOOD_FOR
