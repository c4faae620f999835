"""Add and revoke API tokens; the same transaction appends an event that names the person."""

from collections.abc import Sequence

import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import AccessChanged
from worker.actions.admin import Admin
from worker.workspaces import api_tokens
from worker.workspaces.api_tokens import Scope, Token


async def add_token(admin: Admin, text: str, label: str | None, scopes: Sequence[Scope]) -> Token:
    """Store a new token of the workspace.

    Raises:
        TokenRefused: The label is invalid.
    """
    now = admin.clock.now()

    def work(connection: sa.Connection) -> Token:
        made = api_tokens.add(connection, admin.workspace, text, now, by=admin.by, label=label, scopes=scopes)
        fact = AccessChanged("token_added", admin.by, made.number, made.hint)
        admin.tell(connection, catalog.ACCESS_CHANGED, fact)
        return made

    return await admin.database.transaction(work)


async def revoke_token(admin: Admin, which: str) -> Token:
    """Revoke a token, by its number or by its own text. A token that is revoked already stays as it is.

    Raises:
        TokenUnknown: The workspace has no such token.
    """
    now = admin.clock.now()

    def work(connection: sa.Connection) -> Token:
        valid = {
            token.number
            for token in api_tokens.listed(connection, admin.workspace)
            if token.revoked_at is None
        }
        revoked = api_tokens.revoke(connection, admin.workspace, which, now, by=admin.by)
        if revoked.number in valid:
            fact = AccessChanged("token_revoked", admin.by, revoked.number, revoked.hint)
            admin.tell(connection, catalog.ACCESS_CHANGED, fact)
        return revoked

    return await admin.database.transaction(work)
