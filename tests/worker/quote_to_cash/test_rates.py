"""The unit price that gives a line's amount by QuickBooks' own arithmetic."""

from decimal import ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.quote_to_cash.invoice.rates import DECIMALS_MAX, unit_price

EXACT = Context(prec=64)
CENT = Decimal("0.01")
decimals = st.integers(0, 10).flatmap(lambda places: st.decimals(-(10**9), 10**9, places=places))
small = st.integers(0, 10).flatmap(lambda places: st.decimals(-100, 100, places=places))
amounts = st.decimals(Decimal("-9999999999.99"), Decimal("9999999999.99"), places=2)


def in_cents(quantity: Decimal, price: Decimal) -> Decimal:
    return EXACT.multiply(quantity, price).quantize(CENT, ROUND_HALF_UP, EXACT)


@pytest.mark.parametrize(
    ("quantity", "quoted", "amount", "price"),
    [
        ("12", "49.995", "599.94", "49.995"),  # as quoted
        ("4750", "0.333", "1581.75", "0.333"),
        ("14.50", "128.350", "1861.08", "128.350"),  # 1861.075, half up
        ("12", "44.9955", "539.95", "44.9955"),  # 49.995 less 10 %: 539.946
        ("12", "49.995", "599.95", "49.996"),  # a cent moved here: 599.952
        ("3", "33.33333333", "100.00", "33.333"),  # ten decimals: three do, 99.999
        ("3", "33.3333333", "100.01", "33.336"),  # 100.008; 33.335 would be half a cent, 100.005
        ("1000000", "0.0000001", "0.10", "0.0000001"),
        ("7", "0", "0.00", "0"),
        ("0", "49.995", "0.00", "49.995"),
        ("-2", "50", "-100.00", "50"),
        ("1", "-90", "-90.00", "-90"),
        # No price that QuickBooks keeps.
        ("0", "49.995", "-5.00", None),  # a discount on nothing
        ("0.12345678", "100", "12.35", None),  # eight decimals of a quantity
        ("1000000", "0.333", "333000.01", None),  # steps of 0.1 at seven decimals
        ("10000000000", "0.0000001", "1000.00", None),  # eleven digits
    ],
)
def test_the_price_is_the_quoted_one_or_the_one_with_the_fewest_decimals(
    quantity: str, quoted: str, amount: str, price: str | None
) -> None:
    found = unit_price(Decimal(quantity), Decimal(quoted), Decimal(amount))
    assert found == (None if price is None else Decimal(price))


@given(small | decimals, small | decimals, amounts)
@example(Decimal(3), Decimal(0), Decimal("9999999999.99"))
def test_quantity_times_price_is_the_amount_and_both_are_kept_whole(
    quantity: Decimal, quoted: Decimal, amount: Decimal
) -> None:
    for wanted in (amount, in_cents(quantity, quoted), in_cents(quantity, quoted) + CENT):
        found = unit_price(quantity, quoted, wanted)
        assert found == unit_price(quantity, quoted, wanted)
        if found is None:
            continue
        assert in_cents(quantity, found) == wanted
        for value in (quantity, found):
            assert value == value.quantize(Decimal(1).scaleb(-DECIMALS_MAX), context=EXACT)
            assert abs(value) < 10**10
            assert len(value.normalize(EXACT).as_tuple().digits) <= 15


@given(
    st.integers(1, 5).flatmap(lambda places: st.decimals(Decimal("0.00001"), 1000, places=places)),
    st.decimals(0, 1000, places=10),
    st.integers(-3, 3),
)
def test_of_up_to_a_thousand_any_amount_has_a_price(quantity: Decimal, quoted: Decimal, moved: int) -> None:
    amount = in_cents(quantity, quoted) + moved * CENT
    assert quantity == 0 or unit_price(quantity, quoted, amount) is not None
