"""The tables of commands and realms. A command is a row from its decision to its outcome, and stays after that."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from events.contract.envelope import Event
from events.database import bulk
from events.log.tables import UtcInstant, metadata
from worker.commands.identity import CommandKey
from worker.commands.kinds.all import UPDATES
from worker.workspaces.kinds import REAL_TIME

# An update that was never sent is superseded once a later generation has been decided.
Status = Literal["ready", "leased", "uncertain", "done", "rejected", "superseded"]
OPEN: tuple[Status, ...] = ("ready", "leased", "uncertain")

commands = sa.Table(
    "commands",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("realm", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("cause_id", sa.Text, nullable=False),
    sa.Column("cause_at", UtcInstant, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("due_at", UtcInstant, nullable=False),
    sa.Column("waits_since", UtcInstant),  # when `due_at` was decided
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("leased_until", UtcInstant),
    sa.Column("sent_body", sa.Text),
    sa.Column("first_sent_at", UtcInstant),
    sa.Column("last_sent_at", UtcInstant),
    sa.Column("problem", sa.Text),
    sa.Column("sends", sa.Integer, nullable=False, server_default="0"),
    sa.Column("look_ups", sa.Integer, nullable=False, server_default="0"),
    sa.Column("named_id", sa.Text),
    sa.Column("yields", sa.Boolean, nullable=False, server_default=sa.false()),  # whether it is an update
    sa.UniqueConstraint("workspace", "subject", "kind", "part", "generation", name="commands_key"),
)

realms = sa.Table(
    "realms",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("connected", sa.Boolean, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("time_zone", sa.Text),
    sa.Column("not_before", UtcInstant),
    sa.Column("waits_since", UtcInstant),  # when `not_before` was decided
    sa.Column("holder", sa.Text),
    sa.Column("held_until", UtcInstant),
    sa.Column("refused_since", UtcInstant),
    sa.Column("gate", sa.Text),
    sa.Column("gate_since", UtcInstant),
    sa.Column("sync_frequency", sa.Text, nullable=False, server_default=REAL_TIME),
    sa.Column("batches_since", UtcInstant),
)


def its_company() -> sa.ColumnElement[bool]:
    """Join a command to its realm, if the realm belongs to the command's workspace."""
    return sa.and_(realms.c.realm == commands.c.realm, realms.c.workspace == commands.c.workspace)


def is_open(table: sa.FromClause = commands) -> sa.ColumnElement[bool]:
    """Test that a command has no outcome yet, in the same SQL as the partial indexes of open commands."""
    return table.c.status.in_([sa.literal_column(f"'{status}'") for status in OPEN])


def is_update(table: sa.FromClause = commands) -> sa.ColumnElement[bool]:
    """Test that a command is an update."""
    yields: sa.ColumnElement[bool] = table.c.yields
    return yields


def is_leased(table: sa.FromClause = commands) -> sa.ColumnElement[bool]:
    """Test that a dispatcher has claimed a command, in the same SQL as the partial index of such commands."""
    return table.c.status == sa.literal_column("'leased'")


# The order in which a company's commands are claimed: updates last, since thousands of them may wait while other commands go first.
ORDER_OF_CLAIMS = (is_update(), commands.c.due_at, commands.c.created_at, commands.c.request_id)
# Finished commands, soon nearly all rows, are in none of these. Only the first begins with the company, so that PostgreSQL
# reads a company's commands in their order, instead of all of them by another index to sort them.
for _name, _columns, _which in (
    ("commands_open", (commands.c.realm, commands.c.workspace, *ORDER_OF_CLAIMS), is_open()),
    ("commands_open_subjects", (commands.c.subject, commands.c.workspace, commands.c.realm), is_open()),
    ("commands_leased", (commands.c.realm,), is_leased()),
):
    sa.Index(_name, *_columns, postgresql_where=_which, sqlite_where=_which)


class NewCommand(Struct, frozen=True):
    """A new command, as it is decided.

    `since` is the earliest time at which it could have been decided before the store was restored from a backup, if
    that differs from the time of its cause.
    """

    key: CommandKey
    realm: str
    request_id: str
    body: str
    since: datetime | None = None


class Realm(Struct, frozen=True):
    """A company as the dispatcher and the scheduler need it; its time zone may still be unknown.

    `batches_since` is the instant after which the next sync is due; None if the frequency was always `real_time`.
    """

    realm: str
    workspace: str
    connected: bool
    paused: bool
    time_zone: str | None
    sync_frequency: str = REAL_TIME
    batches_since: datetime | None = None


