"""The table of workspaces. Each is a tenant: every event belongs to one."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from events.contract.values import Workspace
from events.database.locks import Lock, acquire
from events.errors import UserError
from events.log.tables import UtcInstant, metadata
from worker.workspaces import api_tokens

workspaces = sa.Table(
    "workspaces",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("created_at", UtcInstant, nullable=False),
)


class WorkspaceInvalid(UserError):
    """A workspace's name is invalid, or the workspace exists already."""


def add(connection: sa.Connection, name: str, token: str, now: datetime, by: str | None = None) -> None:
    """Add a workspace with its first token, which has every scope.

    Raises:
        WorkspaceInvalid: The name is invalid, or the workspace exists already.
    """
    try:
        msgspec.convert(name, Workspace)
    except msgspec.ValidationError as error:
        raise WorkspaceInvalid(
            f"A workspace's name can have lower-case letters, digits, - and _; {name!r} is invalid"
        ) from error
    acquire(connection, Lock.TENANTS)
    if exists(connection, name):
        raise WorkspaceInvalid(f"Workspace {name!r} already exists")
    connection.execute(workspaces.insert().values(workspace=name, created_at=now))
    api_tokens.add(connection, name, token, now, by=by)


def exists(connection: sa.Connection, name: str) -> bool:
    """Return whether the workspace exists."""
    statement = sa.select(workspaces.c.workspace).where(workspaces.c.workspace == name)
    return connection.scalar(statement) is not None


def names(connection: sa.Connection) -> Sequence[str]:
    """Return the names of all workspaces, in order."""
    return connection.scalars(sa.select(workspaces.c.workspace).order_by(workspaces.c.workspace)).all()
