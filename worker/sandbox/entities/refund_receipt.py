"""Refund receipts: sales that are taken back, and paid back at once."""

from collections.abc import Iterable
from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import TRANSACTION, Draft, Entity
from worker.sandbox.books.ledger import Posting
from worker.sandbox.entities.sales_receipt import PAID
from worker.sandbox.sales import basis, form
from worker.sandbox.sales.postings import received
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Fields


def compose(company: Company, draft: Draft) -> Fields:
    """Complete a refund receipt, which must say the account that the money comes from."""
    if draft.fields.get("DepositToAccountRef") is None:
        raise faults.required("DepositToAccountRef")
    fields = form.composed(company, draft, anonymous=True)
    # As recorded, it has no EmailStatus unless somebody sets it.
    fields = {**fields, "EmailStatus": draft.fields.get("EmailStatus")}
    return {**fields, "LinkedTxn": None, **basis.numbered(company, draft, "sales", "RefundReceipt")}


def postings(company: Company, fields: Fields) -> Iterable[Posting]:
    """Debit income and tax, credit the account of the money."""
    return received(company, fields, -1)


def derived(company: Company, stored: Fields) -> Fields:
    """Show that nothing is open."""
    home = basis.balance_at_home(company, stored, Decimal(0), Decimal(0))
    return {"Balance": Decimal(0), **home}


REFUND_RECEIPT = Entity(
    name="RefundReceipt",
    properties=described(*form.PROPERTIES, *PAID),
    ids="transactions",
    operations=TRANSACTION | {"send", "pdf"},
    derived_names=frozenset({"Balance", "HomeTotalAmt", "HomeBalance"}),
    compose=compose,
    postings=postings,
    derived=derived,
)
