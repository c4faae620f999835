"""A sales form: the properties and rules that invoices, credit memos, receipts and estimates share."""

from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Draft
from worker.sandbox.sales import inclusive, taxes
from worker.sandbox.sales import lines as lines_of
from worker.sandbox.sales.basis import MONEY, RECEIVABLE, check_account, customer_of, dated, in_currency
from worker.sandbox.sales.lines import LINES, TAX_CODE
from worker.sandbox.sales.links import LINKED
from worker.sandbox.sales.numbering import with_subtotal
from worker.sandbox.sales.places import placed
from worker.sandbox.schema.common import ADDRESS, ATTACHABLES, EMAIL, MEMO
from worker.sandbox.schema.kinds import (
    Anything,
    Choice,
    CurrencyCode,
    Day,
    Fields,
    Flag,
    Number,
    Property,
    Ref,
    Several,
    Text,
    group,
)

LINES_TAXED_MAX = 750
# The types of the accounts that discounts go to.
_RESULT = frozenset({"Income", "Other Income", "Expense", "Other Expense", "Cost of Goods Sold"})
_TAX_DETAIL = group(
    Property("TxnTaxCodeRef", TAX_CODE),
    Property("TotalTax", Number()),
    Property("TaxLine", Several(Anything())),
    Property("UseAutomatedSalesTax", Flag()),
)
_CUSTOM = group(
    Property("DefinitionId", Text()),
    Property("Name", Text(), read_only=True),
    Property("Type", Choice(("StringType", "NumberType", "DateType", "BooleanType"))),
    Property("StringValue", Text(31)),
    Property("NumberValue", Number()),
    Property("DateValue", Day()),
    Property("BooleanValue", Flag()),
)
PROPERTIES = (
    Property("CustomerRef", Ref(("Customer",)), filterable=True),
    Property("Line", LINES),
    Property("TxnDate", Day(), filterable=True),
    Property("DocNumber", Text(21), filterable=True, blank=True),
    Property("AutoDocNumber", Flag()),
    Property("PrivateNote", Text(4000)),
    Property("CustomerMemo", MEMO),
    Property("BillEmail", EMAIL),
    Property("BillEmailCc", EMAIL),
    Property("BillEmailBcc", EMAIL),
    Property("BillAddr", ADDRESS),
    Property("ShipAddr", ADDRESS),
    Property("ShipFromAddr", ADDRESS),
    Property("FreeFormAddress", Flag(), read_only=True),
    Property("ShipDate", Day(), filterable=True),
    Property("ShipMethodRef", Ref(())),
    Property("TrackingNum", Text(31)),
    Property("EmailStatus", Choice(("NotSet", "NeedToSend", "EmailSent"))),
    Property("PrintStatus", Choice(("NotSet", "NeedToPrint", "PrintComplete"))),
    Property("CurrencyRef", CurrencyCode(), filterable=True),
    Property("ExchangeRate", Number(0)),
    Property("GlobalTaxCalculation", Choice(("TaxExcluded", "TaxInclusive", "NotApplicable"))),
    Property("TxnTaxDetail", _TAX_DETAIL),
    Property("ApplyTaxAfterDiscount", Flag()),
    Property("ClassRef", Ref(("Class",), "Klasses"), filterable=True),
    Property("DepartmentRef", Ref(("Department",), "Depts"), filterable=True),
    Property("ProjectRef", Ref(("Customer",))),
    Property("CustomField", Several(_CUSTOM)),
    Property("LinkedTxn", Several(LINKED)),
    Property("DeliveryInfo", Anything(), read_only=True),
    Property("TotalAmt", Number(), read_only=True, filterable=True),
    Property("HomeTotalAmt", Number(), read_only=True),
    Property("TxnSource", Text()),
    Property("TransactionLocationType", Text()),
    Property("TaxExemptionRef", Ref(())),
    Property("RecurDataRef", Ref(()), read_only=True),
    ATTACHABLES,
)
# An update that touches none of these leaves the lines and amounts as they are.
_PRICES = frozenset(
    {
        "Line",
        "CustomerRef",
        "GlobalTaxCalculation",
        "TxnTaxDetail",
        "ApplyTaxAfterDiscount",
        "ShipAddr",
        "BillAddr",
        "CurrencyRef",
        "ExchangeRate",
    }
)
_AMOUNTS = ("Line", "TxnTaxDetail", "TotalAmt")


