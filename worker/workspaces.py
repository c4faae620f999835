"""Workspaces: whose events are whose. API tokens are kept hashed."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from events.clock import Entropy
from events.locks import Lock, hold
from events.tables import UtcInstant, metadata
from events.values import Workspace

workspaces = sa.Table(
    "workspaces",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("created_at", UtcInstant, nullable=False),
)

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, sa.ForeignKey("workspaces.workspace"), nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
)


class WorkspaceInvalid(Exception):
    """A workspace's name does not fit, or it exists already."""


def new_token(entropy: Entropy) -> str:
    """Make an API token."""
    return f"q2c_{entropy.token()}"


def add(connection: sa.Connection, name: str, token: str, now: datetime) -> None:
    """Add a workspace with its first token.

    Raises:
        WorkspaceInvalid: The name does not fit, or there is such a workspace.
    """
    try:
        msgspec.convert(name, Workspace)
    except msgspec.ValidationError as error:
        raise WorkspaceInvalid(
            f"A workspace's name is lower-case letters, digits, - and _, not {name!r}"
        ) from error
    hold(connection, Lock.TENANTS)
    if exists(connection, name):
        raise WorkspaceInvalid(f"There is a workspace {name!r} already")
    connection.execute(workspaces.insert().values(workspace=name, created_at=now))
    connection.execute(
        api_tokens.insert().values(token_hash=token_hash(token), workspace=name, created_at=now)
    )


def exists(connection: sa.Connection, name: str) -> bool:
    """Say whether there is such a workspace."""
    statement = sa.select(workspaces.c.workspace).where(workspaces.c.workspace == name)
    return connection.scalar(statement) is not None


def names(connection: sa.Connection) -> Sequence[str]:
    """Return the names of all workspaces, in order."""
    return connection.scalars(sa.select(workspaces.c.workspace).order_by(workspaces.c.workspace)).all()


def of_token(connection: sa.Connection, token: str) -> str | None:
    """Return whose API token this is."""
    statement = sa.select(api_tokens.c.workspace).where(api_tokens.c.token_hash == token_hash(token))
    return connection.scalar(statement)


def token_hash(token: str) -> str:
    """Hash a token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
