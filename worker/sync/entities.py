"""The kinds of objects that are observed, one description each."""

from collections.abc import Callable

from msgspec import Struct

from events.contract import catalog
from events.contract.values import Fact
from worker.commands.customers import customer_observed
from worker.commands.entities import reference
from worker.commands.fields import Row
from worker.quickbooks.queries import NAME_LISTS
from worker.sync import lists, sales


class Observable(Struct, frozen=True):
    """A kind of objects in QuickBooks.

    Attributes:
        name: QuickBooks' name of it.
        event: The type of the event of a version.
        fact: Returns the kept fields of an object of a realm.
        kept: The version of the kept fields: after it was raised, every object is read once.
        is_announced: Whether webhooks and change data capture cover it.
        refers_to: Returns the object a change of which may change this one without a notice.
        fields: The fields to query. Change data capture returns those of `*` alone: if there are more, what it shows as
            changed is fetched.
    """

    name: str
    event: str
    fact: Callable[[str, Row], Fact]
    kept: int = 1
    is_announced: bool = True
    refers_to: Callable[[Row], str | None] = lambda _: None
    fields: tuple[str, ...] = ("*",)

    @property
    def is_whole_in_changes(self) -> bool:
        """Whether change data capture returns every kept field."""
        return self.fields == ("*",)

    @property
    def is_list(self) -> bool:
        """Whether it is a list, whose entries are never deleted, only made inactive or merged."""
        return self.name in NAME_LISTS


def named(entity: str, entity_id: str) -> str:
    """Return the name of an object within its company, such as `Customer/17`."""
    return f"{entity}/{entity_id}"


def _reference(entity: str, field: str) -> Callable[[Row], str | None]:
    def refers_to(row: Row) -> str | None:
        found = reference(dict(row), field)
        return None if found is None else named(entity, found)

    return refers_to


_OF_CUSTOMER = _reference("Customer", "CustomerRef")

# Lists before the transactions that refer to them.
OBSERVABLES = (
    Observable("Account", catalog.LEDGER_ACCOUNT_OBSERVED, lists.ledger_account),
    Observable("Term", catalog.TERM_OBSERVED, lists.term),
    Observable("TaxRate", catalog.TAX_RATE_OBSERVED, lists.tax_rate, is_announced=False),
    Observable("TaxCode", catalog.TAX_CODE_OBSERVED, lists.tax_code, is_announced=False),
    Observable(
        "Item",
        catalog.ITEM_OBSERVED,
        lists.item,
        refers_to=_reference("Account", "IncomeAccountRef"),
        fields=("*", "Sku"),
    ),
    Observable(
        "Customer",
        catalog.CUSTOMER_OBSERVED,
        customer_observed,
        kept=2,
        refers_to=_reference("Customer", "ParentRef"),
    ),
    Observable("Vendor", catalog.VENDOR_OBSERVED, lists.vendor),
    Observable("Employee", catalog.EMPLOYEE_OBSERVED, lists.employee),
    Observable("Invoice", catalog.INVOICE_OBSERVED, sales.invoice, refers_to=_OF_CUSTOMER),
    Observable("CreditMemo", catalog.CREDIT_MEMO_OBSERVED, sales.credit_memo, refers_to=_OF_CUSTOMER),
    Observable("Payment", catalog.PAYMENT_OBSERVED, sales.payment, refers_to=_OF_CUSTOMER),
    Observable(
        "SalesReceipt",
        catalog.SALES_RECEIPT_OBSERVED,
        sales.sales_receipt,
        refers_to=_OF_CUSTOMER,
    ),
    Observable(
        "RefundReceipt",
        catalog.REFUND_RECEIPT_OBSERVED,
        sales.refund_receipt,
        refers_to=_OF_CUSTOMER,
    ),
)
BY_NAME = {each.name: each for each in OBSERVABLES}
ANNOUNCED = tuple(each.name for each in OBSERVABLES if each.is_announced)
UNANNOUNCED = tuple(each.name for each in OBSERVABLES if not each.is_announced)
