"""Credit memos: what a customer is owed for, until payments apply it to invoices."""

from collections.abc import Iterable

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import TRANSACTION, Draft, Entity
from worker.sandbox.books.ledger import Posting
from worker.sandbox.sales import basis, form
from worker.sandbox.sales.postings import receivable
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Fields, Number, Property, Ref, Text

_PROPERTIES = described(
    *form.PROPERTIES,
    Property("ARAccountRef", Ref(("Account",), "Accounts")),
    Property("SalesTermRef", Ref(("Term",), "Terms"), filterable=True),
    Property("InvoiceRef", Ref(("Invoice",), "Transactions")),
    Property("Balance", Number(), read_only=True, filterable=True),
    Property("HomeBalance", Number(), read_only=True),
    Property("RemainingCredit", Number(), read_only=True),
    Property("PaymentMethodRef", Ref(("PaymentMethod",), "PaymentMethods")),
    Property("PaymentRefNum", Text(21)),
    Property("SalesRepRef", Ref(())),
    Property("PONumber", Text(25)),
    Property("FOB", Text(25)),
    Property("TemplateRef", Ref(())),
)


def compose(company: Company, draft: Draft) -> Fields:
    """Complete a credit memo; its number comes from the counter of the invoices."""
    fields = form.composed(company, draft)
    return {**fields, "LinkedTxn": None, **basis.numbered(company, draft, "sales", "CreditMemo")}


def postings(company: Company, fields: Fields) -> Iterable[Posting]:
    """Debit income and tax, credit the customer."""
    return receivable(company, fields, -1)


def derived(company: Company, stored: Fields) -> Fields:
    """Calculate the credit that is left; as recorded, nothing says which payments use it."""
    total, settled = stored["TotalAmt"], company.ledger.settled(("CreditMemo", stored["Id"]))
    return {
        "Balance": total - settled,
        "RemainingCredit": total - settled,
        **basis.balance_at_home(company, stored, total, settled),
    }


CREDIT_MEMO = Entity(
    name="CreditMemo",
    properties=_PROPERTIES,
    ids="transactions",
    operations=TRANSACTION | {"send", "pdf"},
    derived_names=frozenset({"Balance", "RemainingCredit", "HomeTotalAmt", "HomeBalance"}),
    compose=compose,
    postings=postings,
    derived=derived,
)
