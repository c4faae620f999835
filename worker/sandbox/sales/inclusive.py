"""Amounts that have the tax in them: the net amounts of lines, and the way back."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from worker.sandbox.sales.lines import sold
from worker.sandbox.sales.rounding import cents
from worker.sandbox.schema.kinds import Fields

_GROSS = "TaxInclusiveAmt"


def amount(line: Fields, *, with_tax: bool) -> Decimal:
    """Return a line's amount as its transaction means it."""
    found: Decimal = line["SalesItemLineDetail"].get(_GROSS, line["Amount"]) if with_tax else line["Amount"]
    return found


def gross(lines: Sequence[Fields], *, with_tax: bool) -> Decimal:
    """Return the sum of the lines that sell."""
    return sum((amount(line, with_tax=with_tax) for line in sold(lines)), Decimal(0))


def factor(rates: Mapping[str, Decimal]) -> Fraction:
    """Return the factor by which a net amount includes the tax of some rates."""
    return 1 + Fraction(sum(rates.values(), Decimal(0))) / 100


def nets(
    lines: Sequence[Fields], rates: Callable[[Fields], Mapping[str, Decimal]], wanted: Decimal, *, exact: bool
) -> dict[int, Decimal]:
    """Return the net amount of each line, by the identity of the line.

    Args:
        lines: The lines that sell.
        rates: Returns the rates of a line.
        wanted: What the net amounts add up to.
        exact: Whether they must: then the largest line that bears tax takes the odd cents.
    """
    found = {id(line): cents(Fraction(amount(line, with_tax=True)) / factor(rates(line))) for line in lines}
    odd = wanted - sum(found.values(), Decimal(0))
    if exact and odd:
        bearing = [line for line in lines if factor(rates(line)) != 1] or lines
        found[id(max(bearing, key=lambda line: abs(amount(line, with_tax=True))))] += odd
    return found


def with_nets(lines: Sequence[Fields], found: Mapping[int, Decimal]) -> list[Fields]:
    """Return the lines with net amounts, and the amounts with tax beside them."""

    def netted(line: Fields) -> Fields:
        detail = {**line["SalesItemLineDetail"], _GROSS: amount(line, with_tax=True)}
        return {**line, "Amount": found[id(line)], "SalesItemLineDetail": detail}

    return _each_sold(lines, netted)


def without(lines: Sequence[Fields]) -> list[Fields]:
    """Return the lines without amounts with tax, which a transaction without them does not have."""

    def stripped(line: Fields) -> Fields:
        detail = {name: value for name, value in line["SalesItemLineDetail"].items() if name != _GROSS}
        return {**line, "SalesItemLineDetail": detail}

    return _each_sold(lines, stripped)


def discount_again(lines: Sequence[Fields], before: Fields | None) -> list[Fields]:
    """Return the lines of an update: a discount that is as the books have it, net, has its tax in it again."""
    if before is None or before.get("GlobalTaxCalculation") != "TaxInclusive":
        return list(lines)
    stored = [line for line in before["Line"] if line["DetailType"] == "DiscountLineDetail"]
    taken = gross(before["Line"], with_tax=True) - before["TotalAmt"]
    return [{**line, "Amount": taken} if _unchanged(line, stored) else line for line in lines]


def _unchanged(line: Fields, stored: Sequence[Fields]) -> bool:
    """Return whether a line is a discount that the books have."""
    return line.get("DetailType") == "DiscountLineDetail" and any(
        line.get("Amount") == each["Amount"] for each in stored
    )


def _each_sold(lines: Sequence[Fields], change: Callable[[Fields], Fields]) -> list[Fields]:
    """Return the lines with a change to each that sells, also within bundles, whose amount is their sum."""
    result = []
    for line in lines:
        if line["DetailType"] == "GroupLineDetail":
            bundle = line["GroupLineDetail"]
            inside = _each_sold(bundle["Line"], change)
            total = sum((each["Amount"] for each in inside), Decimal(0))
            result.append({**line, "Amount": total, "GroupLineDetail": {**bundle, "Line": inside}})
        elif line["DetailType"] == "SalesItemLineDetail":
            result.append(change(line))
        else:
            result.append(line)
    return result
