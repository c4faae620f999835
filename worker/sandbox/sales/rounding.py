"""Rounding of exact amounts to cents, half up, and the sharing of a sum in whole cents."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor

_CENTS = 100


def cents(exact: Fraction) -> Decimal:
    """Round an amount to cents; half a cent goes away from zero."""
    whole = floor(abs(exact) * _CENTS + Fraction(1, 2))
    return _of_cents(whole if exact >= 0 else -whole)


def shared(total: Decimal, shares: Mapping[str, Fraction]) -> dict[str, Decimal]:
    """Share a total among some, in whole cents, by their exact shares; the odd cents go to the largest remainders."""
    if not shares:
        return {}
    whole = sum(shares.values(), Fraction(0))
    exact = {
        name: Fraction(total) * (share / whole if whole else Fraction(1, len(shares)))
        for name, share in shares.items()
    }
    given = {name: floor(amount * _CENTS) for name, amount in exact.items()}
    odd = int(total * _CENTS) - sum(given.values())
    by_remainder = sorted(exact, key=lambda name: given[name] - exact[name] * _CENTS)
    return {name: _of_cents(count + (name in by_remainder[:odd])) for name, count in given.items()}


def _of_cents(whole: int) -> Decimal:
    return Decimal(whole).scaleb(-2)
