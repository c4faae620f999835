"""The rules of invoices: lines, numbers, terms, totals, voiding."""

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

from worker.sandbox import faults
from worker.sandbox.company import (
    AMOUNT_LIMIT,
    CENT,
    Company,
    Entity,
    check_length,
    check_properties,
    child,
    money,
    number,
    reference,
)
from worker.sandbox.lengths import check_texts
from worker.sandbox.taxes import check_tax_codes, total_tax

DUE_DAYS_DEFAULT = 30
EXACT = Context(prec=64)
LINES_MAX = 10_000
LINES_TAXED_MAX = 750
# Decimals that are kept of a quantity and of a unit price; what comes after them is dropped.
KEPT = Decimal("0.0000001")
SHIPPING_ITEM = "SHIPPING_ITEM_ID"

PROPERTIES = frozenset(
    {
        "Id",
        "SyncToken",
        "sparse",
        "domain",
        "MetaData",
        "CustomerRef",
        "Line",
        "TxnDate",
        "DueDate",
        "DocNumber",
        "AutoDocNumber",
        "PrivateNote",
        "CustomerMemo",
        "SalesTermRef",
        "BillEmail",
        "BillEmailCc",
        "BillEmailBcc",
        "BillAddr",
        "ShipAddr",
        "ShipDate",
        "ShipMethodRef",
        "TrackingNum",
        "EmailStatus",
        "PrintStatus",
        "CurrencyRef",
        "ExchangeRate",
        "GlobalTaxCalculation",
        "TxnTaxDetail",
        "ApplyTaxAfterDiscount",
        "ClassRef",
        "DepartmentRef",
        "CustomField",
        "Deposit",
        "AllowOnlineACHPayment",
        "AllowOnlineCreditCardPayment",
        "AllowOnlinePayment",
        "AllowIPNPayment",
        "LinkedTxn",
        "DeliveryInfo",
        "TotalAmt",
        "Balance",
        "HomeTotalAmt",
        "HomeBalance",
        "FreeFormAddress",
    }
)
_NOT_SOLD = frozenset({"Category", "Group"})
_LINES = frozenset(
    {"SalesItemLineDetail", "DiscountLineDetail", "DescriptionOnly", "SubTotalLineDetail", "GroupLineDetail"}
)


def create(company: Company, data: Entity, now: datetime, *, allow_duplicate_number: bool = False) -> Entity:
    """Create an invoice.

    Raises:
        Fault: It breaks a rule of the books.
    """
    fields = _composed(company, data, now, before=None, allow_duplicate=allow_duplicate_number)
    return company.store("Invoice", fields, now)


def update(company: Company, data: Entity, now: datetime) -> Entity:
    """Change an invoice; lines, when sent, replace all lines.

    Raises:
        Fault: It breaks a rule, or was changed meanwhile.
    """
    before = company.current("Invoice", data)
    changes = {key: value for key, value in data.items() if key not in {"sparse", "MetaData", "domain"}}
    kept = before if data.get("sparse") else {"DocNumber": before.get("DocNumber")}
    fields = _composed(company, {**kept, **changes}, now, before=before, allow_duplicate=False)
    return company.replace("Invoice", before, fields, now)


def void(company: Company, data: Entity, now: datetime) -> Entity:
    """Void an invoice: its amounts become 0, and it stays."""
    before = company.current("Invoice", data)
    lines = [_voided(line) for line in before["Line"]]
    note = f"{before.get('PrivateNote') or ''} Voided".strip()
    voided = {
        **before,
        "Line": lines,
        "TotalAmt": Decimal(0),
        "Balance": Decimal(0),
        "TxnTaxDetail": {"TotalTax": Decimal(0)},
        "PrivateNote": note,
    }
    return company.replace("Invoice", before, voided, now)


def _voided(line: Entity) -> Entity:
    detail = child(line, "SalesItemLineDetail")
    without = {"SalesItemLineDetail": {**detail, "Qty": Decimal(0)}} if "Qty" in detail else {}
    return {**line, "Amount": Decimal(0), **without}


