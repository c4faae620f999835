"""Every entity of the sandbox. A new one is a file of its own and a line here."""

from collections.abc import Mapping

from worker.sandbox.books.entity import Entity
from worker.sandbox.entities.account import ACCOUNT
from worker.sandbox.entities.company_currency import COMPANY_CURRENCY
from worker.sandbox.entities.company_info import COMPANY_INFO
from worker.sandbox.entities.credit_memo import CREDIT_MEMO
from worker.sandbox.entities.customer import CUSTOMER
from worker.sandbox.entities.customer_type import CUSTOMER_TYPE
from worker.sandbox.entities.department import DEPARTMENT
from worker.sandbox.entities.deposit import DEPOSIT
from worker.sandbox.entities.employee import EMPLOYEE
from worker.sandbox.entities.estimate import ESTIMATE
from worker.sandbox.entities.exchange_rate import EXCHANGE_RATE
from worker.sandbox.entities.invoice import INVOICE
from worker.sandbox.entities.item import ITEM
from worker.sandbox.entities.journal_entry import JOURNAL_ENTRY
from worker.sandbox.entities.payment import PAYMENT
from worker.sandbox.entities.payment_method import PAYMENT_METHOD
from worker.sandbox.entities.preferences import PREFERENCES
from worker.sandbox.entities.refund_receipt import REFUND_RECEIPT
from worker.sandbox.entities.sales_receipt import SALES_RECEIPT
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
        CREDIT_MEMO,
        CUSTOMER,
        CUSTOMER_TYPE,
        DEPARTMENT,
        DEPOSIT,
        EMPLOYEE,
        ESTIMATE,
        EXCHANGE_RATE,
        INVOICE,
        ITEM,
        JOURNAL_ENTRY,
        PAYMENT,
        PAYMENT_METHOD,
        PREFERENCES,
        REFUND_RECEIPT,
        SALES_RECEIPT,
        TAX_AGENCY,
        TAX_CODE,
        TAX_RATE,
        TERM,
        VENDOR,
    )
}
BY_PATH: Mapping[str, Entity] = {entity.name.lower(): entity for entity in ENTITIES.values()}
