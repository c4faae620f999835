"""Sales receipts: sales that are paid at once."""

from collections.abc import Iterable
from decimal import Decimal

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import TRANSACTION, Draft, Entity
from worker.sandbox.books.ledger import Posting
from worker.sandbox.sales import basis, form, links
from worker.sandbox.sales.postings import money_account, received
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Anything, Fields, Number, Property, Ref, Text

PAID = (
    Property("DepositToAccountRef", Ref(("Account",), "Accounts")),
    Property("Balance", Number(), read_only=True, filterable=True),
    Property("HomeBalance", Number(), read_only=True),
    Property("PaymentMethodRef", Ref(("PaymentMethod",), "PaymentMethods")),
    Property("PaymentRefNum", Text(21), filterable=True),
    Property("PaymentType", Text()),
    Property("CheckPayment", Anything()),
    Property("CreditCardPayment", Anything()),
    Property("SalesRepRef", Ref(())),
    Property("PONumber", Text(25)),
    Property("FOB", Text(25)),
    Property("TemplateRef", Ref(())),
)


def compose(company: Company, draft: Draft) -> Fields:
    """Complete a sales receipt: its money goes to Undeposited Funds unless it says where; it may lack a customer."""
    fields = form.composed(company, draft, anonymous=True)
    return {
        **fields,
        "DepositToAccountRef": {"value": money_account(company, fields)},
        "LinkedTxn": None,
        **basis.numbered(company, draft, "sales", "SalesReceipt"),
    }


def postings(company: Company, fields: Fields) -> Iterable[Posting]:
    """Debit the account of the money, credit income and tax."""
    return received(company, fields, 1)


def derived(company: Company, stored: Fields) -> Fields:
    """Show that nothing is open, and the deposit that the receipt is part of."""
    return {
        "Balance": Decimal(0),
        "LinkedTxn": links.shown(company, "SalesReceipt", stored) or None,
        **basis.balance_at_home(company, stored, Decimal(0), Decimal(0)),
    }


SALES_RECEIPT = Entity(
    name="SalesReceipt",
    properties=described(*form.PROPERTIES, *PAID),
    ids="transactions",
    operations=TRANSACTION | {"void", "send", "pdf"},
    derived_names=frozenset({"Balance", "LinkedTxn", "HomeTotalAmt", "HomeBalance"}),
    compose=compose,
    postings=postings,
    derived=derived,
    void=form.voided,
)
