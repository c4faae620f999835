"""Each gate becomes unmet for its reason, shows it, and becomes met by its remedy."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from events.contract import catalog
from tests import stories
from tests.world import World, net, open_world, types
from worker.quote_to_cash import explain

Step = Callable[[World], Awaitable[Any]]


async def test_a_signed_contract_becomes_one_invoice_of_the_signed_amount(ready: World) -> None:
    await ready.send(*stories.signed_deal())
    await ready.settle()
    [invoice] = ready.books()
    assert str(net(invoice)) == "599.94"
    explanation = await ready.explain()
    assert (explanation.stage, explanation.first_unmet) == ("invoice_created", None)
    told = types([r for r in await ready.log() if r.event.topic == "crm.deal-updates.v1"])
    assert (told[0], told[-1]) == ("deal.closed-won.v1", "deal.invoiced.v1")
    assert set(told[1:-1]) <= {"deal.invoice-held.v1"}, "the item was created from the deal's own words"


HELD: list[tuple[str, list[dict[str, Any]], dict[str, str]]] = [
    ("not_won", [stories.deal()], {}),
    ("contract_not_signed", [stories.deal(), stories.contract("sent")], {}),
    ("contract_not_signed", [stories.deal(), stories.contract("delivered")], {}),
    (
        "contract_declined",
        [stories.deal(), stories.contract("sent"), stories.contract("declined", reason="no")],
        {},
    ),
    ("contract_voided", [stories.deal(), stories.contract("sent"), stories.contract("voided")], {}),
    (
        "contract_not_signed",
        [stories.deal(stage="closed_won", closed_at="2026-05-03T00:00:00Z")],
        {"invoice_requires_signature": "true"},
    ),
    ("deal_closed_lost", [stories.deal(stage="closed_lost"), stories.contract("signed")], {}),
    ("deal_closed_lost", [stories.deal(stage="closed_lost")], {}),
    ("deal_closed_lost", [stories.deal(stage="closed_lost"), stories.contract("sent")], {}),
    ("deal_closed_lost", [stories.deal(stage="closed_lost"), stories.contract("declined")], {}),
    (
        "deal_reopened",
        [stories.deal(stage="closed_won", quote=None), stories.deal(stage="contract_sent", revision=2)],
        {},
    ),
    ("auto_invoice_off", stories.signed_deal(), {"auto_invoice": "false"}),
    ("won_before_cut_over", stories.signed_deal(), {"cut_over": "2026-05-04T00:00:00Z"}),
    ("quote_missing", stories.signed_deal(quote=None), {}),
    ("quote_missing", stories.signed_deal(stage="quote_draft"), {}),
    ("quote_missing", stories.signed_deal()[1:], {}),
    ("line_items_missing", stories.signed_deal(quote={**stories.QUOTE, "lines": [], "total": "0"}), {}),
    (
        "quote_differs_from_signed",
        [
            stories.deal(),
            stories.deal(revision=2, time="2026-05-02T12:00:00Z", quote={**stories.QUOTE, "total": "599.95"}),
            *stories.signed_deal()[1:],
        ],
        {},
    ),
    ("quote_total_differs", stories.signed_deal(quote={**stories.QUOTE, "total": "600.94"}), {}),
    (
        "schedule_not_supported",
        stories.signed_deal(billing_schedule=[{"entry": 1, "on": "signature", "percent": "100"}]),
        {},
    ),
    ("tax_mode_not_supported", stories.signed_deal(quote={**stories.QUOTE, "tax_mode": "inclusive"}), {}),
    ("account_missing", stories.signed_deal(account_id="A-9"), {}),
    ("account_not_mapped", [stories.account("A-9"), *stories.signed_deal(account_id="A-9")], {}),
    (
        "product_not_mapped",
        stories.signed_deal(
            quote={**stories.QUOTE, "lines": [{**stories.LINE, "product_id": "P-9", "name": "Beta"}]}
        ),
        {},
    ),
    ("currency_not_enabled", stories.signed_deal(currency="EUR"), {}),
    ("term_not_found", stories.signed_deal(), {"terms": "Net 7"}),
    ("paused", stories.signed_deal(), {"paused": "true"}),
]


@pytest.mark.parametrize(
    ("gate", "events", "settings"), HELD, ids=[f"{i}-{case[0]}" for i, case in enumerate(HELD)]
)
async def test_a_gate_shuts_and_says_so(
    ready: World, gate: str, events: list[dict[str, Any]], settings: dict[str, str]
) -> None:
    # The item is created from a deal's line, so a first deal creates it.
    await ready.send(*stories.signed_deal("D-0"))
    await ready.settle()
    if settings:
        await ready.admin().change_settings(settings)
    await ready.send(*events)
    await ready.settle()
    explanation = await ready.explain()
    assert explanation.first_unmet == gate
    shut = next(found for found in explanation.gates if found.gate == gate)
    assert shut.reason
    assert "{" not in shut.reason
    assert shut.remedy
    assert len(ready.books()) == 1
    row = (await ready.deals())["D-1"]
    assert (row["gate"], row["reason"], row["remedy"]) == (gate, shut.reason, shut.remedy)


OPENED: dict[str, Step] = {
    "auto_invoice_off": lambda world: world.admin().change_settings({"auto_invoice": "true"}),
    "won_before_cut_over": lambda world: world.admin().request_invoice("D-1"),
    "quote_missing": lambda world: world.send(stories.deal(revision=2)),
    "quote_total_differs": lambda world: world.send(stories.deal(revision=2)),
    "account_missing": lambda world: world.admin().map_account("A-9", "1"),
    "account_not_mapped": lambda world: world.admin().request_customer("A-9"),
    "product_not_mapped": lambda world: world.admin().request_item("P-9"),
    "term_not_found": lambda world: world.admin().change_settings({"terms": "net 60"}),
    "paused": lambda world: world.admin().change_settings({"paused": "false"}),
    "deal_closed_lost": lambda world: world.send(stories.deal(revision=2, stage="closed_won")),
    "contract_declined": lambda world: world.send(
        stories.contract("signed", contract_id="C-2", at="2026-05-04T00:00:00Z"),
        stories.deal(revision=2, stage="closed_won", time="2026-05-04T00:01:00Z"),
    ),
}


@pytest.mark.parametrize("gate", OPENED)
async def test_its_remedy_opens_a_gate_and_the_deal_goes_through(ready: World, gate: str) -> None:
    await ready.send(*stories.signed_deal("D-0"))
    await ready.settle()
    _, events, settings = next(case for case in HELD if case[0] == gate)
    if settings:
        await ready.admin().change_settings(settings)
    await ready.send(*events)
    await ready.settle()
    assert len(ready.books()) == 1
    await OPENED[gate](ready)
    await ready.settle()
    explanation = await ready.explain()
    assert explanation.first_unmet is None
    assert len(ready.books()) == 2


async def held_and_told(world: World) -> list[list[str]]:
    """Return the gates' codes of each announcement that the invoice is held."""
    told = [r.event.payload for r in await world.log() if r.event.type == catalog.DEAL_INVOICE_HELD]
    return [[gate.gate for gate in held.gates] for held in told]


