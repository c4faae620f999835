"""A sales form: the properties and rules that invoices, credit memos, receipts and estimates share."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from worker.sandbox import faults
from worker.sandbox.books import exchange
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Draft
from worker.sandbox.books.writing import check_open
from worker.sandbox.sales import inclusive, taxes
from worker.sandbox.sales import lines as lines_of
from worker.sandbox.sales.lines import LINES, TAX_CODE
from worker.sandbox.sales.links import LINKED
from worker.sandbox.schema.common import ADDRESS, ATTACHABLES, EMAIL, MEMO
from worker.sandbox.schema.kinds import (
    CENT,
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
RECEIVABLE = frozenset({"Accounts Receivable"})
# The types of the accounts that payments and receipts go to.
MONEY = frozenset({"Bank", "Other Current Asset"})
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


def composed(
    company: Company, draft: Draft, *, counter: str | None, entity: str, anonymous: bool = False
) -> Fields:
    """Check and complete a sales form.

    Args:
        company: The company.
        draft: The form, as the request has it.
        counter: The counter that its number comes from.
        entity: The entity, such as `Invoice`.
        anonymous: Whether it can be without a customer.

    Raises:
        Fault: It breaks a rule of the books.
    """
    fields, before = draft.fields, draft.before
    unknown = anonymous and fields.get("CustomerRef") is None
    customer: Fields = {} if unknown else customer_of(company, fields, before)
    if not fields.get("Line"):
        raise faults.required("Line")
    addresses = {name: customer[name] for name in ("BillAddr", "ShipAddr") if customer.get(name)}
    fields = {**(addresses if before is None else {}), **fields}
    if fields.get("EmailStatus") == "NeedToSend" and not (fields.get("BillEmail") or {}).get("Address"):
        raise faults.business("An e-mail address is needed to send the transaction")
    check_account(company, fields.get("ARAccountRef"), RECEIVABLE)
    check_account(company, fields.get("DepositToAccountRef"), MONEY)
    fields = _tracked(company, _calculated(company, fields))
    fields = in_currency(company, dated(company, fields, draft), customer)
    return {
        "CustomField": [],
        "PrintStatus": "NeedToPrint",
        "EmailStatus": "NotSet",
        "ApplyTaxAfterDiscount": False,
        **fields,
        **_priced(company, fields, draft),
        **numbered(company, draft, counter, entity),
    }


def dated(company: Company, fields: Fields, draft: Draft) -> Fields:
    """Return a transaction with its date, by default the company's present one, which is in open books.

    Raises:
        Fault: 6210 if its books are closed, or those where it was before.
    """
    fields = {**fields, "TxnDate": fields.get("TxnDate") or company.today(draft.act.at).isoformat()}
    check_open(company, fields, draft.before)
    return fields


def voided(fields: Fields) -> Fields:
    """Return a voided form: amounts and quantities are 0."""
    zero = Decimal(0)
    return {
        **fields,
        "Line": [lines_of.voided(line) for line in fields["Line"]],
        "TxnTaxDetail": {"TotalTax": zero},
        "TotalAmt": zero,
    }


def day_of(fields: Fields) -> date:
    """Return the date of a transaction."""
    return date.fromisoformat(fields["TxnDate"])


def home(fields: Fields, amount: Decimal) -> Decimal:
    """Return an amount of a transaction in the home currency."""
    rate: Decimal = fields.get("ExchangeRate", Decimal(1))
    return (amount * rate).quantize(CENT, ROUND_HALF_UP)


def at_home(company: Company, stored: Fields, **amounts: Decimal) -> Fields:
    """Return amounts of a transaction in the home currency, which companies with several currencies show."""
    if not company.traits.multicurrency:
        return {}
    return {name: home(stored, amount) for name, amount in amounts.items()}


def check_account(company: Company, reference: Fields | None, types: frozenset[str]) -> None:
    """Refuse an account whose type does not fit.

    Raises:
        Fault: 6000.
    """
    account = company.get("Account", reference["value"]) if reference else None
    if account is not None and account["AccountType"] not in types:
        raise faults.business(f"The type of the account must be {' or '.join(sorted(types))}")


def customer_of(company: Company, fields: Fields, before: Fields | None) -> Fields:
    """Return the customer of a transaction; one that was its customer before may be inactive by now.

    Raises:
        Fault: 2020 if it has none, 2500 or 610 if there is no such customer or an inactive one.
    """
    reference = fields.get("CustomerRef")
    if reference is None:
        raise faults.required("CustomerRef")
    known = before is not None and before.get("CustomerRef") == reference
    found = company.get("Customer", reference["value"]) if known else None
    return found or company.active("Customer", reference["value"])


def in_currency(company: Company, fields: Fields, customer: Fields) -> Fields:
    """Return a transaction with its currency, which is its customer's, and its rate in a company with several.

    Raises:
        Fault: 2020 if a company with several currencies is not told which, 6000 if it is another one.
    """
    currency = fields.get("CurrencyRef")
    if company.traits.multicurrency and currency is None:
        raise faults.required("CurrencyRef")
    home_currency = {"value": company.traits.home_currency}
    billed_in = customer.get("CurrencyRef") or currency or home_currency
    if currency is not None and currency != billed_in:
        raise faults.business(f"The customer is billed in {billed_in['value']}, not in {currency['value']}")
    if not company.traits.multicurrency:
        if billed_in != home_currency and not customer:
            raise faults.business("Multi-currency is not enabled for this company")
        kept = {name: value for name, value in fields.items() if name != "ExchangeRate"}
        return {**kept, "CurrencyRef": billed_in}
    if billed_in == home_currency:
        return {**fields, "CurrencyRef": billed_in, "ExchangeRate": Decimal(1)}
    rate = fields.get("ExchangeRate") or exchange.rate(company, billed_in["value"], day_of(fields))
    return {**fields, "CurrencyRef": billed_in, "ExchangeRate": rate}


def _calculated(company: Company, fields: Fields) -> Fields:
    """Return a form that says how its amounts are meant, which forms of US companies do not."""
    calculation = taxes.calculation(company, fields)
    if calculation is None:
        return {name: value for name, value in fields.items() if name != "GlobalTaxCalculation"}
    return {**fields, "GlobalTaxCalculation": calculation}


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
        "Line": lines_of.numbered(lines, before, found.subtotal),
        "TxnTaxDetail": found.detail,
        "TotalAmt": total,
    }


def _net_discounts(lines: list[Fields], gross: Decimal, net: Decimal) -> list[Fields]:
    """Return the lines with the discount without its tax; there is one discount at most."""
    if gross == net:
        return lines
    return [{**line, "Amount": net} if line["DetailType"] == "DiscountLineDetail" else line for line in lines]


def numbered(company: Company, draft: Draft, counter: str | None, entity: str) -> Fields:
    """Return the document number: the request's, the former one, or the next of the counter.

    Raises:
        Fault: 6140 if another transaction of the entity has it.
    """
    before = draft.before
    wanted: Any = draft.fields.get("DocNumber")
    if wanted is None and before is not None and "DocNumber" not in draft.given:
        wanted = before.get("DocNumber")
    if not wanted:
        if before is not None or counter is None or company.traits.custom_transaction_numbers:
            return {"DocNumber": None}
        return {"DocNumber": company.numbers.next(counter)}
    kept = before is not None and before.get("DocNumber") == wanted
    checked = not kept or company.traits.number_checked_on_every_update
    holder = company.numbers.holder(entity, wanted, (before or {}).get("Id"))
    if checked and holder is not None and "allowduplicatedocnum" not in draft.include:
        raise faults.duplicate_number(wanted, holder, entity)
    return {"DocNumber": wanted}
