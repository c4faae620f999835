"""API tokens, which authenticate producers, consoles and scripts. They are shown once, and stored as hashes.

A token belongs to one workspace and has scopes. A revoked token is no longer accepted; it stays in the list, so that
its number in the log keeps its meaning.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct

from events.clock import Entropy
from events.contract import identifiers
from events.database.locks import Lock, acquire
from events.errors import UserError
from events.log.tables import UtcInstant, metadata

PREFIX = "q2c_"
LABEL_CHARACTERS_MAX = 100
HINT_CHARACTERS = 4
UNHINTED = "…"

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, sa.ForeignKey("workspaces.workspace"), nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("number", sa.Integer, nullable=False, server_default="1"),
    sa.Column("label", sa.Text),
    sa.Column("hint", sa.Text, nullable=False, server_default=UNHINTED),
    sa.Column("scopes", sa.Text, nullable=False, server_default="produce read act"),
    sa.Column("created_by", sa.Text),
    sa.Column("last_used_at", UtcInstant),
    sa.Column("revoked_at", UtcInstant),
    sa.Column("revoked_by", sa.Text),
    sa.Index("api_tokens_number", "workspace", "number", unique=True),
)

_COLUMNS = (
    api_tokens.c.workspace,
    api_tokens.c.number,
    api_tokens.c.label,
    api_tokens.c.scopes,
    api_tokens.c.hint,
    api_tokens.c.created_at,
    api_tokens.c.created_by,
    api_tokens.c.last_used_at,
    api_tokens.c.revoked_at,
    api_tokens.c.revoked_by,
)
_FOUND = sa.select(*_COLUMNS).where(api_tokens.c.token_hash == sa.bindparam("hashed"))
_USED = (
    api_tokens.update()
    .where(
        api_tokens.c.workspace == sa.bindparam("of"),
        api_tokens.c.number == sa.bindparam("number_"),
        sa.or_(api_tokens.c.last_used_at.is_(None), api_tokens.c.last_used_at < sa.bindparam("at")),
    )
    .values(last_used_at=sa.bindparam("at"))
)


class Scope(StrEnum):
    """A group of requests that a token may be used for."""

    PRODUCE = "produce"
    READ = "read"
    ACT = "act"


class TokenRefused(UserError):
    """A token's label or scope is invalid; the message names the valid ones."""


class TokenUnknown(TokenRefused):
    """The workspace has no such token."""


class Token(Struct, frozen=True):
    """A token as people see it; never the token itself.

    Attributes:
        workspace: Its workspace.
        number: Its number in the workspace; no number is used twice.
        label: The name that a person gave it.
        scopes: Its scopes.
        hint: Its last characters, to recognise it by; `…` alone for tokens that were created before hints were stored.
        created_at: When it was created.
        created_by: The person who created it, such as `cli:ada`.
        last_used_at: When a request with it was last accepted, to the minute.
        revoked_at: When it was revoked.
        revoked_by: The person who revoked it.
    """

    workspace: str
    number: int
    label: str | None
    scopes: tuple[Scope, ...]
    hint: str
    created_at: datetime
    created_by: str | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None

    @property
    def actor(self) -> str:
        """The actor that events name for actions with this token, with its label."""
        return f"{self.actor_alone} ({self.label})" if self.label else self.actor_alone

    @property
    def actor_alone(self) -> str:
        """The actor without the label."""
        return f"api:{self.workspace}/{self.number}"


def new(entropy: Entropy) -> str:
    """Return the text of a new token."""
    return f"{PREFIX}{entropy.token()}"


def scopes_of(texts: Iterable[str]) -> tuple[Scope, ...]:
    """Return the scopes in texts, each with scopes separated by commas or blanks; no scope means all scopes.

    Raises:
        TokenRefused: There is no such scope.
    """
    named = [name for text in texts for name in text.replace(",", " ").split()]
    if unknown := [name for name in named if name not in set(Scope)]:
        raise TokenRefused(f"Unknown scope {unknown[0]!r}; choose from {', '.join(Scope)}")
    return tuple(scope for scope in Scope if scope in named) or tuple(Scope)


