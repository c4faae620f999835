"""API tokens: who adds or revokes one is in the log, by the same transaction."""

from collections.abc import Sequence

import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import AccessChanged
from worker.actions.admin import Admin
from worker.workspaces import api_tokens
from worker.workspaces.api_tokens import Scope, Token


async def add_token(admin: Admin, text: str, label: str | None, scopes: Sequence[Scope]) -> Token:
    """Keep a token of the workspace.

    Raises:
        TokenRefused: Its label does not fit.
    """
    now = admin.clock.now()

    def work(connection: sa.Connection) -> Token:
        made = api_tokens.add(connection, admin.workspace, text, now, by=admin.by, label=label, scopes=scopes)
        fact = AccessChanged("token_added", admin.by, made.number, made.hint)
        admin.tell(connection, catalog.ACCESS_CHANGED, fact)
        return made

    return await admin.database.transaction(work)


async def revoke_token(admin: Admin, which: str) -> Token:
    """Refuse a token from now on, named by its number or by itself; one that is revoked already stays as it is.

    Raises:
        TokenUnknown: The workspace has none such.
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
