"""The invoice's amounts add up to the signed total, to the cent, and QuickBooks accepts each."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contract import json
from events.contract.crm import Quote
from tests import stories
from tests.world import net, open_world
from worker.quote_to_cash.invoice.totals import Priced, price

CENT = Decimal("0.01")


def quote(**fields: Any) -> Quote:
    return json.convert({**stories.QUOTE, **fields}, Quote)


def total(priced: Priced) -> Decimal:
    return sum((line.amount for line in priced.lines), priced.shipping) - priced.discount


discounts = st.none() | st.one_of(
    st.decimals(0, 100, places=2).map(lambda percent: {"percent": str(percent)}),
    st.decimals(0, 5, places=2).map(lambda amount: {"amount": str(amount)}),
)


@st.composite
def lines(draw: st.DrawFn) -> list[dict[str, Any]]:
    drawn = draw(
        st.lists(
            st.tuples(st.decimals(0, 500, places=3), st.decimals(0, 2000, places=4), discounts),
            min_size=1,
            max_size=6,
        )
    )
    return [
        {
            **stories.LINE,
            "line_id": str(place),
            "quantity": str(quantity),
            "unit_price": str(unit_price),
            **({"discount": discount} if discount else {}),
        }
        for place, (quantity, unit_price, discount) in enumerate(drawn)
    ]


def off(discount: dict[str, str] | None, amount: Decimal) -> Decimal:
    if discount is None:
        return Decimal(0)
    if "percent" in discount:
        return amount * Decimal(discount["percent"]) / 100
    return Decimal(discount["amount"])


@given(lines(), discounts, st.none() | st.decimals(0, 50, places=2), st.booleans())
def test_the_sum_is_the_signed_total_however_the_crm_rounded(
    drawn: list[dict[str, Any]], discount: dict[str, str] | None, shipping: Decimal | None, by_line: bool
) -> None:
    amounts = [Decimal(line["quantity"]) * Decimal(line["unit_price"]) for line in drawn]
    nets = [a - off(line.get("discount"), a) for a, line in zip(amounts, drawn, strict=True)]
    own = nets
    if by_line:  # a CRM that rounds every line, and one that rounds once
        nets = [n.quantize(CENT, ROUND_HALF_UP) for n in nets]
    subtotal = sum(nets, Decimal(0))
    rebate = max(off(discount, subtotal), Decimal(0))
    signed = (subtotal - rebate + (shipping or 0)).quantize(CENT, ROUND_HALF_UP)
    if signed < 0:
        return
    extra: dict[str, Any] = {"discount": discount} if discount else {}
    extra |= {"shipping": str(shipping)} if shipping is not None else {}
    priced = price(quote(lines=drawn, total=str(signed), **extra), "USD")
    assert priced is not None
    assert total(priced) == priced.net == signed
    assert priced.discount >= 0
    for line in priced.lines:
        assert line.amount == line.amount.quantize(CENT)
        if line.price is None:
            assert not line.line.quantity, "of up to 500, any amount has a price; of none, only nothing has"
            continue
        product = line.line.quantity * line.price
        assert line.amount == product.quantize(CENT, ROUND_HALF_UP)
    for line, exact in zip(priced.lines, own, strict=True):
        assert abs(line.amount - exact) <= CENT * (len(drawn) + 2), "a line bears its own discount"
    assert discount or not priced.discount


def test_the_example_of_the_contract() -> None:
    priced = price(
        quote(
            lines=[{**stories.LINE, "discount": {"percent": "10"}}],
            discount={"amount": "50.00"},
            shipping="12.50",
            total="502.45",
        ),
        "USD",
    )
    assert priced is not None
    assert (priced.lines[0].amount, priced.shipping, priced.discount) == (
        Decimal("539.95"),
        Decimal("12.50"),
        Decimal("50.00"),
    )
    assert priced.lines[0].price == Decimal("44.9955")


def test_half_a_cent_goes_up_as_quickbooks_wants_it() -> None:
    priced = price(
        quote(lines=[{**stories.LINE, "quantity": "14.50", "unit_price": "128.350"}], total="1861.08"), "USD"
    )
    assert priced is not None
    assert priced.lines[0].price == Decimal("128.35")


def test_a_cent_without_any_discount_goes_to_the_line_that_rounding_wronged_most() -> None:
    drawn = [
        {**stories.LINE, "line_id": "1", "quantity": "1", "unit_price": "0.333"},
        {**stories.LINE, "line_id": "2", "quantity": "1", "unit_price": "0.334"},
        {**stories.LINE, "line_id": "3", "quantity": "1", "unit_price": "0.333"},
    ]
    priced = price(quote(lines=drawn, total="1.00"), "USD")
    assert priced is not None
    assert [str(line.amount) for line in priced.lines] == ["0.33", "0.34", "0.33"]
    assert [str(line.price) for line in priced.lines] == ["0.333", "0.34", "0.333"]


def test_a_discount_never_adds() -> None:
    credit = {**stories.LINE, "quantity": "1", "unit_price": "10.00", "discount": {"amount": "100.00"}}
    told = {"lines": [credit], "discount": {"percent": "50"}, "shipping": "100.00"}
    assert price(quote(**told, total="55.00"), "USD") is None
    priced = price(quote(**told, total="10.00"), "USD")
    assert priced is not None
    assert (priced.lines[0].amount, priced.discount) == (Decimal("-90.00"), Decimal(0))


def test_a_total_that_the_lines_do_not_explain_is_no_price() -> None:
    assert price(quote(total="599.97"), "USD") is None
    assert price(quote(total="599.945"), "USD") is None


@pytest.mark.parametrize(
    ("kind", "taxed", "untaxed", "tax"),
    [
        ("us", {}, {"taxable": False}, "8.00"),
        ("uk", {"tax_code": "20.0% S"}, {"tax_code": "0.0% Z"}, "20.00"),
    ],
)
async def test_a_lines_discount_changes_no_other_lines_tax(
    tmp_path: Path, kind: str, taxed: dict[str, Any], untaxed: dict[str, Any], tax: str
) -> None:
    line = {**stories.LINE, "quantity": "2", "unit_price": "50"}
    halved = {**line, "line_id": "2", "discount": {"percent": "50"}, **untaxed}
    currency = {"us": "USD", "uk": "GBP"}[kind]
    async with open_world(tmp_path, kinds=(kind,)) as world:
        await world.ready()
        await world.send(stories.account(currency=currency))
        told = {**stories.QUOTE, "lines": [{**line, **taxed}, halved], "total": "150.00"}
        await world.send(*stories.signed_deal(currency=currency, quote=told))
        await world.settle()
        [invoice] = world.books()
    assert (str(net(invoice)), str(invoice["TxnTaxDetail"]["TotalTax"])) == ("150.00", tax)
    first, second = invoice["Line"][:2]
    rates = [line["SalesItemLineDetail"] for line in (first, second)]
    assert [(str(rate["Qty"]), str(rate["UnitPrice"])) for rate in rates] == [("2", "50"), ("2", "25")]
    assert second["Description"] == "Platform seat (2 x 50 less 50%)"
    assert "DiscountLineDetail" not in {found["DetailType"] for found in invoice["Line"]}
