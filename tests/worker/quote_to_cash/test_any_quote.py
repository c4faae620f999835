"""For any quote, QuickBooks accepts the invoice, and its total is the signed one to the cent."""

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from events.contract import json
from events.contract.crm import DealUpdated, Quote
from events.contract.quickbooks import CompanyObserved
from tests import stories
from tests.products import router
from tests.worker.sandbox.app import App, decoded
from worker.quote_to_cash.invoice.body import invoice_body
from worker.quote_to_cash.invoice.rates import AMOUNT_LIMIT
from worker.quote_to_cash.invoice.totals import price
from worker.workspaces.settings import Settings

EXACT = Context(prec=64)
COMPANY = CompanyObserved("1", "Craig's", "US", "USD", False, False, (), (), ())
DEAL = json.convert(stories.deal()["data"], DealUpdated)
APP = App("us")
INVENTORY, SERVICE = "3", "1"


def plain(low: str, high: str) -> st.SearchStrategy[str]:
    """Decimals of up to ten places, as the contract has them."""
    places = st.integers(0, 10)
    drawn = places.flatmap(lambda n: st.decimals(Decimal(low), Decimal(high), places=n))
    return drawn.map(lambda value: format(value, "f"))


quantities = (
    plain("-100", "100") | plain("0", "100000") | st.sampled_from(["0", "1", "12", "4750", "1000001"])
)
prices = (
    plain("-100", "1000") | plain("0", "0.01") | st.sampled_from(["0", "0.333", "49.995", "99999.9999999999"])
)
discounts = st.none() | st.one_of(
    plain("0", "100").map(lambda percent: {"percent": percent}), plain("0", "50").map(lambda off: {"amount": off})
)  # fmt: skip


def off(discount: dict[str, str] | None, amount: Decimal) -> Decimal:
    if discount is None:
        return Decimal(0)
    if "percent" in discount:
        return amount * Decimal(discount["percent"]) / 100
    return Decimal(discount["amount"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    st.lists(st.tuples(quantities, prices, discounts), min_size=1, max_size=6),
    discounts,
    st.sampled_from([None, "0", "12.50"]),
    st.booleans(),
)
def test_quickbooks_takes_any_quote_to_the_cent(
    drawn: list[tuple[str, str, Any]], discount: Any, shipping: str | None, by_line: bool
) -> None:
    with localcontext(EXACT):
        nets = [(gross := Decimal(q) * Decimal(p)) - off(less, gross) for q, p, less in drawn]
        if by_line:
            nets = [net.quantize(Decimal("0.01"), ROUND_HALF_UP) for net in nets]
        subtotal = sum(nets, Decimal(0))
        signed = subtotal - max(off(discount, subtotal), Decimal(0)) + Decimal(shipping or 0)
        signed = signed.quantize(Decimal("0.01"), ROUND_HALF_UP)
    # A negative total is refused when it arrives, and amounts that are too large are held by name.
    assume(signed >= 0 and all(abs(amount) < AMOUNT_LIMIT - 1 for amount in (signed, *nets)))
    quote = json.convert(
        {
            **stories.QUOTE,
            "lines": [
                {**stories.LINE, "line_id": str(n), "product_id": f"P-{n}", "quantity": q, "unit_price": p}
                | ({"discount": less} if less else {})
                for n, (q, p, less) in enumerate(drawn)
            ],
            "total": format(signed, "f"),
        }
        | ({"discount": discount} if discount else {})
        | ({"shipping": shipping} if shipping else {}),
        Quote,
    )
    priced = price(quote, "USD")
    assert priced is not None
    assert priced == price(quote, "USD")
    bare = sum(line.price is None for line in priced.lines)
    event(f"{bare} of {len(drawn)} lines are amounts alone" if bare else "every line has its quantity")
    for line in priced.lines:
        quantity = line.line.quantity
        fits = quantity == quantity.quantize(Decimal("1e-7"), context=EXACT)
        assert line.price is not None or not fits or not 0 < abs(quantity) <= 1000
    # A line with a quantity is sold from stock, which wants one.
    items = {line.line.product_id: SERVICE if line.price is None else INVENTORY for line in priced.lines}
    composed = invoice_body(
        DEAL,
        quote,
        priced,
        customer_id="1",
        items=items,
        company=COMPANY,
        settings=Settings(),
        part=0,
        generation=1,
        request="r",
    )
    made = written(composed.body)
    assert Decimal(str(made["TotalAmt"])) - Decimal(str(made["TxnTaxDetail"]["TotalTax"])) == signed


def written(body: dict[str, Any]) -> dict[str, Any]:
    if not APP.company.get("Item", INVENTORY):
        assert APP.made("Item", router(APP.company))["Id"] == INVENTORY
    reply = APP.call("POST", "invoice", json.encode_numbers(untaxed(body)).encode())
    assert reply.status == 200, reply.body
    made: dict[str, Any] = decoded(reply)["Invoice"]
    return made


def untaxed(body: dict[str, Any]) -> dict[str, Any]:
    """Ignore tax: a credit's tax can make an invoice negative, which is another rule."""
    lines = [
        line
        if "TaxCodeRef" not in line.get("SalesItemLineDetail", {})
        else {**line, "SalesItemLineDetail": {**line["SalesItemLineDetail"], "TaxCodeRef": {"value": "NON"}}}
        for line in body["Line"]
    ]
    return {**body, "Line": lines}
