"""Every entity of the sandbox. A new one is a file of its own and a line here."""

from collections.abc import Mapping

from worker.sandbox.books.entity import Entity
from worker.sandbox.entities.account import ACCOUNT
from worker.sandbox.entities.company_currency import COMPANY_CURRENCY
from worker.sandbox.entities.company_info import COMPANY_INFO
from worker.sandbox.entities.customer import CUSTOMER
from worker.sandbox.entities.customer_type import CUSTOMER_TYPE
from worker.sandbox.entities.department import DEPARTMENT
from worker.sandbox.entities.employee import EMPLOYEE
from worker.sandbox.entities.exchange_rate import EXCHANGE_RATE
from worker.sandbox.entities.invoice import INVOICE
from worker.sandbox.entities.item import ITEM
from worker.sandbox.entities.payment_method import PAYMENT_METHOD
from worker.sandbox.entities.preferences import PREFERENCES
from worker.sandbox.entities.taxes import TAX_AGENCY, TAX_CODE, TAX_RATE
from worker.sandbox.entities.term import TERM
from worker.sandbox.entities.tracking_class import CLASS
from worker.sandbox.entities.vendor import VENDOR

ENTITIES: Mapping[str, Entity] = {
    entity.name: entity
    for entity in (
        ACCOUNT,
        CLASS,
        COMPANY_CURRENCY,
        COMPANY_INFO,
        CUSTOMER,
        CUSTOMER_TYPE,
        DEPARTMENT,
        EMPLOYEE,
        EXCHANGE_RATE,
        INVOICE,
        ITEM,
        PAYMENT_METHOD,
        PREFERENCES,
        TAX_AGENCY,
        TAX_CODE,
        TAX_RATE,
        TERM,
        VENDOR,
    )
}
BY_PATH: Mapping[str, Entity] = {entity.name.lower(): entity for entity in ENTITIES.values()}