async def test_the_crm_is_told_of_other_gates_and_the_read_model_of_other_words(ready: World) -> None:
    lines = [{**stories.LINE, "line_id": p, "product_id": p, "name": f"Product {p}"} for p in ("P-8", "P-9")]
    await ready.send(*stories.signed_deal(quote={**stories.QUOTE, "lines": lines, "total": "1199.88"}))
    await ready.settle()
    assert await held_and_told(ready) == [["product_not_mapped"]]
    assert "P-8" in (await ready.deals())["D-1"]["reason"]
    await ready.admin().map_product("P-8", "1")
    await ready.settle()
    assert await held_and_told(ready) == [["product_not_mapped"]]
    assert "P-8" not in (await ready.deals())["D-1"]["reason"]
    await ready.admin().map_product("P-9", "1")
    await ready.settle()
    assert len(ready.books()) == 1
    assert (await ready.deals())["D-1"]["gate"] is None


async def test_the_crm_is_not_told_of_deals_that_nobody_won(ready: World) -> None:
    await ready.send(
        stories.deal("D-1", stage="quote_draft"),
        stories.deal("D-2"),
        stories.contract("sent", "D-2"),
        stories.deal("D-3", stage="closed_lost"),
    )
    await ready.settle()
    assert await held_and_told(ready) == []
    gates = {deal: row["gate"] for deal, row in (await ready.deals()).items()}
    assert gates == {"D-1": "not_won", "D-2": "contract_not_signed", "D-3": "deal_closed_lost"}


async def test_a_contract_of_a_deal_that_never_came_says_so_until_it_comes(ready: World) -> None:
    await ready.send(*stories.signed_deal()[1:])
    await ready.settle()
    row = (await ready.deals())["D-1"]
    assert row["gate"] == "quote_missing"
    assert "has not sent" in row["reason"]
    assert "Add a quote" not in row["remedy"]
    assert await held_and_told(ready) == [["quote_missing"]]
    await ready.send(stories.deal())
    await ready.settle()
    assert len(ready.books()) == 1


