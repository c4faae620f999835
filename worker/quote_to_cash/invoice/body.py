"""Compose the request that creates an invoice; its date is added when it is first sent.

It has no address, no e-mail address and, unless the workspace chose some, no terms: QuickBooks uses the customer's, which
its accountants maintain.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from events.contract.crm import DealUpdated, Discount, Quote, QuoteLine
from events.contract.quickbooks import CompanyObserved
from worker.commands.identity import MARK_BEGINS, marker
from worker.quote_to_cash.company.state import named, sales_tax
from worker.quote_to_cash.invoice.totals import Priced, PricedLine
from worker.quote_to_cash.texts import (
    DESCRIPTION_CHARACTERS_MAX,
    Composed,
    cleaned,
    distinct,
    length,
    listed,
    one_line,
    shortened,
)
from worker.workspaces.kinds import memo_text
from worker.workspaces.settings import Settings

DOC_NUMBER_CHARACTERS_MAX = 21
PRIVATE_NOTE_CHARACTERS_MAX = 4000
LINES_MAX = 10_000
LINES_TAXED_MAX = 750
SHIPPING_ITEM = "SHIPPING_ITEM_ID"


def invoice_body(
    deal: DealUpdated,
    quote: Quote,
    priced: Priced,
    *,
    customer_id: str,
    items: Mapping[str, str],
    defaulted: Sequence[str] = (),
    company: CompanyObserved,
    settings: Settings,
    part: int,
    generation: int,
    request: str,
) -> Composed:
    """Compose the body of the request; every reference in it has passed its gate."""
    notes: list[str] = []
    if defaulted:
        item = items[defaulted[0]]
        notes.append(f"The default item {item} is on the lines of unmapped products: {listed(defaulted)}.")
    body: dict[str, Any] = {
        "CustomerRef": {"value": customer_id},
        "Line": [
            _line(line, items[line.line.product_id], quote, company) for line in _called(priced, defaulted)
        ],
        "PrivateNote": _private_note(deal, settings, request, notes),
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
        if sales_tax(company):
            # By default, QuickBooks subtracts a discount after tax, and so would tax the discounted amount too.
            body["ApplyTaxAfterDiscount"] = True
    if not sales_tax(company):
        body["GlobalTaxCalculation"] = "NotApplicable" if quote.tax_mode == "none" else "TaxExcluded"
    if company.multicurrency:
        body["CurrencyRef"] = {"value": deal.currency}
    if settings.terms and (term := named(company.terms, settings.terms)):
        body["SalesTermRef"] = {"value": term.id}
    if company.custom_transaction_numbers:
        body["DocNumber"] = doc_number(deal.deal_id, part, generation)
    return Composed(body, (*_told(priced.lines), *notes))


def lines_of(priced: Priced) -> int:
    """Return the number of lines of an invoice."""
    return len(priced.lines) + bool(priced.shipping) + bool(priced.discount)


def is_taxed(quote: Quote, company: CompanyObserved) -> bool:
    """Return whether QuickBooks computes tax on any line."""
    return quote.tax_mode != "none" and (not sales_tax(company) or any(line.taxable for line in quote.lines))


def doc_number(deal_id: str, part: int, generation: int) -> str:
    """Derive an invoice's number from its key, in at most 21 characters.

    It comes from no counter: a deal gets the same number, however often it is decided.
    """
    suffix = (f"-{part}" if part else "") + (f"-R{generation}" if generation > 1 else "")
    return distinct(deal_id, DOC_NUMBER_CHARACTERS_MAX - len(suffix)) + suffix


def _line(priced: PricedLine, item_id: str, quote: Quote, company: CompanyObserved) -> dict[str, Any]:
    line = priced.line
    detail: dict[str, Any] = {"ItemRef": {"value": item_id}}
    if priced.price is not None:
        detail |= {"Qty": Decimal(line.quantity), "UnitPrice": Decimal(priced.price)}
    if line.service_date:
        detail["ServiceDate"] = line.service_date.isoformat()
    if code := _tax_code(line, quote, company):
        detail["TaxCodeRef"] = {"value": code}
    composed = {"DetailType": "SalesItemLineDetail", "Amount": priced.amount}
    if description := _description(priced):
        composed["Description"] = description
    return composed | {"SalesItemLineDetail": detail}


def _called(priced: Priced, defaulted: Sequence[str]) -> Iterator[PricedLine]:
    """Yield the lines; those of the default item with a name, since nothing else on the invoice tells its products apart."""
    by_default = set(defaulted)
    for each in priced.lines:
        line = each.line
        if line.product_id in by_default and not one_line(line.name):
            yield replace(each, line=replace(line, name=f"Product {line.product_id}"))
        else:
            yield each


def _description(priced: PricedLine) -> str:
    """Return the description of a line; if its columns can't show the quoted price, the price is at the end."""
    terms = _terms(priced)
    return (shortened(_text(priced.line), DESCRIPTION_CHARACTERS_MAX - length(terms)) + terms).lstrip()


def _text(line: QuoteLine) -> str:
    parts = (one_line(line.name), cleaned(line.description or ""))
    return ": ".join(part for part in parts if part)


def _terms(priced: PricedLine) -> str:
    line = priced.line
    if priced.price == line.unit_price:
        return ""
    return f" ({line.quantity} x {line.unit_price}{_less(line.discount)})"


def _less(discount: Discount | None) -> str:
    if discount is None:
        return ""
    return f" less {discount.amount}" if discount.percent is None else f" less {discount.percent}%"


def _told(lines: Sequence[PricedLine]) -> list[str]:
    """Return notes about the lines whose description was cut, or whose price is only in the description."""
    cut = [
        priced.line.line_id
        for priced in lines
        if length(_text(priced.line)) > DESCRIPTION_CHARACTERS_MAX - length(_terms(priced))
    ]
    bare = [priced.line.line_id for priced in lines if priced.price is None]
    notes = []
    if cut:
        notes.append(
            f"The description was cut to {DESCRIPTION_CHARACTERS_MAX} characters on line {listed(cut)}."
        )
    if bare:
        notes.append(
            "Quantity and price stand in the description, since QuickBooks has no price that gives the amount, "
            f"on line {listed(bare)}."
        )
    return notes


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


def _private_note(deal: DealUpdated, settings: Settings, request: str, notes: list[str]) -> str:
    """Return the memo, cut if necessary, with our whole mark at the end; a mark within the memo is made invalid."""
    filled = memo_text(
        settings.memo, deal_name=deal.name, deal_id=deal.deal_id, po_number=deal.po_number or ""
    )
    text, ours = cleaned(filled.replace(MARK_BEGINS, "(q2c:")), marker(request)
    room = PRIVATE_NOTE_CHARACTERS_MAX - len(ours) - 1
    if length(text) > room:
        notes.append(f"The memo was cut to {room} of {length(text)} characters.")
    return f"{shortened(text, room)} {ours}".lstrip()
