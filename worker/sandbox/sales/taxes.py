"""Sales tax by the company's regime, calculated for each rate on the sum of the lines that bear it.

In the US a line says `TAX` or `NON`; the rates come from the transaction's tax code, or with automated sales tax from
the address that the goods go to. Elsewhere each line has a tax code of one or several rates. Amounts are without tax, or
with it (`TaxInclusive`): then the net amount of a line is what remains without the tax.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.sales import inclusive
from worker.sandbox.sales.lines import sold
from worker.sandbox.sales.rounding import cents, shared
from worker.sandbox.schema.kinds import Fields

AMERICAN = frozenset({"us", "us-ast"})
CODES_OF_LINES = frozenset({"TAX", "NON"})
_TAX_WORD = {"uk": "VAT", "ca": "GST/HST"}
_NOTHING = Decimal(0)
# The states whose automated sales tax is known here, with the names of their tax codes.
STATES = {"CA": "California", "NY": "New York", "TX": "Texas", "WA": "Washington"}
Rates = Mapping[str, Decimal]


class Taxed(Struct, frozen=True):
    """The tax of a transaction.

    Attributes:
        lines: The lines, with net amounts.
        subtotal: The sum of their net amounts.
        discount: The discount on it, net.
        total: The tax.
        detail: The transaction's `TxnTaxDetail`.
    """

    lines: list[Fields]
    subtotal: Decimal
    discount: Decimal
    total: Decimal
    detail: Fields


def calculation(company: Company, fields: Fields) -> str | None:
    """Return how the amounts of a transaction are meant; None in the US, where they are always without tax."""
    if company.traits.tax in AMERICAN:
        return None
    if not company.traits.using_sales_tax:
        return "NotApplicable"
    return str(fields.get("GlobalTaxCalculation") or "TaxExcluded")


def check(company: Company, fields: Fields, lines: Sequence[Fields]) -> None:
    """Refuse tax codes that the company's regime does not have.

    Raises:
        Fault: 6000 for a line without a tax code outside the US, 2500 for a code that does not exist, 6100 for a line
            in the US that says neither TAX nor NON.
    """
    codes = [_code(line) for line in sold(lines)]
    if company.traits.tax in AMERICAN:
        wrong = next((code for code in codes if code is not None and code not in CODES_OF_LINES), None)
        if wrong is not None:
            raise faults.invalid_line_tax_code(wrong)
        chosen = _transaction_code(fields)
        if chosen is not None:
            company.active("TaxCode", chosen, "TaxCodes")
    elif calculation(company, fields) != "NotApplicable" and None in codes:
        word = _TAX_WORD[company.traits.tax]
        raise faults.business(f"Make sure all your transactions have a {word} rate before you save.")


def without_tax(company: Company) -> Fields:
    """Return the properties that keep a transaction free of tax whatever its lines say."""
    return {} if company.traits.tax in AMERICAN else {"GlobalTaxCalculation": "NotApplicable"}


def taxed(
    company: Company,
    fields: Fields,
    lines: Sequence[Fields],
    subtotal: Decimal,
    discount: Decimal,
    stated: Decimal | None = None,
) -> Taxed:
    """Calculate the tax.

    A discount is spread over the lines by their share; US companies tax what it takes off, unless told not to.

    Args:
        company: The company.
        fields: The transaction.
        lines: Its lines, priced.
        subtotal: The sum of the lines that sell, with tax if amounts are inclusive.
        discount: The sum of its discounts, likewise.
        stated: The tax that the request states.
    """
    with_tax = calculation(company, fields) == "TaxInclusive"
    american = company.traits.tax in AMERICAN
    reduced = subtotal and (not american or fields.get("ApplyTaxAfterDiscount") is True)
    share = Fraction(subtotal - discount) / Fraction(subtotal) if reduced else Fraction(1)
    sums: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for line in sold(lines):
        sums[_code(line)] += inclusive.amount(line, with_tax=with_tax)
    code = _american_code(company, fields) if american else None
    rates = {each: _rates(company, fields, each, code) for each in sums}
    bases: defaultdict[str, Fraction] = defaultdict(Fraction)
    percents: dict[str, Decimal] = {}
    for each, amount in sums.items():
        percents |= rates[each]
        factor = inclusive.factor(rates[each]) if with_tax else 1
        for rate in rates[each]:
            bases[rate] += Fraction(amount) * share / factor
    taxes = _rounded(company, bases, percents, stated)
    total = sum(taxes.values(), _NOTHING)
    used = code if american and taxes else _transaction_code(fields)
    detail = {
        **({"TxnTaxCodeRef": {"value": used}} if used and company.traits.using_sales_tax else {}),
        "TotalTax": total,
    }
    if taxes:
        detail["TaxLine"] = [
            _tax_line(rate, taxes[rate], percents[rate], cents(bases[rate])) for rate in taxes
        ]
    if not with_tax:
        return Taxed(inclusive.without(lines), subtotal, discount, total, detail)
    nets = inclusive.nets(
        list(sold(lines)), lambda line: rates[_code(line)], subtotal - total, exact=not discount
    )
    net = sum(nets.values(), _NOTHING)
    return Taxed(inclusive.with_nets(lines, nets), net, net + total - subtotal + discount, total, detail)


def _rounded(
    company: Company, bases: Mapping[str, Fraction], percents: Rates, stated: Decimal | None
) -> dict[str, Decimal]:
    """Return the tax of each rate in whole cents."""
    exact = {rate: base * Fraction(percents[rate]) / 100 for rate, base in bases.items()}
    if stated is not None and company.traits.tax in AMERICAN and company.traits.tax_can_be_overridden:
        return shared(stated, exact)
    # Not documented: the rates of an address are taken for one rate, whose tax they share.
    if company.traits.tax == "us-ast" and not company.traits.automated_tax_rounds_each_rate:
        return shared(cents(sum(exact.values(), Fraction(0))), exact)
    return {rate: cents(tax) for rate, tax in exact.items()}


def _code(line: Fields) -> str | None:
    reference = line["SalesItemLineDetail"].get("TaxCodeRef")
    return None if reference is None else str(reference["value"])


def _transaction_code(fields: Fields) -> str | None:
    reference = (fields.get("TxnTaxDetail") or {}).get("TxnTaxCodeRef")
    return None if reference is None else str(reference["value"])


def _rates(company: Company, fields: Fields, code: str | None, american: str | None) -> Rates:
    """Return the rates that a line bears, in percent, by their Ids.

    Args:
        company: The company.
        fields: The transaction.
        code: The tax code of the line.
        american: The tax code of the transaction, in the US.
    """
    if not company.traits.using_sales_tax or calculation(company, fields) == "NotApplicable":
        return {}
    if company.traits.tax in AMERICAN:
        customer = _customer(company, fields)
        code = american if code == "TAX" and customer.get("Taxable") is not False else None
    found = company.get("TaxCode", code) if code is not None else None
    details = ((found or {}).get("SalesTaxRateList") or {}).get("TaxRateDetail") or []
    used = (company.objects["TaxRate"][detail["TaxRateRef"]["value"]] for detail in details)
    return {rate["Id"]: Decimal(rate["RateValue"]) for rate in used}


def _american_code(company: Company, fields: Fields) -> str | None:
    """Return the tax code of a US transaction: the chosen or usual one, with automated sales tax that of the address."""
    chosen = _transaction_code(fields)
    if company.traits.tax == "us":
        usual = company.objects["Preferences"]["1"]["TaxPrefs"]["TaxGroupCodeRef"]
        return chosen or str((_customer(company, fields).get("DefaultTaxCodeRef") or usual)["value"])
    if chosen is not None and company.traits.tax_can_be_overridden and _is_custom(company, chosen):
        return chosen
    address = fields.get("ShipAddr") or fields.get("BillAddr") or {}
    state = address.get("CountrySubDivisionCode") or company.traits.address.get("CountrySubDivisionCode")
    found = company.names.find("TaxCode", STATES.get(str(state), ""))
    return None if found is None else found[1]


def _is_custom(company: Company, code: str) -> bool:
    """Return whether a tax code was made by people or apps, instead of by automated sales tax."""
    return bool(company.objects["TaxCode"][code].get("TaxCodeConfigType") == "USER_DEFINED")


def _customer(company: Company, fields: Fields) -> Fields:
    reference = fields.get("CustomerRef")
    return (company.get("Customer", reference["value"]) if reference else None) or {}


def _tax_line(rate: str, amount: Decimal, percent: Decimal, base: Decimal) -> Fields:
    return {
        "Amount": amount,
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": rate},
            "PercentBased": True,
            "TaxPercent": percent,
            "NetAmountTaxable": base,
        },
    }
