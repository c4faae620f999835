"""Every kind of command. A new kind is a file in this room and a line here."""

from worker.commands.kinds import (
    create_customer,
    create_invoice,
    create_item,
    read_company,
    read_customer,
    read_item,
    update_customer,
)
from worker.commands.kinds.kind import Create, Kind, Reading, Update, Write

KINDS: tuple[Kind, ...] = (
    create_invoice.KIND,
    create_customer.KIND,
    create_item.KIND,
    update_customer.KIND,
    read_company.KIND,
    read_customer.KIND,
    read_item.KIND,
)
WRITES = {kind.name: kind for kind in KINDS if isinstance(kind, Write)}
CREATES = {kind.name: kind for kind in KINDS if isinstance(kind, Create)}
UPDATES = {kind.name: kind for kind in KINDS if isinstance(kind, Update)}
READINGS = {kind.name: kind for kind in KINDS if isinstance(kind, Reading)}