def add(
    connection: sa.Connection,
    workspace: str,
    token: str,
    now: datetime,
    *,
    by: str | None = None,
    label: str | None = None,
    scopes: Sequence[Scope] = tuple(Scope),
) -> Token:
    """Store a new token of an existing workspace.

    Raises:
        TokenRefused: The label is invalid.
    """
    label = _label(label)
    acquire(connection, Lock.TENANTS)
    numbers = sa.select(sa.func.max(api_tokens.c.number)).where(api_tokens.c.workspace == workspace)
    number = (connection.scalar(numbers) or 0) + 1
    row = {
        "token_hash": token_hash(token),
        "workspace": workspace,
        "created_at": now,
        "number": number,
        "label": label,
        "hint": f"…{token[-HINT_CHARACTERS:]}",
        "scopes": " ".join(scopes),
        "created_by": by,
    }
    connection.execute(api_tokens.insert().values(row))
    return _of_number(connection, workspace, number)


def listed(connection: sa.Connection, workspace: str) -> Sequence[Token]:
    """Return the tokens of a workspace, also revoked ones, in the order of their creation."""
    rows = connection.execute(
        sa.select(*_COLUMNS).where(api_tokens.c.workspace == workspace).order_by(api_tokens.c.number)
    )
    return [_token(tuple(row)) for row in rows]


def revoke(connection: sa.Connection, workspace: str, which: str, now: datetime, *, by: str | None) -> Token:
    """Revoke a token, by its number or by its own text. A token that is revoked already stays as it is.

    Raises:
        TokenUnknown: The workspace has no such token.
    """
    acquire(connection, Lock.TENANTS)
    which = identifiers.trimmed(which)
    known = {token.number: token for token in listed(connection, workspace)}
    found = known.get(int(which)) if which.isdecimal() and which.isascii() else find(connection, which)
    if found is None or found.workspace != workspace:
        there = ", ".join(f"{token.number} ({token.hint})" for token in known.values()) or "none"
        raise TokenUnknown(f"There is no such token; there is {there}")
    connection.execute(
        api_tokens.update()
        .where(
            api_tokens.c.workspace == workspace,
            api_tokens.c.number == found.number,
            api_tokens.c.revoked_at.is_(None),
        )
        .values(revoked_at=now, revoked_by=by)
    )
    return _of_number(connection, workspace, found.number)


def find(connection: sa.Connection, token: str) -> Token | None:
    """Return a token by its text, also if it is revoked; None if there is no such token."""
    row = connection.execute(_FOUND, {"hashed": token_hash(token)}).first()
    return None if row is None else _token(row)


def used(connection: sa.Connection, workspace: str, number: int, now: datetime) -> None:
    """Store when a token was last used, unless a later instant is stored."""
    connection.execute(_USED, {"of": workspace, "number_": number, "at": now})


def token_hash(token: str) -> str:
    """Return the hash of a token. It has 256 random bits, so a hash without salt is enough."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _of_number(connection: sa.Connection, workspace: str, number: int) -> Token:
    return next(token for token in listed(connection, workspace) if token.number == number)


def _token(row: tuple[object, ...]) -> Token:
    values = dict(zip((column.name for column in _COLUMNS), row, strict=True))
    return Token(**{**values, "scopes": tuple(map(Scope, str(values["scopes"]).split()))})  # type: ignore[arg-type] # they are the columns' own types


def _label(label: str | None) -> str | None:
    """Return a label without the spaces around it; None if it is blank."""
    text = identifiers.trimmed(label or "")
    if len(text) > LABEL_CHARACTERS_MAX:
        raise TokenRefused(f"A label can have at most {LABEL_CHARACTERS_MAX} characters, not {len(text)}")
    if not text.isprintable():
        raise TokenRefused("A label must be one line without control characters")
    return text or None
