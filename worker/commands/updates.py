"""Find out whether an update was applied, by reading the object and comparing its version and its values.

QuickBooks applies an update only to the version that its body names. So another version without the update's values shows
that the update was not applied, and never will be.
"""

from typing import Any

from worker.commands.claimed import Claimed
from worker.commands.entities import Entity, sent, understood
from worker.commands.fields import sync_token
from worker.commands.kinds.all import UPDATES
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OBJECT_NOT_FOUND, STALE_OBJECT, Rejected

_NO_VALUES = frozenset({"Id", "SyncToken", "sparse"})


class Overtaken(Exception):
    """The object was changed or removed in QuickBooks since the update was decided, which can't be applied any more.

    Attributes:
        code: QuickBooks' code for that.
        explanation: A sentence for a person.
    """

    def __init__(self, code: str, explanation: str) -> None:
        super().__init__(explanation)
        self.code = code
        self.explanation = explanation


async def find(client: QuickBooksClient, command: Claimed) -> Entity | None:
    """Return the object of an update if it was applied; None if QuickBooks still has the version that it changes.

    Raises:
        Overtaken: QuickBooks has another version without the values of the update, or no such object.
        QuickBooksError: QuickBooks did not answer.
    """
    kind, body = UPDATES[command.key.kind], sent(command.body)
    try:
        entity = await client.read(command.realm, kind.entity, body["Id"])
    except Rejected as error:
        if error.code != OBJECT_NOT_FOUND:
            raise
        raise Overtaken(error.code, error.explanation) from error
    with understood(kind.entity):
        found, wanted = sync_token(entity), sync_token(body)
        if found == wanted:
            return None
        if has_values(entity, body):
            return entity
    raise Overtaken(STALE_OBJECT, f"It has version {found} in QuickBooks; version {wanted} was to be changed")


def has_values(entity: Entity, body: Entity) -> bool:
    """Return whether an object has the values of an update; QuickBooks may trim a text and omit an empty one."""
    return all(_is_alike(entity.get(name), value) for name, value in body.items() if name not in _NO_VALUES)


def _is_alike(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        members = found if isinstance(found, dict) else {}
        return all(_is_alike(members.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, str):
        return "".join(str(found or "").split()) == "".join(wanted.split())
    return bool(found == wanted)
