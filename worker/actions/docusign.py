"""DocuSign's signing keys, and the warning about refused messages: each change is in the log, by the same transaction."""

import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import AccessChanged
from worker.actions.admin import Admin
from worker.docusign import reception
from worker.runtime.vault import Vault
from worker.workspaces import docusign_keys
from worker.workspaces.docusign_keys import AddedKey, Key


async def add_docusign_key(admin: Admin, vault: Vault, text: str) -> AddedKey:
    """Store a key that DocuSign signs with.

    Raises:
        KeyRefused: The text is not a valid key, or the workspace has the largest number of keys.
    """
    now = admin.clock.now()

    def work(connection: sa.Connection) -> AddedKey:
        found = docusign_keys.add(connection, vault, admin.workspace, text, now)
        if found.added:
            fact = AccessChanged("docusign_key_added", admin.by, found.key.number, found.key.hint)
            admin.tell(connection, catalog.ACCESS_CHANGED, fact)
        return found

    return await admin.database.transaction(work)


async def remove_docusign_key(admin: Admin, vault: Vault, which: str) -> Key:
    """Delete a key that DocuSign signed with, by its number or by its own text.

    Raises:
        KeyUnknown: The workspace has no such key.
    """

    def work(connection: sa.Connection) -> Key:
        gone = docusign_keys.remove(connection, vault, admin.workspace, which)
        fact = AccessChanged("docusign_key_removed", admin.by, gone.number, gone.hint)
        admin.tell(connection, catalog.ACCESS_CHANGED, fact)
        return gone

    return await admin.database.transaction(work)


async def see_docusign_refusals(admin: Admin) -> None:
    """Acknowledge the refused messages, after DocuSign's settings were corrected and it has sent the messages again."""
    now = admin.clock.now()

    def work(connection: sa.Connection) -> None:
        if reception.acknowledge(connection, admin.workspace, now):
            admin.tell(connection, catalog.ACCESS_CHANGED, AccessChanged("docusign_refusals_seen", admin.by))

    await admin.database.transaction(work)