def add(
    connection: sa.Connection,
    added: Sequence[tuple[NewCommand, Event]],
    now: datetime,
    withdrawn: Iterable[CommandKey] = (),
) -> None:
    """Insert new commands, each with its cause; the table refuses a second command with the same business key.

    Call `change` before, with their keys, and with `withdrawn`: updates before the generation of such a key are not sent.
    """
    latest = _latest_updates([*(command.key for command, _ in added), *withdrawn])
    rows = [
        {
            "request_id": command.request_id,
            "workspace": command.key.workspace,
            "subject": command.key.subject,
            "kind": command.key.kind,
            "part": command.key.part,
            "generation": command.key.generation,
            "realm": command.realm,
            "body": command.body,
            "cause_id": cause.id,
            "cause_at": min(cause.time, command.since or cause.time),
            "created_at": now,
            "status": "superseded" if _is_before(command.key, latest) else "ready",
            "due_at": now,
            "waits_since": now,
            "attempts": 0,
            "fence": 0,
            "sends": 0,
            "look_ups": 0,
            "yields": command.key.kind in UPDATES,
        }
        for command, cause in added
    ]
    bulk.insert(connection, commands, rows)


def change(
    connection: sa.Connection,
    named: Sequence[tuple[CommandKey, str]],
    added: Iterable[CommandKey],
    now: datetime,
) -> None:
    """Store the invoices that people named, and supersede the updates that were never sent and that later ones replace.

    An update that a dispatcher has claimed goes on; the later one is claimed after its outcome.

    Args:
        connection: The transaction.
        named: Open commands, each with the ID of the invoice that it created, as a person stated it.
        added: The keys of the commands that will be added, and of the generations before which updates are withdrawn.
        now: The present instant.
    """
    latest, request = _latest_updates(added), (commands.c.request_id,)
    asked = bulk.fetch(connection, request, _KEY, [_parts(key) for key, _ in named])
    earlier = bulk.fetch(connection, _STATE, _KEY[:-1], list(latest))
    unsent = {(row.request_id,) for row in earlier if _is_unsent(row)}
    # Locked at once, in the order in which dispatchers lock them, so that they never deadlock. A dispatcher may claim an
    # update in this moment: then it waits for this transaction, or this one for it.
    locked = bulk.lock(connection, _STATE, request, unsent | {(row.request_id,) for row in asked}, request)
    replaced = [row.request_id for row in locked if (row.request_id,) in unsent and _is_unsent(row)]
    bulk.update(connection, commands, [{"request_id": each, "status": "superseded"} for each in replaced])
    for key, invoice_id in named:
        _name_invoice(connection, key, invoice_id, now)


def _name_invoice(connection: sa.Connection, key: CommandKey, invoice_id: str, now: datetime) -> None:
    """Store the ID of an invoice that a person named, so that the command's next look-up reads this invoice first."""
    connection.execute(
        commands.update()
        .where(*(getattr(commands.c, name) == value for name, value in asdict(key).items()), is_open())
        .values(named_id=invoice_id, due_at=now, waits_since=now)
    )


def _latest_updates(keys: Iterable[CommandKey]) -> dict[tuple[Any, ...], int]:
    """Return the latest generation of each updated object."""
    latest: dict[tuple[Any, ...], int] = {}
    for key in keys:
        if key.kind in UPDATES:
            of = _parts(key)[:-1]
            latest[of] = max(key.generation, latest.get(of, 0))
    return latest


def _is_before(key: CommandKey, latest: Mapping[tuple[Any, ...], int]) -> bool:
    return key.generation < latest.get(_parts(key)[:-1], 0)


def _parts(key: CommandKey) -> tuple[Any, ...]:
    return tuple(getattr(key, column.name) for column in _KEY)


def _is_unsent(row: sa.Row[*tuple[Any, ...]]) -> bool:
    return bool(row.status == "ready" and row.first_sent_at is None)


_KEY = (
    commands.c.workspace,
    commands.c.subject,
    commands.c.kind,
    commands.c.part,
    commands.c.generation,
)
_STATE = (commands.c.request_id, commands.c.status, commands.c.first_sent_at)


_DISCONNECT_OTHERS = (
    realms.update()
    .where(realms.c.workspace == sa.bindparam("workspace_"), realms.c.realm != sa.bindparam("realm_"))
    .values(connected=False)
)


_PUT_LOST = (
    realms.update()
    .where(realms.c.realm == sa.bindparam("realm_"), realms.c.workspace == sa.bindparam("workspace_"))
    .values(connected=False)
)


def forget_refusals(connection: sa.Connection, realm: str) -> None:
    """End a company's pause and forget its refusals, since it has new tokens: its commands are due at once."""
    connection.execute(
        realms.update()
        .where(realms.c.realm == realm)
        .values(refused_since=None, not_before=None, waits_since=None, gate=None, gate_since=None)
    )


def put_realm(connection: sa.Connection, realm: Realm) -> None:
    """Store the state of a workspace's realm for the dispatcher and the scheduler; the realm's throttling and refusals are kept.

    A workspace is connected to one realm: the realm that it had before is disconnected. And a realm belongs to one
    workspace: once it belongs to another, an update from the workspace that lost it changes nothing.
    """
    named = {"workspace_": realm.workspace, "realm_": realm.realm}
    connection.execute(_DISCONNECT_OTHERS, named)
    if realm.connected:
        bulk.upsert(connection, realms, [asdict(realm)])
    else:
        connection.execute(_PUT_LOST, named)
