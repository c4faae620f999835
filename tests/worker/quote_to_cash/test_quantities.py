"""Quantity and price stay on the invoice, and a line that QuickBooks can't accept holds the deal by name."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests import stories
from tests.products import add_router
from tests.world import World, net, open_world


def quoted(*lines: dict[str, Any], total: str, **fields: Any) -> dict[str, Any]:
    numbered = [{**stories.LINE, "line_id": str(place), **line} for place, line in enumerate(lines, start=1)]
    return {**stories.QUOTE, "lines": numbered, "total": total, **fields}


def inventory(world: World) -> str:
    """Add an item with inventory to the company; return its id."""
    return add_router(world.sandbox.companies[world.realm], world.clock.now())


async def invoiced(world: World, quote: dict[str, Any]) -> dict[str, Any]:
    await world.send(stories.account(), *stories.signed_deal(quote=quote))
    await world.settle()
    assert (await world.explain()).first_unmet is None
    [invoice] = world.books()
    return invoice


INVENTORY = [
    # Lines, the quote's total, and of each line: quantity, rate, amount.
    ([{}], "599.94", [("12", "49.995", "599.94")]),
    ([{"discount": {"percent": "10"}}], "539.95", [("12", "44.9955", "539.95")]),
    ([{"discount": {"percent": "33.3333"}}], "399.96", [("12", "33.33", "399.96")]),  # 399.9602…
    ([{"discount": {"amount": "1.00"}}], "598.94", [("12", "49.912", "598.94")]),
    ([{}, {"quantity": "3", "unit_price": "0.333"}], "600.93", [("12", "49.995", "599.94"), ("3", "0.33", "0.99")]),
    ([{"quantity": "4750", "unit_price": "0.333"}], "1581.75", [("4750", "0.333", "1581.75")]),
    ([{"quantity": "-2", "unit_price": "50"}, {}], "499.94", [("-2", "50", "-100.00"), ("12", "49.995", "599.94")]),
    ([{"quantity": "0"}, {}], "599.94", [("0", "49.995", "0.00"), ("12", "49.995", "599.94")]),
    ([{"quantity": "7", "unit_price": "0"}, {}], "599.94", [("7", "0", "0.00"), ("12", "49.995", "599.94")]),
    ([{"quantity": "3", "unit_price": "33.3333333333"}], "100.00", [("3", "33.333", "100.00")]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "total", "sent"), INVENTORY)
async def test_a_line_with_inventory_always_has_its_quantity(
    ready: World, lines: list[dict[str, Any]], total: str, sent: list[tuple[str, str, str]]
) -> None:
    await ready.admin().map_product("P-1", inventory(ready))
    invoice = await invoiced(ready, quoted(*lines, total=total))
    assert net(invoice) == Decimal(total)
    shown = [
        tuple(Decimal(str(value)) for value in (detail["Qty"], detail["UnitPrice"], line["Amount"]))
        for line in invoice["Line"]
        if (detail := line.get("SalesItemLineDetail"))
    ]
    assert shown == [tuple(Decimal(value) for value in line) for line in sent]


async def test_terms_that_the_columns_do_not_show_are_in_the_description(ready: World) -> None:
    lines: list[dict[str, str | dict[str, str]]] = [
        {"discount": {"percent": "10"}},
        {"quantity": "1000001", "unit_price": "0.33333333"},
        {},
    ]
    invoice = await invoiced(ready, quoted(*lines, total="334473.56"))
    assert [line.get("Description") for line in invoice["Line"][:3]] == [
        "Platform seat (12 x 49.995 less 10%)",
        "Platform seat (1000001 x 0.33333333)",
        "Platform seat",
    ]
    assert "Qty" not in invoice["Line"][1]["SalesItemLineDetail"], (
        "no price of seven decimals gives 333,333.66"
    )
    assert (await ready.explain()).notes == (
        (
            "deal/D-1: Quantity and price stand in the description, since QuickBooks has no price that gives the amount, "
            "on line 2."
        ),
    )


async def test_without_a_price_a_line_with_inventory_is_held_and_either_remedy_opens_it(
    ready: World,
) -> None:
    await ready.send(*stories.signed_deal("D-0"))
    await ready.settle()
    item_id = inventory(ready)
    odd = quoted({"product_id": "P-2", "quantity": "1000001", "unit_price": "0.33333333"}, total="333333.66")
    even = quoted({"product_id": "P-2", "quantity": "1000001", "unit_price": "0.33"}, total="330000.33")
    await ready.admin().map_product("P-2", item_id)
    await ready.send(
        stories.account(), *stories.signed_deal(quote=odd), *stories.signed_deal("D-2", quote=odd)
    )
    await ready.settle()
    for deal in ("D-1", "D-2"):
        explanation = await ready.explain(deal)
        assert explanation.first_unmet == "quantity_not_representable"
    shut = next(gate for gate in explanation.gates if not gate.met)
    assert shut.reason is not None
    assert "Platform seat (1000001 for 333333.66 USD)" in shut.reason
    await ready.send(
        stories.deal(revision=2, time="2026-05-04T00:00:00Z", quote=even),
        stories.contract("sent", contract_id="C-2", at="2026-05-04T00:00:01Z"),
        stories.contract("signed", contract_id="C-2", at="2026-05-04T01:00:00Z"),
    )
    await ready.settle()
    assert (await ready.explain()).first_unmet is None
    await ready.admin().map_product("P-2", "1")
    await ready.settle()
    assert (await ready.explain("D-2")).first_unmet is None
    assert [str(net(invoice)) for invoice in ready.books()] == ["599.94", "330000.33", "333333.66"]


async def test_amounts_that_quickbooks_does_not_take_are_held_by_name(ready: World) -> None:
    most = {"quantity": "1", "unit_price": "9999999999.99"}
    large = {"quantity": "100000", "unit_price": "100000"}
    await ready.send(
        stories.account(),
        *stories.signed_deal("D-1", quote=quoted(large, total="10000000000.00")),
        *stories.signed_deal("D-2", quote=quoted(most, {"unit_price": "1", "quantity": "1"}, total="10000000000.99")),
        *stories.signed_deal("D-3", quote=quoted(most, total="9999999999.99")),
    )  # fmt: skip
    await ready.settle()
    stands = {deal: row["gate"] for deal, row in (await ready.deals()).items()}
    assert stands == {"D-1": "amount_too_large", "D-2": "amount_too_large", "D-3": None}


async def test_an_invoice_of_too_many_lines_is_held_by_name(ready: World) -> None:
    line = {"quantity": "1", "unit_price": "1"}
    untaxed = {**line, "taxable": False}
    await ready.send(
        stories.account(),
        *stories.signed_deal("D-1", quote=quoted(*[line] * 750, total="750.50", shipping="0.50")),
        *stories.signed_deal("D-2", quote=quoted(*[line] * 750, total="750.00")),
        *stories.signed_deal("D-3", quote=quoted(*[untaxed] * 751, total="751.00")),
        *stories.signed_deal("D-4", quote=quoted(*[line] * 751, total="751.00", tax_mode="none")),
    )
    await ready.settle()
    stands = {deal: row["reason"] for deal, row in (await ready.deals()).items()}
    told = "The invoice would have too many lines for QuickBooks: 751, and the limit is 750."
    assert stands == {"D-1": told, "D-2": None, "D-3": None, "D-4": None}


async def test_yen_are_whole(tmp_path: Path) -> None:
    async with open_world(tmp_path, kinds=("uk",)) as world:
        await world.ready()
        await world.admin().change_settings({"auto_invoice": "true"})
        await world.send(stories.account(currency="JPY"))
        line = {"tax_code": "0.0% Z", "quantity": "3", "unit_price": "33.5"}
        await world.send(
            *stories.signed_deal("D-1", currency="JPY", quote=quoted(line, line, total="201")),
            *stories.signed_deal("D-2", currency="JPY", quote=quoted(line, line, total="201.50")),
        )
        await world.settle()
        stands = {deal: row["reason"] for deal, row in (await world.deals()).items()}
        assert stands == {
            "D-1": None,
            "D-2": "The quote's total of 201.5 JPY has decimals, and its currency has none.",
        }
        [invoice] = world.books()
        assert [str(line["Amount"]) for line in invoice["Line"][:2]] == ["100", "101"]
