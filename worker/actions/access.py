"""Who may come in: tokens, and the keys of DocuSign; each change is an event with who did it, in the same transaction."""

from collections.abc import Sequence

import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import AccessChange, AccessChanged
from events.log import log
from worker.actions.administration import Administration
from worker.docusign import reception
from worker.runtime.vault import Vault
from worker.workspaces import api_tokens, docusign_keys
from worker.workspaces.api_tokens import Scope, Token
from worker.workspaces.docusign_keys import Added, Key


async def add_token(
    administration: Administration, text: str, label: str | None, scopes: Sequence[Scope]
) -> Token:
    """Keep a token of the workspace.

    Raises:
        TokenRefused: Its label does not fit.
    """
    now = administration.clock.now()

    def work(connection: sa.Connection) -> Token:
        made = api_tokens.add(
            connection,
            administration.workspace,
            text,
            now,
            by=administration.by,
            label=label,
            scopes=scopes,
        )
        _tell(connection, administration, "token_added", made.number, made.hint)
        return made

    return await administration.database.transaction(work)


async def revoke_token(administration: Administration, which: str) -> Token:
    """Refuse a token from now on, named by its number or by itself; one that is revoked already stays as it is.

    Raises:
        TokenUnknown: The workspace has none such.
    """
    now = administration.clock.now()

    def work(connection: sa.Connection) -> Token:
        valid = {
            token.number
            for token in api_tokens.listed(connection, administration.workspace)
            if token.revoked_at is None
        }
        revoked = api_tokens.revoke(connection, administration.workspace, which, now, by=administration.by)
        if revoked.number in valid:
            _tell(connection, administration, "token_revoked", revoked.number, revoked.hint)
        return revoked

    return await administration.database.transaction(work)


async def add_docusign_key(administration: Administration, vault: Vault, text: str) -> Added:
    """Keep a key that DocuSign signs with.

    Raises:
        KeyRefused: It does not fit, or there are as many as there can be.
    """
    now = administration.clock.now()

    def work(connection: sa.Connection) -> Added:
        found = docusign_keys.add(connection, vault, administration.workspace, text, now)
        if found.added:
            _tell(connection, administration, "docusign_key_added", found.key.number, found.key.hint)
        return found

    return await administration.database.transaction(work)


async def remove_docusign_key(administration: Administration, vault: Vault, which: str) -> Key:
    """Forget a key that DocuSign signed with, named by its number or by itself.

    Raises:
        KeyUnknown: The workspace has none such.
    """

    def work(connection: sa.Connection) -> Key:
        gone = docusign_keys.remove(connection, vault, administration.workspace, which)
        _tell(connection, administration, "docusign_key_removed", gone.number, gone.hint)
        return gone

    return await administration.database.transaction(work)


async def see_docusign_refusals(administration: Administration) -> None:
    """Put down as over what DocuSign was set right about and has sent again."""
    now = administration.clock.now()

    def work(connection: sa.Connection) -> None:
        if reception.seen(connection, administration.workspace, now):
            _tell(connection, administration, "docusign_refusals_seen")

    await administration.database.transaction(work)


def _tell(
    connection: sa.Connection,
    administration: Administration,
    change: AccessChange,
    number: int | None = None,
    hint: str | None = None,
) -> None:
    fact = AccessChanged(change, administration.by, number, hint)
    event = administration.event(catalog.ACCESS_CHANGED, fact)
    log.append(connection, [event], event.time)
