"""Compute the amounts of an invoice from a quote, so that their sum is the signed total, to the cent.

QuickBooks requires that a line's amount is quantity times price, rounded half up, or that the line has only an amount. It
has one discount for the whole invoice, which it spreads over the lines when it computes tax. So a line's own discount is
subtracted from that line; only the quote's own discount becomes the invoice's, and it is the balancing figure: exactly the
amount that makes the sum equal the quote's total. Without a discount, the cents that are missing after rounding are added
to the lines that were rounded most. A line with a discount or a moved cent still has quantity and price: its price is then
the one that gives its amount.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext

from msgspec import Struct

from events.contract.crm import Discount, Quote, QuoteLine
from events.contract.currencies import rounded, smallest
from events.contract.values import PRODUCT
from worker.quote_to_cash.invoice.rates import unit_price

ZERO = Decimal(0)


class PricedLine(Struct, frozen=True):
    """A line's amount in whole cents, less its own discount.

    `price` is the unit price on the invoice; None if only the amount can be sent.
    """

    line: QuoteLine
    amount: Decimal
    price: Decimal | None


class Priced(Struct, frozen=True):
    """The amounts of an invoice: `net` is the lines plus shipping less the quote's own discount."""

    lines: tuple[PricedLine, ...]
    shipping: Decimal
    discount: Decimal
    net: Decimal


def price(quote: Quote, currency: str) -> Priced | None:
    """Compute the amounts of a quote; None if its lines do not add up to its total, apart from rounding."""
    with localcontext(PRODUCT):
        return _price(quote, currency)


def _price(quote: Quote, currency: str) -> Priced | None:
    gross_lines = [line.quantity * line.unit_price for line in quote.lines]
    net_lines = [
        amount - _off(line.discount, amount) for line, amount in zip(quote.lines, gross_lines, strict=True)
    ]
    subtotal = sum(net_lines, ZERO)
    shipping = Decimal(quote.shipping or 0)
    off = max(_off(quote.discount, subtotal), ZERO)  # a percentage of a credit takes nothing off
    exact_total = subtotal - off + shipping
    total = Decimal(quote.total)
    roundings = len(quote.lines) + 1
    if not is_billable(quote, currency) or abs(exact_total - total) > smallest(currency) * roundings:
        return None
    shipping = rounded(shipping, currency)
    amounts = [rounded(amount, currency) for amount in net_lines]
    surplus = sum(amounts, shipping) - total
    if surplus > 0 and off > 0:
        return Priced(_lines(quote, amounts), shipping, surplus, total)
    amounts = _spread(amounts, net_lines, -surplus, smallest(currency))
    return Priced(_lines(quote, amounts), shipping, ZERO, total)


def is_billable(quote: Quote, currency: str) -> bool:
    """Return whether a quote's total has no fractions of a cent, nor of a yen."""
    return rounded(quote.total, currency) == quote.total


def _off(discount: Discount | None, amount: Decimal) -> Decimal:
    if discount is None:
        return ZERO
    if discount.percent is not None:
        return amount * discount.percent / 100
    return Decimal(discount.amount or 0)


def _spread(
    amounts: Sequence[Decimal], exact: Sequence[Decimal], missing: Decimal, smallest_: Decimal
) -> list[Decimal]:
    """Add the missing amount to the amounts, one cent each, beginning with those that rounding has changed most."""
    direction = 1 if missing > 0 else -1
    wronged = sorted(
        range(len(amounts)), key=lambda i: (direction * (exact[i] - amounts[i]), -i), reverse=True
    )
    spread = list(amounts)
    for turn in range(int(abs(missing) / smallest_)):
        spread[wronged[turn % len(wronged)]] += direction * smallest_
    return spread


def _lines(quote: Quote, amounts: Sequence[Decimal]) -> tuple[PricedLine, ...]:
    return tuple(
        PricedLine(line, amount, unit_price(line.quantity, _quoted(line), amount))
        for line, amount in zip(quote.lines, amounts, strict=True)
    )


def _quoted(line: QuoteLine) -> Decimal:
    """Return the quoted unit price, less its line's own discount."""
    if line.discount is None or not line.quantity:
        return Decimal(line.unit_price)
    gross = line.quantity * line.unit_price
    return Decimal(format(((gross - _off(line.discount, gross)) / line.quantity).normalize(), "f"))
