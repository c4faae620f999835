"""Sales tax as companies have it: one rate (US), by address (US, automated), a code on every line (others)."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from worker.sandbox import faults
from worker.sandbox.company import CENT, Company, Entity, child, reference

SALES_TAX = frozenset({"us", "us-ast"})
US_RATE = Decimal("8.00")
STATE_RATES = {"CA": Decimal("7.25"), "NY": Decimal("8.875"), "TX": Decimal("6.25"), "WA": Decimal("6.5")}
_TAX_WORD = {"uk": "VAT", "ca": "GST/HST"}


def check_tax_codes(company: Company, data: Entity, lines: Sequence[Entity]) -> None:
    """Refuse what the company's tax regime does not take.

    Raises:
        Fault: 6000 for a line without a tax code outside the US, 2500 for one that does not exist.
    """
    sales = [line["SalesItemLineDetail"] for line in lines if line["DetailType"] == "SalesItemLineDetail"]
    if company.traits.tax in SALES_TAX:
        for detail in sales:
            code = reference(detail, "TaxCodeRef")
            if code not in {None, "TAX", "NON"}:
                raise faults.invalid_reference("TaxCodes", str(code))
        return
    if data.get("GlobalTaxCalculation") == "NotApplicable":
        return
    for detail in sales:
        code = reference(detail, "TaxCodeRef")
        if code is None:
            word = _TAX_WORD[company.traits.tax]
            raise faults.business(f"Make sure all your transactions have a {word} rate before you save.")
        company.active("TaxCode", code)


def total_tax(
    company: Company, data: Entity, lines: Sequence[Entity], subtotal: Decimal, discount: Decimal
) -> Decimal:
    """Compute the tax of an invoice; the discount is spread over its lines by their share.

    US companies tax what was taken off as well, unless told otherwise.
    """
    taxed_before = company.traits.tax in SALES_TAX and data.get("ApplyTaxAfterDiscount") is not True
    share = (subtotal - discount) / subtotal if subtotal and not taxed_before else Decimal(1)
    tax = Decimal(0)
    for line in lines:
        if line["DetailType"] == "SalesItemLineDetail":
            tax += line["Amount"] * share * _rate(company, data, line["SalesItemLineDetail"]) / 100
    return tax.quantize(CENT, ROUND_HALF_UP)


def _rate(company: Company, data: Entity, detail: Entity) -> Decimal:
    code = reference(detail, "TaxCodeRef")
    if company.traits.tax == "us":
        return US_RATE if code == "TAX" else Decimal(0)
    if company.traits.tax == "us-ast":
        address = child(data, "ShipAddr") or child(data, "BillAddr")
        state = str(address.get("CountrySubDivisionCode") or "CA")
        return STATE_RATES.get(state, Decimal(0)) if code == "TAX" else Decimal(0)
    if code is None or data.get("GlobalTaxCalculation") == "NotApplicable":
        return Decimal(0)
    found = company.get("TaxCode", code) or {}
    details = (found.get("SalesTaxRateList") or {}).get("TaxRateDetail") or []
    rates = (company.get("TaxRate", str(reference(detail, "TaxRateRef"))) or {} for detail in details)
    return sum((Decimal(rate.get("RateValue", 0)) for rate in rates), Decimal(0))
