"""The opening balance of a new customer, which QuickBooks books as an invoice."""

from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.closing import check_open
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Draft
from worker.sandbox.sales.basis import in_currency
from worker.sandbox.sales.lines import usual_item
from worker.sandbox.sales.numbering import with_subtotal
from worker.sandbox.sales.places import placed
from worker.sandbox.sales.taxes import without_tax
from worker.sandbox.schema.kinds import Fields


def check(company: Company, draft: Draft) -> None:
    """Refuse an opening balance that cannot be booked.

    Raises:
        Fault: 6000 for a negative one, 6210 for one in the closed books.
    """
    balance = draft.given.get("Balance")
    if draft.before is not None or not balance:
        return
    if balance < 0:
        raise faults.business("The opening balance of a customer cannot be less than 0")
    check_open(company, {"TxnDate": _day(company, draft)})


def invoice(company: Company, draft: Draft, customer: Fields) -> None:
    """Book the opening balance of a new customer against the equity that companies open with."""
    balance: Decimal | None = draft.given.get("Balance")
    if not balance:
        return
    day = _day(company, draft)
    counted = not company.traits.custom_transaction_numbers
    detail = {
        "ItemRef": usual_item(company),
        "ItemAccountRef": {"value": company.account("OpeningBalanceEquity")["Id"]},
    }
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": balance,
        "Description": "Opening Balance",
        "SalesItemLineDetail": detail,
    }
    fields = {
        **company.entities["Invoice"].properties.defaults(),
        **({"ApplyTaxAfterDiscount": False} if company.traits.country == "US" else without_tax(company)),
        "CustomerRef": {"value": customer["Id"]},
        "CurrencyRef": customer["CurrencyRef"],
        "DocNumber": company.numbers.next("sales") if counted else None,
        "TxnDate": day,
        "DueDate": day,
        "Line": with_subtotal([line], None, balance),
        "TxnTaxDetail": {"TotalTax": Decimal(0)},
        "TotalAmt": balance,
        "CustomField": [],
        "LinkedTxn": [],
        "PrintStatus": "NeedToPrint",
        "EmailStatus": "NotSet",
    }
    fields = placed(company, in_currency(company, fields, customer), customer, draft)
    company.store("Invoice", fields, draft.act)


def _day(company: Company, draft: Draft) -> str:
    return str(draft.given.get("OpenBalanceDate") or company.today(draft.act.at).isoformat())
