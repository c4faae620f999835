"""From a quote to the amounts of an invoice whose sum is, to the cent, what the customer signed.

QuickBooks wants every line's amount to be quantity times price, rounded half up, or an amount alone. It
knows one discount for the whole invoice, which it spreads over the lines when it computes tax. So a line's
own discount is taken off that line, which is sent as an amount alone; only the quote's own discount is the
invoice's, and it is the balancing figure: exactly what makes the sum equal the quote's total. Without one,
cents that the rounded lines are off are put on the lines that were rounded most, as amounts alone.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from events.crm import Discount, Quote, QuoteLine
from events.values import CENT, cents

ZERO = Decimal(0)
QUICKBOOKS_DECIMALS_MAX = 5


class PricedLine(Struct, frozen=True):
    """A line's amount in cents, less its own discount.

    `itemised` says whether quantity and price can be sent beside it.
    """

    line: QuoteLine
    amount: Decimal
    itemised: bool


class Priced(Struct, frozen=True):
    """An invoice's amounts: lines plus shipping less the quote's own discount is `net`."""

    lines: tuple[PricedLine, ...]
    shipping: Decimal
    discount: Decimal
    net: Decimal


def price(quote: Quote) -> Priced | None:
    """Price a quote; nothing if its lines do not add up to its total, cents of rounding aside."""
    gross_lines = [(line, line.quantity * line.unit_price) for line in quote.lines]
    net_lines = [amount - _off(line.discount, amount) for line, amount in gross_lines]
    subtotal = sum(net_lines, ZERO)
    shipping = Decimal(quote.shipping or 0)
    off = max(_off(quote.discount, subtotal), ZERO)  # a percentage of a credit takes nothing off
    exact_total = subtotal - off + shipping
    total = Decimal(quote.total)
    roundings = len(quote.lines) + 1
    if not is_in_cents(quote) or abs(exact_total - total) > CENT * roundings:
        return None
    shipping = cents(shipping)
    amounts = [cents(amount) for amount in net_lines]
    surplus = sum(amounts, shipping) - total
    if surplus > 0 and off > 0:
        return Priced(_lines(quote, amounts), shipping, surplus, total)
    amounts = _spread(amounts, net_lines, -surplus)
    return Priced(_lines(quote, amounts), shipping, ZERO, total)


def is_in_cents(quote: Quote) -> bool:
    """Say whether a quote's total has no fractions of a cent."""
    return cents(quote.total) == quote.total


def _off(discount: Discount | None, amount: Decimal) -> Decimal:
    if discount is None:
        return ZERO
    if discount.percent is not None:
        return amount * discount.percent / 100
    return Decimal(discount.amount or 0)


def _spread(amounts: Sequence[Decimal], exact: Sequence[Decimal], missing: Decimal) -> list[Decimal]:
    """Add `missing` cents to the amounts, the most wronged by rounding first."""
    step = CENT if missing > 0 else -CENT
    direction = 1 if missing > 0 else -1
    wronged = sorted(
        range(len(amounts)), key=lambda i: (direction * (exact[i] - amounts[i]), -i), reverse=True
    )
    spread = list(amounts)
    for turn in range(int(abs(missing) / CENT)):
        spread[wronged[turn % len(wronged)]] += step
    return spread


def _lines(quote: Quote, amounts: Sequence[Decimal]) -> tuple[PricedLine, ...]:
    return tuple(
        PricedLine(line, amount, itemised=_itemised(line, amount))
        for line, amount in zip(quote.lines, amounts, strict=True)
    )


def _itemised(line: QuoteLine, amount: Decimal) -> bool:
    if amount != cents(line.quantity * line.unit_price):
        return False
    return all(
        -int(value.as_tuple().exponent) <= QUICKBOOKS_DECIMALS_MAX
        for value in (line.quantity, line.unit_price)
    )
