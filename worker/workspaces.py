"""Workspaces: whose events are whose. API tokens are kept hashed, DocuSign keys encrypted."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events.clock import Entropy
from events.locks import Lock, hold
from events.statements import Statement
from events.tables import Position, UtcInstant, metadata
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

docusign_keys = sa.Table(
    "docusign_keys",
    metadata,
    sa.Column("number", Position, primary_key=True),
    sa.Column("workspace", sa.Text, sa.ForeignKey("workspaces.workspace"), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
)


_DOCUSIGN_KEYS = Statement(
    sa.select(docusign_keys.c.sealed)
    .select_from(workspaces.outerjoin(docusign_keys))
    .where(workspaces.c.workspace == sa.bindparam("name"))
    .order_by(docusign_keys.c.number)
)


class WorkspaceInvalid(Exception):
    """A workspace's name does not fit, or it exists already."""


class NewSecrets(Struct, frozen=True):
    """What a new workspace's people need; shown once."""

    token: str
    docusign_key: str


def new_secrets(entropy: Entropy) -> NewSecrets:
    """Make an API token and a DocuSign key."""
    return NewSecrets(token=f"q2c_{entropy.token()}", docusign_key=entropy.token())


def add(connection: sa.Connection, name: str, token: str, sealed_key: bytes, now: datetime) -> None:
    """Add a workspace with its first token and DocuSign key.

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
    connection.execute(docusign_keys.insert().values(workspace=name, sealed=sealed_key, created_at=now))


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


def sealed_docusign_keys(connection: sa.Connection, name: str) -> Sequence[bytes] | None:
    """Return the DocuSign keys of a workspace, as they were sealed; None if there is no such workspace."""
    found = [sealed for (sealed,) in _DOCUSIGN_KEYS.rows(connection, {"name": name})]
    return [sealed for sealed in found if sealed is not None] if found else None


def token_hash(token: str) -> str:
    """Hash a token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
