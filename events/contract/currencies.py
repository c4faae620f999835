"""Amounts of money with their currency's decimals: `135.00` dollars, `135` yen, `135.000` dinars."""

from decimal import ROUND_HALF_UP, Decimal

from events.contract.values import CENT, PRODUCT, Amount

DIGITS_USUAL = 2
# ISO 4217, list one: the minor units of the currencies that do not have two.
_WHOLE = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "UYI",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
_THREE = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
_DIGITS = {**dict.fromkeys(_WHOLE, 0), **dict.fromkeys(_THREE, 3), "CLF": 4, "UYW": 4}


def digits(currency: str) -> int:
    """Return how many decimals a currency has: two unless it is listed here."""
    return _DIGITS.get(currency, DIGITS_USUAL)


def in_currency(value: Decimal, currency: str) -> Amount:
    """Return an amount with its currency's decimals, or with more if it has more: it is never rounded."""
    needed = -int(value.normalize().as_tuple().exponent)
    return Amount(format(value, f".{max(digits(currency), needed)}f"))


def smallest(currency: str) -> Decimal:
    """Return the smallest amount that can be billed: one yen, otherwise a cent, since QuickBooks keeps two decimals."""
    return CENT if digits(currency) else Decimal(1)


def rounded(value: Decimal, currency: str) -> Decimal:
    """Round half up to an amount that can be billed in a currency."""
    return value.quantize(smallest(currency), rounding=ROUND_HALF_UP, context=PRODUCT)