def composed(company: Company, draft: Draft, *, anonymous: bool = False) -> Fields:
    """Check and complete a sales form, but for its number, which is given when nothing else is left to refuse.

    Args:
        company: The company.
        draft: The form, as the request has it.
        anonymous: Whether it can be without a customer.

    Raises:
        Fault: It breaks a rule of the books.
    """
    fields, before = draft.fields, draft.before
    unknown = anonymous and fields.get("CustomerRef") is None
    customer: Fields = {} if unknown else customer_of(company, fields, before)
    if not fields.get("Line"):
        raise faults.required("Line")
    if fields.get("EmailStatus") == "NeedToSend" and not (fields.get("BillEmail") or {}).get("Address"):
        raise faults.business("An e-mail address is needed to send the transaction")
    check_account(company, fields.get("ARAccountRef"), RECEIVABLE)
    check_account(company, fields.get("DepositToAccountRef"), MONEY)
    fields = _tracked(company, _calculated(company, fields))
    fields = in_currency(company, dated(company, fields, draft), customer)
    fields = {
        "CustomField": [],
        "PrintStatus": "NeedToPrint",
        "EmailStatus": "NotSet",
        **placed(company, fields, customer, draft),
    }
    # It asks for a number once, and is no property of the form.
    fields.pop("AutoDocNumber", None)
    return {**fields, **_priced(company, fields, draft)}


def voided(fields: Fields) -> Fields:
    """Return a voided form: amounts and quantities are 0."""
    zero = Decimal(0)
    return {
        **fields,
        "Line": [lines_of.voided(line) for line in fields["Line"]],
        "TxnTaxDetail": {"TotalTax": zero},
        "TotalAmt": zero,
    }


def _calculated(company: Company, fields: Fields) -> Fields:
    """Return a form that says how its amounts are meant: in the US beside a discount, elsewhere beside tax."""
    calculation = taxes.calculation(company, fields)
    if calculation is None:
        kept = {name: value for name, value in fields.items() if name != "GlobalTaxCalculation"}
        return {"ApplyTaxAfterDiscount": False, **kept}
    kept = {name: value for name, value in fields.items() if name != "ApplyTaxAfterDiscount"}
    return {**kept, "GlobalTaxCalculation": calculation}


def _tracked(company: Company, fields: Fields) -> Fields:
    """Return a form without a class or department of its own where the company does not track them.

    Reported by one source: such a reference is ignored, not refused.
    """
    off = {
        "ClassRef": not company.traits.classes_per_transaction,
        "DepartmentRef": not company.traits.track_departments,
    }
    return {name: value for name, value in fields.items() if not off.get(name)}


def _priced(company: Company, fields: Fields, draft: Draft) -> Fields:
    """Return the lines, the tax and the total of a form."""
    before = draft.before
    if before is not None and not any(fields.get(name) != before.get(name) for name in _PRICES):
        return {name: before[name] for name in _AMOUNTS}
    lines = lines_of.priced(company, inclusive.discount_again(fields["Line"], before))
    taxes.check(company, fields, lines)
    subtotal = inclusive.gross(lines, with_tax=fields.get("GlobalTaxCalculation") == "TaxInclusive")
    lines, discount = lines_of.discounted(company, lines, subtotal)
    for line in lines:
        check_account(company, (line.get("DiscountLineDetail") or {}).get("DiscountAccountRef"), _RESULT)
    stated = draft.given.get("TxnTaxDetail", {}).get("TotalTax")
    found = taxes.taxed(company, fields, lines, subtotal, discount, stated)
    if found.total and len(lines) > LINES_TAXED_MAX:
        raise faults.business(f"A transaction with tax has at most {LINES_TAXED_MAX} lines")
    total = found.subtotal - found.discount + found.total
    if total < 0:
        raise faults.business("The total of a transaction cannot be less than 0")
    lines = _net_discounts(found.lines, discount, found.discount)
    return {
        "Line": with_subtotal(lines, before, found.subtotal),
        "TxnTaxDetail": found.detail,
        "TotalAmt": total,
    }


def _net_discounts(lines: list[Fields], gross: Decimal, net: Decimal) -> list[Fields]:
    """Return the lines with the discount without its tax; there is one discount at most."""
    if gross == net:
        return lines
    return [{**line, "Amount": net} if line["DetailType"] == "DiscountLineDetail" else line for line in lines]
