"""Sales tax by the company's regime, calculated for each rate on the sum of the lines that bear it.

In the US a line says `TAX` or `NON`; the rate comes from the transaction's tax code, or with automated sales tax from
the address that the goods go to. Elsewhere each line has a tax code of one or several rates. Amounts are without tax, or
with it (`TaxInclusive`): then the net amount of a line is what remains without the tax.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.sales.lines import sold
from worker.sandbox.schema.kinds import CENT, Fields

AMERICAN = frozenset({"us", "us-ast"})
CODES_OF_LINES = frozenset({"TAX", "NON"})
_TAX_WORD = {"uk": "VAT", "ca": "GST/HST"}
_HUNDRED = Decimal(100)
# The states whose automated sales tax is known here, with the names of their tax codes.
STATES = {"CA": "California", "NY": "New York", "TX": "Texas", "WA": "Washington"}


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


def check(company: Company, fields: Fields, lines: Sequence[Fields]) -> None:
    """Refuse tax codes that the company's regime does not have.

    Raises:
        Fault: 6000 for a line without a tax code outside the US, 2500 for a code that does not exist.
    """
    codes = [_code(line) for line in sold(lines)]
    if company.traits.tax in AMERICAN:
        wrong = next((code for code in codes if code is not None and code not in CODES_OF_LINES), None)
        if wrong is not None:
            raise faults.invalid_reference("TaxCodes", wrong)
        chosen = _transaction_code(fields)
        if chosen is not None:
            company.active("TaxCode", chosen, "TaxCodes")
    elif fields.get("GlobalTaxCalculation") != "NotApplicable" and None in codes:
        word = _TAX_WORD[company.traits.tax]
        raise faults.business(f"Make sure all your transactions have a {word} rate before you save.")


def taxed(
    company: Company, fields: Fields, lines: Sequence[Fields], subtotal: Decimal, discount: Decimal
) -> Taxed:
    """Calculate the tax.

    A discount is spread over the lines by their share; US companies tax what it takes off, unless told not to.

    Args:
        company: The company.
        fields: The transaction.
        lines: Its lines, priced.
        subtotal: The sum of the lines that sell, with tax if amounts are inclusive.
        discount: The sum of its discounts, likewise.
    """
    inclusive = fields.get("GlobalTaxCalculation") == "TaxInclusive"
    untouched = company.traits.tax in AMERICAN and fields.get("ApplyTaxAfterDiscount") is not True
    share = (subtotal - discount) / subtotal if subtotal and not untouched else Decimal(1)
    selling = [_Bearing(line, _rates(company, fields, _code(line))) for line in sold(lines)]
    bases: defaultdict[str, Decimal] = defaultdict(Decimal)
    percents: dict[str, Decimal] = {}
    for each in selling:
        percents |= each.rates
        for rate in each.rates:
            bases[rate] += _amount(each.line) * share / (each.factor if inclusive else 1)
    taxes = {rate: _cents(base * percents[rate] / _HUNDRED) for rate, base in bases.items()}
    total = sum(taxes.values(), Decimal(0))
    code = _transaction_code(fields)
    detail = {
        **({"TxnTaxCodeRef": {"value": code}} if code is not None else {}),
        "TotalTax": total,
        "TaxLine": [_tax_line(rate, taxes[rate], percents[rate], _cents(bases[rate])) for rate in taxes],
    }
    if not inclusive:
        return Taxed(list(lines), subtotal, discount, total, detail)
    nets = _nets(selling, subtotal - total, exact=not discount)
    net = sum(nets.values(), Decimal(0))
    return Taxed(_with_nets(lines, nets), net, net + total - subtotal + discount, total, detail)


class _Bearing(Struct, frozen=True):
    """A line that sells, with the rates that it bears, in percent by their Ids."""

    line: Fields
    rates: dict[str, Decimal]

    @property
    def factor(self) -> Decimal:
        """What a net amount is multiplied with to have the tax in it."""
        return 1 + sum(self.rates.values(), Decimal(0)) / _HUNDRED


def _nets(selling: Sequence[_Bearing], wanted: Decimal, *, exact: bool) -> dict[int, Decimal]:
    """Return the net amount of each line; if they must add up exactly, the last line takes the odd cents."""
    nets = {id(each.line): _cents(_amount(each.line) / each.factor) for each in selling}
    if exact and nets:
        last = id(selling[-1].line)
        nets[last] += wanted - sum(nets.values(), Decimal(0))
    return nets


def _with_nets(lines: Sequence[Fields], nets: dict[int, Decimal]) -> list[Fields]:
    """Return the lines with net amounts, and the amounts with tax beside them."""
    result = []
    for line in lines:
        if line["DetailType"] == "GroupLineDetail":
            bundle = line["GroupLineDetail"]
            inside = _with_nets(bundle["Line"], nets)
            amount = sum((each["Amount"] for each in inside), Decimal(0))
            result.append({**line, "Amount": amount, "GroupLineDetail": {**bundle, "Line": inside}})
        elif id(line) in nets:
            detail = {**line["SalesItemLineDetail"], "TaxInclusiveAmt": _amount(line)}
            result.append({**line, "Amount": nets[id(line)], "SalesItemLineDetail": detail})
        else:
            result.append(line)
    return result


def gross(lines: Sequence[Fields], *, inclusive: bool) -> Decimal:
    """Return the sum of the lines that sell: of the amounts with tax if these are what the request means."""
    return sum((_amount(line) if inclusive else line["Amount"] for line in sold(lines)), Decimal(0))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _amount(line: Fields) -> Decimal:
    """Return a line's amount as the request means it: with the tax in it where there is one."""
    amount: Decimal = line["SalesItemLineDetail"].get("TaxInclusiveAmt", line["Amount"])
    return amount


def _code(line: Fields) -> str | None:
    reference = line["SalesItemLineDetail"].get("TaxCodeRef")
    return None if reference is None else str(reference["value"])


def _transaction_code(fields: Fields) -> str | None:
    reference = (fields.get("TxnTaxDetail") or {}).get("TxnTaxCodeRef")
    return None if reference is None else str(reference["value"])


def _rates(company: Company, fields: Fields, code: str | None) -> dict[str, Decimal]:
    """Return the rates that a line bears, in percent, by their Ids."""
    if not company.traits.using_sales_tax or fields.get("GlobalTaxCalculation") == "NotApplicable":
        return {}
    if company.traits.tax in AMERICAN:
        customer = (
            company.get("Customer", fields["CustomerRef"]["value"]) if "CustomerRef" in fields else None
        )
        if code != "TAX" or (customer is not None and customer.get("Taxable") is False):
            return {}
        code = _american_code(company, fields)
    found = company.get("TaxCode", code) if code is not None else None
    details = ((found or {}).get("SalesTaxRateList") or {}).get("TaxRateDetail") or []
    used = (company.objects["TaxRate"][detail["TaxRateRef"]["value"]] for detail in details)
    return {rate["Id"]: Decimal(rate["RateValue"]) for rate in used}


def _american_code(company: Company, fields: Fields) -> str | None:
    """Return the tax code of a US transaction: the chosen or usual one, with automated sales tax that of the address."""
    if company.traits.tax == "us":
        usual = company.objects["Preferences"]["1"]["TaxPrefs"]["TaxGroupCodeRef"]["value"]
        return _transaction_code(fields) or str(usual)
    address = fields.get("ShipAddr") or fields.get("BillAddr") or {}
    state = str(address.get("CountrySubDivisionCode") or "CA")
    found = company.names.find("TaxCode", STATES.get(state, ""))
    return None if found is None else found[1]


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