def delete(company: Company, data: Entity) -> Entity:
    """Delete an invoice."""
    before = company.current("Invoice", data)
    del company.objects["Invoice"][before["Id"]]
    return {"domain": "QBO", "status": "Deleted", "Id": before["Id"]}


def _composed(
    company: Company, data: Entity, now: datetime, *, before: Entity | None, allow_duplicate: bool
) -> Entity:
    check_properties(data, PROPERTIES)
    check_texts("Invoice", data)
    customer_id = reference(data, "CustomerRef")
    if customer_id is None:
        raise faults.required("CustomerRef")
    if not data.get("Line"):
        raise faults.required("Line")
    customer = company.active("Customer", customer_id)
    data = {name: customer[name] for name in ("BillAddr", "ShipAddr") if customer.get(name)} | data
    if data.get("EmailStatus") == "NeedToSend" and not child(data, "BillEmail").get("Address"):
        raise faults.business("An e-mail address is needed to send the invoice")
    txn_date = _date(data.get("TxnDate"), "TxnDate") or company.today(now)
    closed = company.traits.books_closed_until
    if closed is not None and txn_date <= closed:
        raise faults.period_closed()
    lines = [_line(company, line) for line in _lines(data) if line.get("DetailType") != "SubTotalLineDetail"]
    check_tax_codes(company, data, lines)
    subtotal = sum(
        (line["Amount"] for line in lines if line["DetailType"] == "SalesItemLineDetail"), Decimal(0)
    )
    lines, discount = _discounts(company, lines, subtotal)
    tax = total_tax(company, data, lines, subtotal, discount)
    if tax and len(lines) > LINES_TAXED_MAX:
        raise faults.business(f"A transaction with tax has at most {LINES_TAXED_MAX} lines")
    total = subtotal - discount + tax
    if total < 0:
        raise faults.business("The total of an invoice cannot be less than 0")
    # Reported, not documented: without a term of its own, an invoice is due by the customer's.
    due = _due(company, reference(data, "SalesTermRef") or reference(customer, "SalesTermRef"), txn_date)
    paid = before["TotalAmt"] - before["Balance"] if before else Decimal(0)
    return {
        "AllowIPNPayment": False,
        "AllowOnlinePayment": False,
        "AllowOnlineCreditCardPayment": True,
        "AllowOnlineACHPayment": True,
        "CustomField": [],
        "LinkedTxn": [],
        "ApplyTaxAfterDiscount": False,
        "PrintStatus": "NeedToPrint",
        "EmailStatus": "NotSet",
        **data,
        "CustomerRef": {"value": customer_id, "name": customer["DisplayName"]},
        "CurrencyRef": _currency(company, data, customer),
        "TxnDate": txn_date.isoformat(),
        "DueDate": (_date(data.get("DueDate"), "DueDate") or due).isoformat(),
        "DocNumber": _document_number(company, data, before, allow_duplicate=allow_duplicate),
        "Line": [
            *({**line, "LineNum": place, "Id": str(place)} for place, line in enumerate(lines, start=1)),
            {"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
        ],
        "TxnTaxDetail": {"TotalTax": tax},
        "TotalAmt": total,
        "Balance": total - paid,
    }


def _lines(data: Entity) -> list[Entity]:
    lines = data["Line"]
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise faults.unsupported_property("Line")
    if len(lines) > LINES_MAX:
        raise faults.business(f"A transaction has at most {LINES_MAX} lines")
    return lines


def _line(company: Company, line: Entity) -> Entity:
    kind = line.get("DetailType")
    if kind not in _LINES:
        raise faults.Fault(
            "2170", "Invalid Enumeration", f"Invalid Enumeration : {kind}", element="DetailType"
        )
    check_length(line, "Description", 4000)
    if kind != "SalesItemLineDetail":
        return dict(line)
    detail = child(line, "SalesItemLineDetail")
    amount = money(line.get("Amount"), "Amount")
    detail = {
        **detail,
        **{name: _kept(detail, name) for name in ("Qty", "UnitPrice") if detail.get(name) is not None},
    }
    if "Qty" in detail and "UnitPrice" in detail:
        product = EXACT.multiply(detail["Qty"], detail["UnitPrice"])
        if abs(product) >= AMOUNT_LIMIT or product.quantize(CENT, ROUND_HALF_UP, EXACT) != amount:
            raise faults.business(
                f"Amount is not equal to UnitPrice * Qty. Supplied value:{amount:,}", code="6070"
            )
    item_id = reference(detail, "ItemRef")
    if item_id == SHIPPING_ITEM:
        if not company.traits.allow_shipping:
            raise faults.business("Shipping is not switched on for this company")
        item = {"value": SHIPPING_ITEM}
    elif item_id is None:
        item = {"value": "1", "name": "Services"}
    else:
        found = company.active("Item", item_id)
        if found.get("Type") in _NOT_SOLD:
            raise faults.business(f"A {found['Type']} can't be used on a line of a transaction")
        if found.get("Type") == "Inventory" and "Qty" not in detail:
            raise faults.business("Quantity required for inventory item", code="6520")
        item = {"value": item_id, "name": found["Name"]}
    return {**line, "Amount": amount, "SalesItemLineDetail": {**detail, "ItemRef": item}}


def _kept(detail: Entity, name: str) -> Decimal:
    value = number(detail[name], name)
    kept = value.quantize(KEPT, ROUND_DOWN, EXACT)
    return value if kept == value else kept


def _discounts(company: Company, lines: list[Entity], subtotal: Decimal) -> tuple[list[Entity], Decimal]:
    priced, total = [], Decimal(0)
    for line in lines:
        if line["DetailType"] != "DiscountLineDetail":
            priced.append(line)
            continue
        if not company.traits.allow_discount:
            raise faults.business("Discounts are not switched on for this company")
        detail = child(line, "DiscountLineDetail")
        if detail.get("PercentBased"):
            percent = number(detail.get("DiscountPercent"), "DiscountPercent")
            amount = (subtotal * percent / 100).quantize(CENT, ROUND_HALF_UP)
        else:
            amount = money(line.get("Amount"), "Amount")
        account = {"value": _discount_account(company), "name": "Discounts given"}
        detail = {**detail, "DiscountAccountRef": account}
        priced.append({**line, "Amount": amount, "DiscountLineDetail": detail})
        total += amount
    return priced, total


def _discount_account(company: Company) -> str:
    return next(str(a["Id"]) for a in company.every("Account") if a["Name"] == "Discounts given")


def _document_number(
    company: Company, data: Entity, before: Entity | None, *, allow_duplicate: bool
) -> str | None:
    wanted = str(data.get("DocNumber") or "")
    if wanted:
        for existing in company.every("Invoice"):
            same = existing.get("DocNumber") == wanted and existing is not before
            if same and not allow_duplicate:
                raise faults.duplicate_number(wanted, existing["Id"])
        return wanted
    if company.traits.custom_transaction_numbers or before is not None:
        return None
    given = company.next_document_number
    company.next_document_number += 1
    return str(given)


def _currency(company: Company, data: Entity, customer: Entity) -> Entity:
    currency = reference(data, "CurrencyRef")
    if company.traits.multicurrency and currency is None:
        raise faults.required("CurrencyRef")
    billed_in = reference(customer, "CurrencyRef")
    if currency is not None and currency != billed_in:
        raise faults.business(f"The customer is billed in {billed_in}, not in {currency}")
    return {"value": billed_in}


def _due(company: Company, term_id: str | None, txn_date: date) -> date:
    term = {"DueDays": DUE_DAYS_DEFAULT} if term_id is None else company.active("Term", term_id)
    try:
        return txn_date + timedelta(days=int(term.get("DueDays") or 0))
    except OverflowError:
        raise faults.Fault(
            "2010", "Invalid date", f"No due date after {txn_date}", element="DueDate"
        ) from None


def _date(value: object, name: str) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise faults.Fault("2010", "Invalid date", f"Invalid date {value} for {name}", element=name) from None
