"""A deal with many deviations from the documentation gets its invoice; the log has the whole event."""

import json
from typing import Any

import pytest

from events.contract import catalog
from events.contract import json as exact
from tests import stories
from tests.world import World, net

LONG = "Kühlung & Söhne: “Größe” 🦊 " * 800
NOTHING: tuple[Any, ...] = (None, "", [], {})


def spoilt(nothing: Any) -> list[dict[str, Any]]:
    """Every optional field is empty."""
    line = {
        **stories.LINE,
        **dict.fromkeys(("sku", "description", "discount", "taxable", "tax_code", "service_date")),
    }
    line |= dict.fromkeys(("discount", "taxable", "service_date"), nothing)
    quote = {**stories.QUOTE, "lines": [line], "discount": nothing, "shipping": nothing}
    data = {
        "quote": quote,
        "billing_schedule": nothing,
        "closed_at": nothing,
        "owner": None,
        "po_number": None,
    }
    deal, *contracts = stories.signed_deal("D-1")
    account = stories.account(
        revision=2, **dict.fromkeys(("billing_address", "shipping_address", "currency"), nothing)
    )
    return [account, {**deal, "data": {**deal["data"], **data}}, *contracts]


@pytest.mark.parametrize("nothing", NOTHING, ids=repr)
async def test_a_deal_with_empty_optional_fields_is_invoiced(ready: World, nothing: Any) -> None:
    results = await ready.send(*spoilt(nothing))
    assert {result.outcome for result in results} == {"appended"}
    await ready.settle()
    assert [str(net(invoice)) for invoice in ready.books()] == ["599.94"]


async def test_a_deal_of_long_texts_is_invoiced_and_kept_whole(ready: World) -> None:
    line = {**stories.LINE, **dict.fromkeys(("name", "description", "sku", "tax_code"), LONG)}
    texts = dict.fromkeys(("name", "owner", "po_number"), LONG)
    address = dict.fromkeys(("line1", "line2", "city", "region", "postal_code", "country"), LONG)
    contacts = dict.fromkeys(("name", "domain", "tax_id", "email", "phone"), LONG)
    deal, sent, signed = stories.signed_deal(
        "D-2", account_id="A-2", quote={**stories.QUOTE, "lines": [line]}, **texts
    )
    account = stories.account("A-2", **contacts, billing_address=address, shipping_address=address)
    sent["data"]["reason"] = LONG
    await ready.send(account, deal, sent, signed)
    await ready.settle()
    found = await ready.explain("D-2")
    assert found.first_unmet == "account_not_mapped"
    assert all(len(gate.reason or "") < 2000 for gate in found.gates)
    await ready.admin().request_customer("A-2")
    await ready.settle()
    [invoice] = ready.books()
    assert str(net(invoice)) == "599.94"
    events = [recorded.event for recorded in await ready.log()]
    kept = [event.data for event in events if event.source == account["source"]]
    assert kept[-2:] == [exact.encode(account["data"]), exact.encode(deal["data"])]
    assert all(len(event.data) < 10_000 for event in events if event.topic in catalog.TOPICS_OUT)


async def test_a_deal_in_numbers_is_the_deal_in_texts(ready: World) -> None:
    raw = exact.encode_numbers(
        stories.QUOTE | {"total": 599.94, "lines": [stories.LINE | {"quantity": 12, "unit_price": 49.995}]}
    )
    deal, *contracts = stories.signed_deal("17")
    deal["data"] |= {"deal_id": 17, "revision": "1", "quote": json.loads(raw)}
    await ready.send(stories.account(), deal, *contracts)
    await ready.settle()
    assert [str(net(invoice)) for invoice in ready.books()] == ["599.94"]
    assert (await ready.explain("17")).stage == "invoice_created"
