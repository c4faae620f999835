"""The unit price that QuickBooks' own arithmetic brings to a line's amount, to the cent.

How many decimals QuickBooks keeps of a quantity and of a unit price is in none of Intuit's pages. Five are safe:
Intuit gives amounts ten digits and five decimals, and integrators' reports show prices of five. Seven are likely:
one integrator's manual says so, and one report shows a stored price of seven. None shows eight. So a price of up to
five decimals is sent as it was quoted, and more, up to seven, only where fewer do not do.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext

from events.contract.values import CENT, PRODUCT, cents

DECIMALS_SAFE = 5
DECIMALS_MAX = 7
DECIMALS_OF_MONEY = 2
DIGITS_MAX = 15
HALF_A_CENT = CENT / 2
AMOUNT_LIMIT = Decimal(10) ** 10


def unit_price(quantity: Decimal, quoted: Decimal, amount: Decimal) -> Decimal | None:
    """Find the price at which so many cost exactly `amount`; nothing if QuickBooks can keep none.

    Args:
        quantity: How many, as quoted: it is never changed.
        quoted: The price of one as it was agreed, less the line's own discount.
        amount: The line's amount in cents.

    Returns:
        The quoted price if it will do; else one near to it with as few decimals as will do.
    """
    with localcontext(PRODUCT):
        if not _is_kept(quantity, DECIMALS_MAX):
            return None
        if _is_kept(quoted, DECIMALS_SAFE) and cents(quantity * quoted) == amount:
            return quoted
        for decimals in range(DECIMALS_OF_MONEY, DECIMALS_MAX + 1):
            found = [
                price for price in _near(quantity, quoted, amount, decimals) if _is_kept(price, decimals)
            ]
            if found:
                return min(
                    found, key=lambda price: (_is_on_edge(quantity, price), abs(price - quoted), price)
                )
    return None


def _near(quantity: Decimal, quoted: Decimal, amount: Decimal, decimals: int) -> set[Decimal]:
    """Return prices of so many decimals that give the amount.

    All that do lie around `amount / quantity` without a gap, so if there is any, one of these is.
    """
    exact = [quoted]
    if quantity:
        exact += [(amount + off) / quantity for off in (-HALF_A_CENT, 0, HALF_A_CENT)]
    step = Decimal(1).scaleb(-decimals)
    tried = {
        price.quantize(step, rounding=rounding)
        for price in exact
        for rounding in (ROUND_FLOOR, ROUND_CEILING)
    }
    return {price for price in tried if cents(quantity * price) == amount}


def _is_on_edge(quantity: Decimal, price: Decimal) -> bool:
    """Say whether so many cost exactly half a cent more than a whole one: what rounds otherwise gets another amount."""
    return quantity * price % CENT in (HALF_A_CENT, -HALF_A_CENT)


def _is_kept(value: Decimal, decimals_max: int) -> bool:
    """Say whether QuickBooks keeps a number as it is; of 15 digits it is safe to say so."""
    if abs(value) >= AMOUNT_LIMIT:
        return False
    _, figures, exponent = value.normalize().as_tuple()
    return -int(exponent) <= decimals_max and len(figures) <= DIGITS_MAX