async def test_fractions_of_a_cent_are_named(ready: World) -> None:
    lines = [{**stories.LINE, "quantity": "1", "unit_price": "100.005"}]
    await ready.send(*stories.signed_deal(quote={**stories.QUOTE, "lines": lines, "total": "100.005"}))
    await ready.settle()
    row = (await ready.deals())["D-1"]
    assert row["gate"] == "quote_total_differs"
    assert row["reason"] == "The quote's total of 100.005 USD has fractions of a cent."


async def test_a_deal_waits_for_a_connection(world: World) -> None:
    await world.add_workspace()
    await world.admin().change_settings({"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"})
    await world.admin().map_account("A-1", "1")
    await world.admin().map_product("P-1", "1")
    await world.send(*stories.signed_deal())
    await world.settle()
    assert (await world.explain()).first_unmet == "connection_missing"
    await world.connect()
    await world.settle()
    assert len(world.books()) == 1


async def test_a_tax_code_outside_the_us_is_one_of_the_companys(tmp_path: Any) -> None:
    async with open_world(tmp_path, kinds=("uk",)) as world:
        await world.ready()
        await world.send(stories.account(currency="GBP"))
        quote = {**stories.QUOTE, "lines": [{**stories.LINE, "tax_code": "standard"}]}
        await world.send(*stories.signed_deal(currency="GBP", quote=quote))
        await world.settle()
        assert (await world.explain()).first_unmet == "tax_code_not_mapped"
        bare = {**stories.QUOTE, "lines": [{**stories.LINE, "taxable": False}]}
        await world.send(*stories.signed_deal("D-3", currency="GBP", quote=bare))
        await world.settle()
        row = (await world.deals())["D-3"]
        assert row["gate"] == "tax_code_not_mapped"
        assert row["reason"].startswith("The quote has no tax code for Platform seat (P-1), ")
        taxed = {**stories.QUOTE, "lines": [{**stories.LINE, "tax_code": "20.0% s"}]}
        await world.send(*stories.signed_deal("D-2", currency="GBP", quote=taxed))
        await world.settle()
        [invoice] = world.books()
        assert (str(net(invoice)), str(invoice["TotalAmt"])) == ("599.94", "719.93")


async def test_the_cut_over_is_by_default_when_automatic_invoicing_was_switched_on(world: World) -> None:
    await world.ready(cut_over="")
    await world.send(stories.account(), *stories.signed_deal())
    await world.settle()
    assert (await world.explain()).first_unmet == "won_before_cut_over"


async def test_a_customer_in_another_currency_holds_the_deal(tmp_path: Any) -> None:
    async with open_world(tmp_path, kinds=("uk",)) as world:
        await world.ready()
        await world.send(stories.account(currency="EUR"))
        quote = {**stories.QUOTE, "lines": [{**stories.LINE, "tax_code": "20.0% S"}]}
        await world.send(*stories.signed_deal(currency="GBP", quote=quote))
        await world.settle()
        assert (await world.explain()).first_unmet == "customer_currency_differs"


async def test_explain_shows_the_last_events_and_names_the_last_that_moved_a_gate(
    ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain, "EVENTS_MAX", 3)
    await ready.send(*(stories.deal(revision=n, stage="quote_draft", name=f"Deal {n}") for n in range(1, 8)))
    await ready.settle()
    found = await ready.explain()
    shown = [event for event in found.events if event.stream == "deal/D-1"]
    assert [event.data.revision for event in shown if event.type == catalog.DEAL_UPDATED][-1] == 7
    assert len(shown) == 3
    assert [event.position for event in found.events] == sorted(event.position for event in found.events)
    gate = next(gate for gate in found.gates if gate.gate == "not_won")
    assert gate.event == shown[-1].id


async def test_a_gate_has_the_code_of_its_remedy_and_the_streams_that_it_is_about(ready: World) -> None:
    await ready.send(stories.account("A-9"), *stories.signed_deal(account_id="A-9"))
    await ready.settle()
    gate = next(gate for gate in (await ready.explain()).gates if not gate.met)
    assert (gate.gate, gate.action, gate.about) == ("account_not_mapped", "map_account", ("account/A-9",))
    assert "q2c" not in (gate.reason or "") + (gate.remedy or "")
