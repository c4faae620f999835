"""Invoices: due by a term, open until payments and credits settle them."""

from collections.abc import Iterable
from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import TRANSACTION, Draft, Entity, Operation
from worker.sandbox.books.ledger import Posting
from worker.sandbox.entities.term import due
from worker.sandbox.sales import applying, basis, form, links
from worker.sandbox.sales.postings import receivable
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Anything, Cents, Day, Fields, Flag, Number, Property, Ref, Text

_PROPERTIES = described(
    *form.PROPERTIES,
    Property("DueDate", Day(), filterable=True),
    Property("SalesTermRef", Ref(("Term",), "Terms"), filterable=True),
    Property("ARAccountRef", Ref(("Account",), "Accounts")),
    Property("DepositToAccountRef", Ref(("Account",), "Accounts")),
    Property("Deposit", Cents(0)),
    Property("Balance", Number(), read_only=True, filterable=True),
    Property("HomeBalance", Number(), read_only=True),
    Property("AllowOnlineACHPayment", Flag(), default=True),
    Property("AllowOnlineCreditCardPayment", Flag(), default=True),
    Property("AllowOnlinePayment", Flag(), default=False),
    Property("AllowIPNPayment", Flag(), default=False),
    Property("EInvoiceStatus", Text(), read_only=True),
    Property("ECloudStatusTimeStamp", Text(), read_only=True),
    Property("InvoiceLink", Text(), read_only=True),
    Property("InvoiceLinkSecurityCode", Text(), read_only=True),
    Property("InvoiceLinkExpiryDate", Text(), read_only=True),
    Property("PaymentMethodRef", Ref(("PaymentMethod",), "PaymentMethods")),
    Property("PaymentRefNum", Text(21)),
    Property("PaymentType", Text()),
    Property("SalesRepRef", Ref(())),
    Property("PONumber", Text(25)),
    Property("FOB", Text(25)),
    Property("TemplateRef", Ref(())),
    Property("FinanceCharge", Flag()),
    Property("LessCIS", Number(), read_only=True),
    Property("CheckPayment", Anything()),
    Property("CreditCardPayment", Anything()),
)


def compose(company: Company, draft: Draft) -> Fields:
    """Complete an invoice: it is due by its own term, else by its customer's, else after 30 days."""
    fields = form.composed(company, draft)
    customer = company.objects["Customer"][fields["CustomerRef"]["value"]]
    # Reported, not documented: without a term of its own, an invoice is due by the customer's.
    chosen = fields.get("SalesTermRef") or customer.get("SalesTermRef")
    term = None if chosen is None else company.objects["Term"][chosen["value"]]
    _check_deposit(company, fields, draft.before)
    return {
        "DueDate": due(term, basis.day_of(fields)).isoformat(),
        **fields,
        "LinkedTxn": links.to_estimates(company, fields, draft.before),
        **basis.numbered(company, draft, "sales", "Invoice"),
    }


def _check_deposit(company: Company, fields: Fields, before: Fields | None) -> None:
    """Refuse a deposit where the company takes none, or that is more than the total."""
    deposit = fields.get("Deposit", Decimal(0))
    if deposit > fields["TotalAmt"]:
        raise faults.business("The deposit cannot be more than the total")
    if deposit != (before or {}).get("Deposit", Decimal(0)) and not company.traits.allow_deposit:
        raise faults.business("Deposits are not switched on for this company")


def postings(company: Company, fields: Fields) -> Iterable[Posting]:
    """Debit the customer, credit income and tax."""
    return receivable(company, fields, 1)


def derived(company: Company, stored: Fields) -> Fields:
    """Calculate the open balance, and list the transactions that settle the invoice."""
    settled = company.ledger.settled(("Invoice", stored["Id"]))
    owed = stored["TotalAmt"] - stored.get("Deposit", Decimal(0))
    return {
        "Balance": owed - settled,
        "LinkedTxn": links.shown(company, "Invoice", stored),
        **basis.balance_at_home(company, stored, owed, settled),
    }


def void(fields: Fields) -> Fields:
    """Return a voided invoice: amounts and quantities are 0, and it is linked to nothing."""
    return {**form.voided(fields), "LinkedTxn": [], "Deposit": Decimal(0)}


def answered(operation: Operation, shown: Fields) -> Fields:
    """Answer with an invoice; that of a send lacks two properties."""
    if operation != "send":
        return shown
    meta = {name: value for name, value in shown["MetaData"].items() if name != "LastModifiedByRef"}
    return {**shown, "MetaData": meta, "FreeFormAddress": None}


INVOICE = Entity(
    name="Invoice",
    properties=_PROPERTIES,
    ids="transactions",
    operations=TRANSACTION | {"void", "send", "pdf"},
    counted=True,
    tells_author=True,
    answered=answered,
    derived_names=frozenset({"Balance", "LinkedTxn", "HomeTotalAmt", "HomeBalance"}),
    compose=compose,
    postings=postings,
    applications=links.linking,
    derived=derived,
    void=void,
    on_create=applying.to_new_invoice,
)
