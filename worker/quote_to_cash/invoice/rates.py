"""Find the unit price for which QuickBooks' arithmetic gives a line's amount, to the cent.

Intuit does not document how many decimals QuickBooks keeps of a quantity and a unit price. Five are safe: Intuit gives
amounts ten digits and five decimals, and integrators' reports show prices with five. Seven are likely: one integrator's
manual states it, and one report shows a stored price with seven. No source shows eight. So a price with up to five
decimals is sent as quoted; more decimals, up to seven, are used only if fewer do not give the amount.
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
    """Find the unit price for which `quantity` costs exactly `amount`.

    Args:
        quantity: The quoted quantity; it is never changed.
        quoted: The quoted unit price, less the line's own discount.
        amount: The line's amount, in whole cents.

    Returns:
        The quoted price if it gives the amount; otherwise a price near it with as few decimals as possible; None if
        there is none that QuickBooks keeps.
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
    """Return prices with this number of decimals that give the amount.

    All such prices are around `amount / quantity` without a gap, so if there is any, one of the tried prices is one.
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
    """Return whether the product is exactly between two cents, where another way of rounding gives another amount."""
    return quantity * price % CENT in (HALF_A_CENT, -HALF_A_CENT)


def _is_kept(value: Decimal, decimals_max: int) -> bool:
    """Return whether QuickBooks keeps a number unchanged; up to 15 digits are safe."""
    if abs(value) >= AMOUNT_LIMIT:
        return False
    _, figures, exponent = value.normalize().as_tuple()
    return -int(exponent) <= decimals_max and len(figures) <= DIGITS_MAX
