"""The keys with which DocuSign signs its messages: DocuSign generates them, a person adds them here, and they are sealed.

Several keys are valid at the same time, so that a key can be replaced without refusing a message in between.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from events.contract import identifiers
from events.database.locks import Lock, acquire
from events.errors import UserError
from events.log.tables import Position, UtcInstant, metadata
from worker.runtime import sealing
from worker.runtime.sealing import Sealed
from worker.runtime.vault import Unsealable, Vault
from worker.workspaces.tenants import workspaces

KEYS_MAX = 100  # the largest number of keys with which DocuSign signs a message
CHARACTERS_MAX = 500
HINT_CHARACTERS = 4
HINTED_CHARACTERS_MIN = 20  # the last characters of a shorter key would reveal too much of it

docusign_keys = sa.Table(
    "docusign_keys",
    metadata,
    sa.Column("number", Position, primary_key=True),
    sa.Column("workspace", sa.Text, sa.ForeignKey("workspaces.workspace"), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("hint", sa.Text, nullable=False, server_default=""),
    sa.Column("verified_at", UtcInstant),
)

_SEALED = (
    sa.select(docusign_keys.c.number, docusign_keys.c.sealed)
    .select_from(workspaces.outerjoin(docusign_keys))
    .where(workspaces.c.workspace == sa.bindparam("name"))
    .order_by(docusign_keys.c.number)
)


SEALED = Sealed(
    name="DocuSign's key",
    table=docusign_keys,
    called=lambda row: f"{row.number} of workspace {row.workspace}",
    owner=lambda row: _owner(row.workspace),
    lose=lambda connection, row: _forget(connection, row.number),
    remedy="give it again (q2c workspace docusign-key add)",
)


class KeyRefused(UserError):
    """A key is invalid; the message describes a valid one."""


class KeyUnknown(KeyRefused):
    """The workspace has no such key."""


class Key(Struct, frozen=True):
    """A key as people see it; never the key itself.

    Attributes:
        number: Its number.
        hint: Its last characters, to recognise it by.
        added_at: When it was added.
        verified_at: When a message's signature last matched it.
    """

    number: int
    hint: str
    added_at: datetime
    verified_at: datetime | None = None


class AddedKey(Struct, frozen=True):
    """The result of adding a key; `added` is false if the workspace already had it."""

    key: Key
    added: bool
    note: str | None = None


class Opened(Struct, frozen=True):
    """The decrypted keys of a workspace, by number; `unreadable` has the numbers of keys that can't be decrypted."""

    keys: dict[int, str]
    unreadable: tuple[int, ...] = ()


def cleaned(text: str) -> str:
    """Return a key as DocuSign generated it, without the spaces that copying may have added.

    Raises:
        KeyRefused: The text can't be a key.
    """
    key = identifiers.trimmed(text)
    if not key:
        raise KeyRefused("The key is empty; copy it from DocuSign (Connect, Connect Keys)")
    if len(key) > CHARACTERS_MAX:
        raise KeyRefused(f"A key can have at most {CHARACTERS_MAX} characters, not {len(key)}")
    if not all("!" <= character <= "~" for character in key):
        raise KeyRefused(
            "A DocuSign key consists of letters, digits, +, / and =; this one contains a space, a control character or"
            " another invalid character. Copy it again"
        )
    return key


def add(connection: sa.Connection, vault: Vault, workspace: str, text: str, now: datetime) -> AddedKey:
    """Store a key of an existing workspace.

    Raises:
        KeyRefused: The text is not a valid key, or the workspace has `KEYS_MAX` keys.
        KeyRetired: The token key that would encrypt it was retired meanwhile.
    """
    key = cleaned(text)
    note = (
        None
        if key.endswith("=")
        else "Check that you copied the whole key: DocuSign's keys end with =, and this one does not."
    )
    acquire(connection, Lock.TENANTS)
    number = _number_of(connection, vault, workspace, key)
    if number is not None:
        return AddedKey(_shown(connection, workspace, number), added=False, note=note)
    if len(listed(connection, workspace)) >= KEYS_MAX:
        raise KeyRefused(
            f"The workspace already has {KEYS_MAX} keys; remove one that DocuSign no longer uses"
        )
    record = vault.seal(key.encode(), _owner(workspace))
    row = {
        "workspace": workspace,
        "sealed": record,
        "created_at": now,
        "hint": f"…{key[-HINT_CHARACTERS:]}" if len(key) >= HINTED_CHARACTERS_MIN else "…",
    }
    sealing.check(connection, record)
    kept = connection.execute(docusign_keys.insert().values(row).returning(docusign_keys.c.number))
    return AddedKey(_shown(connection, workspace, kept.scalar_one()), added=True, note=note)


def remove(connection: sa.Connection, vault: Vault, workspace: str, which: str) -> Key:
    """Delete a key, by its number or by its own text.

    Raises:
        KeyUnknown: The workspace has no such key.
    """
    acquire(connection, Lock.TENANTS)
    known = {key.number: key for key in listed(connection, workspace)}
    number = int(which) if which.isdecimal() and int(which) in known else None
    if number is None:
        number = _number_of(connection, vault, workspace, identifiers.trimmed(which))
    if number is None:
        there = ", ".join(f"{key.number} ({key.hint})" for key in known.values()) or "none"
        raise KeyUnknown(f"There is no such key; there is {there}")
    _forget(connection, number)
    return known[number]


def listed(connection: sa.Connection, workspace: str) -> Sequence[Key]:
    """Return the keys of a workspace, in the order in which they were added."""
    columns = (
        docusign_keys.c.number,
        docusign_keys.c.hint,
        docusign_keys.c.created_at,
        docusign_keys.c.verified_at,
    )
    rows = connection.execute(
        sa.select(*columns)
        .where(docusign_keys.c.workspace == workspace)
        .order_by(docusign_keys.c.created_at, docusign_keys.c.number)
    )
    return [Key(*row) for row in rows]


def sealed(connection: sa.Connection, workspace: str) -> Mapping[int, bytes] | None:
    """Return the sealed keys of a workspace, by number; None if there is no such workspace."""
    found = connection.execute(_SEALED, {"name": workspace}).all()
    return {number: record for number, record in found if record is not None} if found else None


def opened(vault: Vault, workspace: str, records: Mapping[int, bytes]) -> Opened:
    """Decrypt keys. A key whose token key is missing goes to `unreadable`; the others can still be used."""
    keys, unreadable = {}, []
    for number, record in records.items():
        try:
            keys[number] = vault.open(record, _owner(workspace)).decode()
        except Unsealable:
            unreadable.append(number)
    return Opened(keys, tuple(unreadable))


def _forget(connection: sa.Connection, number: int) -> None:
    connection.execute(docusign_keys.delete().where(docusign_keys.c.number == number))


def _number_of(connection: sa.Connection, vault: Vault, workspace: str, key: str) -> int | None:
    known = opened(vault, workspace, sealed(connection, workspace) or {})
    return next((number for number, other in known.keys.items() if other == key), None)


def _shown(connection: sa.Connection, workspace: str, number: int) -> Key:
    return next(key for key in listed(connection, workspace) if key.number == number)


def _owner(workspace: str) -> str:
    return f"docusign:{workspace}"
