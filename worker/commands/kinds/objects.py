"""Read one object by its ID; QuickBooks may answer that it has no such object."""

from worker.commands.claimed import Claimed
from worker.commands.entities import Entity
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OBJECT_NOT_FOUND, Rejected


def id_of(command: Claimed) -> str:
    """Return the id of the object that a command reads: its subject is `KIND/REALM/ID`."""
    return command.key.subject.split("/", 2)[2]


async def if_there(client: QuickBooksClient, command: Claimed, entity: str) -> Entity | None:
    """Return the object that a command reads, None if QuickBooks has none.

    Raises:
        QuickBooksError: QuickBooks did not answer, or refused.
    """
    try:
        return await client.read(command.realm, entity, id_of(command))
    except Rejected as error:
        if error.code != OBJECT_NOT_FOUND:
            raise
        return None
