"""An incomplete answer proves nothing: it delays its own command, and no other."""

from typing import Any

import pytest

from events.contract import catalog
from tests import stories
from tests.world import World, net
from worker.quickbooks.client import QuickBooksClient

INVOICE: dict[str, Any] = {
    "CurrencyRef": None,
    "TotalAmt": None,
    "TxnDate": "soon",
    "DueDate": "5/6/26",
    "Id": "x" * 200,
}


def spoil(monkeypatch: pytest.MonkeyPatch, name: str, *, reads: bool) -> None:
    """Let QuickBooks omit or change a field in invoices: when they are created, or always."""
    create, query = QuickBooksClient.write, QuickBooksClient.query

    def spoilt(entity: dict[str, Any]) -> dict[str, Any]:
        changed = {**entity, name: INVOICE[name]}
        return {field: value for field, value in changed.items() if value is not None}

    async def created(
        self: QuickBooksClient, realm: str, entity: str, *args: Any, **more: Any
    ) -> dict[str, Any]:
        made = await create(self, realm, entity, *args, **more)
        return spoilt(made) if entity == "Invoice" else made

    async def queried(self: QuickBooksClient, realm: str, statement: str, **options: Any) -> dict[str, Any]:
        found = await query(self, realm, statement, **options)
        return (
            {**found, "Invoice": [spoilt(row) for row in found["Invoice"]]} if "Invoice" in found else found
        )

    monkeypatch.setattr(QuickBooksClient, "write", created)
    if reads:
        monkeypatch.setattr(QuickBooksClient, "query", queried)


@pytest.mark.parametrize("name", INVOICE)
async def test_an_invoice_whose_answer_is_odd_is_found_and_is_the_only_one(
    ready: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    spoil(monkeypatch, name, reads=False)
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert [str(net(invoice)) for invoice in ready.books()] == ["599.94"]
    assert (await ready.explain()).first_unmet is None
    [created] = [r.event.payload for r in await ready.log() if r.event.type == catalog.INVOICE_CREATED]
    assert created.adopted


@pytest.mark.parametrize("name", [name for name in INVOICE if name != "Id"])
async def test_a_command_with_odd_answers_stays_uncertain_and_delays_no_other(
    ready: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    await ready.send(*stories.signed_deal("D-0"))
    await ready.settle()
    with monkeypatch.context() as odd:
        spoil(odd, name, reads=True)
        await ready.send(*stories.signed_deal())
        await ready.settle()
        assert (await ready.explain()).first_unmet == "outcome_uncertain"
        await ready.admin().map_account("A-1", "1")
        await ready.settle()
    await ready.send(*stories.signed_deal("D-2"))
    await ready.settle()
    deals = {invoice["PrivateNote"].partition(":")[0] for invoice in ready.books()}
    assert deals == {"Deal D-0", "Deal D-1", "Deal D-2"}
    assert len(ready.books()) == 3
    assert (await ready.explain()).first_unmet is None


@pytest.mark.parametrize("odd", ["dollars", ["USD"], 7])
async def test_a_company_whose_answer_is_odd_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch, odd: object
) -> None:
    preferences = QuickBooksClient.preferences

    async def read(self: QuickBooksClient, realm: str) -> dict[str, Any]:
        found = await preferences(self, realm)
        return {**found, "CurrencyPrefs": {**found["CurrencyPrefs"], "HomeCurrency": {"value": odd}}}

    await world.add_workspace()
    await world.connect()
    with monkeypatch.context() as patch:
        patch.setattr(QuickBooksClient, "preferences", read)
        await world.follow()
        for command in await world.claim():
            await world.dispatcher.work(command)
    await world.admin().change_settings({"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"})
    await world.admin().map_account("A-1", "1")
    await world.admin().map_product("P-1", "1")
    await world.send(stories.account(), *stories.signed_deal())
    await world.settle()
    assert len(world.books()) == 1
