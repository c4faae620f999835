"""How far the comparison of a workspace's accounts and products is: it needs a connected company whose lists were read."""

from typing import Literal

import sqlalchemy as sa

from worker.commands.table import realms
from worker.matching import MATCHER_VERSION
from worker.suggesting.listening import companies

Stage = Literal["not_connected", "being_read", "being_compared", "compared"]


def stage_of(connection: sa.Connection, workspace: str) -> Stage:
    """Return how far the comparison is: why an account without a suggestion may get one later."""
    realm = connection.scalar(
        sa.select(realms.c.realm).where(realms.c.workspace == workspace, realms.c.connected)
    )
    if realm is None:
        return "not_connected"
    company = next((each for each in companies(connection, workspace) if each.realm == realm), None)
    if company is None or not company.complete:
        return "being_read"
    is_compared = company.swept is None and company.matcher == MATCHER_VERSION
    return "compared" if is_compared else "being_compared"
