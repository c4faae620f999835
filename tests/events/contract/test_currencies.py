"""Amounts have their currency's decimals, and never fewer than they need."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contract.currencies import digits, in_currency, rounded, smallest

currencies = st.sampled_from(["USD", "EUR", "JPY", "KRW", "KWD", "BHD", "CLF", "ZZZ"])


@pytest.mark.parametrize(
    ("value", "currency", "written"),
    [
        ("135", "USD", "135.00"),
        ("135.0", "USD", "135.00"),
        ("1.35E+2", "USD", "135.00"),
        ("46.6", "GBP", "46.60"),
        ("0", "EUR", "0.00"),
        ("-0.5", "EUR", "-0.50"),
        ("100.005", "USD", "100.005"),  # never rounded
        ("1000", "JPY", "1000"),
        ("1000.00", "JPY", "1000"),
        ("1000.5", "JPY", "1000.5"),  # tax that QuickBooks computed to the hundredth
        ("12.5", "KWD", "12.500"),
        ("12.50", "BHD", "12.500"),
        ("9999999999.99", "KWD", "9999999999.990"),
    ],
)
def test_money_is_written_with_its_currencys_digits(value: str, currency: str, written: str) -> None:
    assert str(in_currency(Decimal(value), currency)) == written


@given(st.decimals(-(10**14), 10**14, places=10), currencies)
def test_a_written_amount_is_equal(value: Decimal, currency: str) -> None:
    written = in_currency(value, currency)
    assert written == value
    assert -int(written.as_tuple().exponent) >= digits(currency)


@pytest.mark.parametrize(
    ("value", "currency", "billed"),
    [
        ("99.999", "JPY", "100"),
        ("0.5", "JPY", "1"),
        ("-0.5", "JPY", "-1"),
        ("0.005", "USD", "0.01"),
        ("0.0005", "KWD", "0.00"),  # QuickBooks keeps two decimals of every currency
    ],
)
def test_amounts_to_bill_are_whole_yen_or_cents(value: str, currency: str, billed: str) -> None:
    assert rounded(Decimal(value), currency) == Decimal(billed)
    assert rounded(Decimal(value), currency) % smallest(currency) == 0
