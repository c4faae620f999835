"""The queue of changes whose waiting streams are too many for one transaction.

If few streams wait on a changed stream, they are decided at once. If many do, the change is queued here, and the streams are
reconsidered portion by portion, each portion in its own transaction, as consequences of the event that made the change.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct

from events.database import bulk
from events.log.tables import metadata
from worker.quote_to_cash.store import process_waits

reconsiderations = sa.Table(
    "reconsiderations",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("stage", sa.Integer, nullable=False),
    sa.Column("after", sa.Text, nullable=False),
)


class Range(Struct, frozen=True):
    """The streams with names after one text and before another; `before` is None if there is no end."""

    after: str
    before: str | None


# Deals come last: the sentences of their gates depend on the commands for their account and products.
STAGES = (Range("", "deal/"), Range("deal0", None), Range("deal/", "deal0"))  # 0 is the character after /


class Reconsideration(Struct, frozen=True):
    """A queued change, and the last stream that was reconsidered for it.

    Attributes:
        workspace: The workspace of the streams.
        position: The position of the event that made the change.
        key: The key that has changed, such as `workspace/company` or `account/A-9`.
        stage: The current index in `STAGES`.
        after: The last stream of the stage that was reconsidered, or the beginning of the stage.
    """

    workspace: str
    position: int
    key: str
    stage: int = 0
    after: str = STAGES[0].after


_COLUMNS = tuple(reconsiderations.c[name] for name in Reconsideration.__struct_fields__)
_NEXT = (
    sa.select(*_COLUMNS)
    .where(reconsiderations.c.workspace == sa.bindparam("workspace_"))
    .order_by(reconsiderations.c.position, reconsiderations.c.key)
    .limit(1)
)
_WORKSPACES = sa.select(reconsiderations.c.workspace).distinct().order_by(reconsiderations.c.workspace)
_PENDING = sa.select(reconsiderations.c.workspace, reconsiderations.c.key)
_PORTION = (
    sa.select(process_waits.c.stream)
    .where(
        process_waits.c.workspace == sa.bindparam("workspace_"),
        process_waits.c.key == sa.bindparam("key_"),
        process_waits.c.stream > sa.bindparam("after_"),
        process_waits.c.stream < sa.bindparam("before_"),
    )
    .order_by(process_waits.c.stream)
    .limit(sa.bindparam("limit_", type_=sa.Integer))
)
_GREATEST = "\U0010ffff"


def queue(connection: sa.Connection, added: Sequence[Reconsideration]) -> None:
    """Queue changes. A queued change of the same key that has not begun is deleted: the newer one reconsiders the same streams."""
    newest = {(change.workspace, change.key): change for change in added}
    for change in newest.values():
        not_begun = (
            reconsiderations.c.workspace == change.workspace,
            reconsiderations.c.key == change.key,
            reconsiderations.c.stage == 0,
            reconsiderations.c.after == STAGES[0].after,
        )
        connection.execute(reconsiderations.delete().where(*not_begun))
    rows = [
        {name: getattr(change, name) for name in Reconsideration.__struct_fields__}
        for change in newest.values()
    ]
    bulk.insert(connection, reconsiderations, rows)


def workspaces(connection: sa.Connection) -> list[str]:
    """Return the workspaces with queued changes."""
    return list(connection.scalars(_WORKSPACES))


def pending(connection: sa.Connection) -> set[tuple[str, str]]:
    """Return the workspace and the key of every queued change."""
    return {(workspace, key) for workspace, key in connection.execute(_PENDING)}


def first(connection: sa.Connection, workspace: str) -> Reconsideration | None:
    """Return a workspace's oldest queued change."""
    row = connection.execute(_NEXT, {"workspace_": workspace}).first()
    return None if row is None else Reconsideration(*row)


def portion(connection: sa.Connection, change: Reconsideration, limit: int) -> list[str]:
    """Return the next streams of a change's stage that wait on it, in order."""
    bound = {
        "workspace_": change.workspace,
        "key_": change.key,
        "after_": change.after,
        "before_": STAGES[change.stage].before or _GREATEST,
        "limit_": limit,
    }
    return list(connection.scalars(_PORTION, bound))


def move(connection: sa.Connection, change: Reconsideration, done: Sequence[str], limit: int) -> None:
    """Store that these streams of a stage were reconsidered; if they are fewer than `limit`, the next stage begins."""
    this = sa.and_(
        reconsiderations.c.workspace == change.workspace,
        reconsiderations.c.position == change.position,
        reconsiderations.c.key == change.key,
    )
    if len(done) == limit:
        connection.execute(reconsiderations.update().where(this).values(after=done[-1]))
    elif change.stage + 1 < len(STAGES):
        following = {"stage": change.stage + 1, "after": STAGES[change.stage + 1].after}
        connection.execute(reconsiderations.update().where(this).values(following))
    else:
        connection.execute(reconsiderations.delete().where(this))
