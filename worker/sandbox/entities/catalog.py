"""Every entity of the sandbox. A new one is a file of its own and a line here."""

from collections.abc import Mapping

from worker.sandbox.books.entity import Entity
from worker.sandbox.entities.account import ACCOUNT
from worker.sandbox.entities.company_info import COMPANY_INFO
from worker.sandbox.entities.customer import CUSTOMER
from worker.sandbox.entities.employee import EMPLOYEE
from worker.sandbox.entities.invoice import INVOICE
from worker.sandbox.entities.item import ITEM
from worker.sandbox.entities.preferences import PREFERENCES
from worker.sandbox.entities.taxes import TAX_AGENCY, TAX_CODE, TAX_RATE
from worker.sandbox.entities.term import TERM
from worker.sandbox.entities.vendor import VENDOR

ENTITIES: Mapping[str, Entity] = {
    entity.name: entity
    for entity in (
        ACCOUNT,
        COMPANY_INFO,
        CUSTOMER,
        EMPLOYEE,
        INVOICE,
        ITEM,
        PREFERENCES,
        TAX_AGENCY,
        TAX_CODE,
        TAX_RATE,
        TERM,
        VENDOR,
    )
}
BY_PATH: Mapping[str, Entity] = {entity.name.lower(): entity for entity in ENTITIES.values()}
