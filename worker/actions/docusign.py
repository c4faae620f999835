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
    """Keep a key that DocuSign signs with.

    Raises:
        KeyRefused: It does not fit, or there are as many as there can be.
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
    """Forget a key that DocuSign signed with, named by its number or by itself.

    Raises:
        KeyUnknown: The workspace has none such.
    """

    def work(connection: sa.Connection) -> Key:
        gone = docusign_keys.remove(connection, vault, admin.workspace, which)
        fact = AccessChanged("docusign_key_removed", admin.by, gone.number, gone.hint)
        admin.tell(connection, catalog.ACCESS_CHANGED, fact)
        return gone

    return await admin.database.transaction(work)


async def see_docusign_refusals(admin: Admin) -> None:
    """Put down as over what DocuSign was set right about and has sent again."""
    now = admin.clock.now()

    def work(connection: sa.Connection) -> None:
        if reception.acknowledge(connection, admin.workspace, now):
            admin.tell(connection, catalog.ACCESS_CHANGED, AccessChanged("docusign_refusals_seen", admin.by))

    await admin.database.transaction(work)
