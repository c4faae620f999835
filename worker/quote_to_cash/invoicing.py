"""The invoice of a deal, as QuickBooks takes it; its date is added when it is first sent."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from events.crm import DealUpdated, Discount, Quote, QuoteLine
from events.quickbooks import CompanyObserved, Named
from worker.commands.identity import marker
from worker.quote_to_cash.settings import Settings, memo_text
from worker.quote_to_cash.totals import Priced, PricedLine

DOC_NUMBER_CHARACTERS_MAX = 21
DESCRIPTION_CHARACTERS_MAX = 4000
SHIPPING_ITEM = "SHIPPING_ITEM_ID"
HOME_OF_SALES_TAX = "US"


def invoice_body(
    deal: DealUpdated,
    quote: Quote,
    priced: Priced,
    *,
    customer_id: str,
    items: Mapping[str, str],
    company: CompanyObserved,
    settings: Settings,
    part: int,
    generation: int,
    request: str,
) -> dict[str, Any]:
    """Compose the body of a create; every reference in it has passed its gate."""
    body: dict[str, Any] = {
        "CustomerRef": {"value": customer_id},
        "Line": [_line(line, items[line.line.product_id], quote, company) for line in priced.lines],
        "PrivateNote": _private_note(deal, settings, request),
    }
    if priced.shipping:
        body["Line"].append(_shipping_line(priced.shipping, quote, company))
    if priced.discount:
        body["Line"].append(
            {
                "DetailType": "DiscountLineDetail",
                "Amount": priced.discount,
                "DiscountLineDetail": {"PercentBased": False},
            }
        )
    if not sales_tax(company):
        body["GlobalTaxCalculation"] = "NotApplicable" if quote.tax_mode == "none" else "TaxExcluded"
    if company.multicurrency:
        body["CurrencyRef"] = {"value": deal.currency}
    if settings.terms and (term := named(company.terms, settings.terms)):
        body["SalesTermRef"] = {"value": term.id}
    if company.custom_transaction_numbers:
        body["DocNumber"] = doc_number(deal.deal_id, part, generation)
    return body


def sales_tax(company: CompanyObserved) -> bool:
    """Say whether the company's lines are taxable or not (US), rather than of a tax code each."""
    return company.country == HOME_OF_SALES_TAX


def named(choices: tuple[Named, ...], wanted: str) -> Named | None:
    """Find a term, tax code or account by its name, whatever the case, or by its id."""
    folded = wanted.strip().casefold()
    by_name = (choice for choice in choices if choice.name.casefold() == folded)
    by_id = (choice for choice in choices if choice.id == wanted)
    return next(by_name, None) or next(by_id, None)


def doc_number(deal_id: str, part: int, generation: int) -> str:
    """Derive an invoice's number from its key, in at most 21 characters.

    Never from a counter of ours: the same deal gets the same number however often it is decided.
    """
    suffix = (f"-{part}" if part else "") + (f"-R{generation}" if generation > 1 else "")
    room = DOC_NUMBER_CHARACTERS_MAX - len(suffix)
    if len(deal_id) <= room:
        return deal_id + suffix
    digest = hashlib.sha256(deal_id.encode()).hexdigest()[:8].upper()
    return f"{deal_id[: room - 9]}~{digest}{suffix}"


def _line(priced: PricedLine, item_id: str, quote: Quote, company: CompanyObserved) -> dict[str, Any]:
    line = priced.line
    detail: dict[str, Any] = {"ItemRef": {"value": item_id}}
    if priced.itemised:
        detail |= {"Qty": Decimal(line.quantity), "UnitPrice": Decimal(line.unit_price)}
    if line.service_date:
        detail["ServiceDate"] = line.service_date.isoformat()
    if code := _tax_code(line, quote, company):
        detail["TaxCodeRef"] = {"value": code}
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": priced.amount,
        "Description": _description(priced),
        "SalesItemLineDetail": detail,
    }


def _description(priced: PricedLine) -> str:
    line = priced.line
    text = f"{line.name}: {line.description}" if line.description else line.name
    terms = "" if priced.itemised else f" ({line.quantity} x {line.unit_price}{_less(line.discount)})"
    return text[: DESCRIPTION_CHARACTERS_MAX - len(terms)] + terms


def _less(discount: Discount | None) -> str:
    if discount is None:
        return ""
    return f" less {discount.amount}" if discount.percent is None else f" less {discount.percent}%"


def _shipping_line(amount: Decimal, quote: Quote, company: CompanyObserved) -> dict[str, Any]:
    detail: dict[str, Any] = {"ItemRef": {"value": SHIPPING_ITEM}}
    if not sales_tax(company) and (code := _tax_code(quote.lines[0], quote, company)):
        detail["TaxCodeRef"] = {"value": code}
    return {"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": detail}


def _tax_code(line: QuoteLine, quote: Quote, company: CompanyObserved) -> str | None:
    if sales_tax(company):
        return "TAX" if line.taxable and quote.tax_mode != "none" else "NON"
    if quote.tax_mode == "none":
        return None
    found = named(company.tax_codes, line.tax_code or "")
    return found.id if found else None


def _private_note(deal: DealUpdated, settings: Settings, request: str) -> str:
    memo = settings.memo or "Deal {deal_id}: {deal_name}"
    text = memo_text(memo, deal_name=deal.name, deal_id=deal.deal_id, po_number=deal.po_number or "")
    ours = marker(request)
    return f"{text[: 4000 - len(ours) - 1].rstrip()} {ours}"
