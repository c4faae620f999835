"""A refused read proves nothing about a write: nothing is sent again before QuickBooks has answered a look-up."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from events.contract import catalog
from tests import stories
from tests.world import World, net, types
from worker.actions.admin import ActionRefused
from worker.actions.invoices import name_invoice
from worker.commands import standing
from worker.commands.identity import marker
from worker.quickbooks import queries
from worker.sandbox import accountant
from worker.sandbox.books.entity import Act
from worker.sandbox.failing.asked import Operation
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan

READS: tuple[Operation, ...] = ("read", "query")
REFUSALS = {
    "because of another invoice": Refusal("4002"),
    "as not queryable": Refusal("4001", form="lower_case"),
    "for lack of rights": Refusal("3100", 403, form="lower_case"),
    "for a lapsed subscription, with 200": Refusal("6190", 200),
    "with 200": Refusal("4002", 200),
    "in XML": Refusal("4002", form="xml"),
    "by a proxy": Refusal("", 403, form="html"),
}


async def with_item(world: World) -> None:
    """Create the item first, so that the next deal needs only its invoice."""
    await world.send(*stories.signed_deal("D-0"))
    await world.settle()


def trouble(world: World, *refusals: Refusal, script: Any = ()) -> None:
    world.sandbox.trouble.follow(Plan(script=script, writes_only=True, refusals=refusals))


def of_reads(refusal: Refusal, **changes: Any) -> Refusal:
    return Refusal(refusal.code, refusal.status, refusal.form, operations=READS, **changes)


async def attempt(world: World, *refusals: Refusal, script: Any = ()) -> None:
    """Send the invoice of a deal once, with any result."""
    trouble(world, *refusals, script=script)
    await world.send(*stories.signed_deal())
    await world.follow()
    for command in await world.claim():
        await world.dispatcher.work(command)


async def lose_the_answer(world: World, *refusals: Refusal) -> None:
    """Let the next invoice be created, its answer lost, and its look-ups refused."""
    await attempt(world, script=("lost_answer",))
    trouble(world, *refusals)
    await world.settle(patience=timedelta(minutes=20))
    world.sandbox.companies[
        world.realm
    ].replies.clear()  # for how long QuickBooks remembers is not documented


def of_deal(world: World, deal: str = "D-1") -> list[dict[str, Any]]:
    return [i for i in world.books() if f"Deal {deal}:" in i.get("PrivateNote", "")]


@pytest.mark.parametrize("said", REFUSALS)
async def test_a_refused_look_up_leaves_the_outcome_unknown(ready: World, said: str) -> None:
    await with_item(ready)
    await lose_the_answer(ready, of_reads(REFUSALS[said]))
    assert await ready.invoice_of() is None
    assert "command.rejected.v1" not in types(await ready.log())
    with pytest.raises(ActionRefused, match="may be in QuickBooks"):
        await ready.admin().request_invoice("D-1")
    await ready.settle(patience=timedelta(hours=2))
    assert len(of_deal(ready)) == 1
    shut = [gate.gate for gate in (await ready.explain()).gates if not gate.met]
    assert "outcome_uncertain" in shut
    trouble(ready)
    ready.clock.advance(7200)
    await ready.settle()
    [invoice] = of_deal(ready)
    assert await ready.invoice_of() == invoice["Id"]
    created = [r.event.payload for r in await ready.log() if r.event.type == catalog.INVOICE_CREATED][-1]
    assert (created.adopted, created.generation) == (True, 1)


async def test_a_refused_look_up_is_shown_with_its_remedy(ready: World) -> None:
    await with_item(ready)
    refusal = Refusal("4002", detail="Email Address is not valid", operations=READS)
    await lose_the_answer(ready, refusal)
    explained = await ready.explain()
    [gate] = [gate for gate in explained.gates if gate.gate == "outcome_uncertain"]
    assert gate.reason is not None
    assert "look-up refused: Email Address is not valid (code 4002)" in gate.reason
    assert gate.action == "name_invoice"
    await ready.services.database.read(standing.measure)
    assert REGISTRY.get_sample_value("q2c_commands_uncertain", {"look_up": "unanswered"}) == 1
    told = [r.event for r in await ready.log() if r.event.type == catalog.COMMAND_UNCERTAIN]
    assert len(told) == 2, (
        "the lost answer and the refused look-up, and not one for each time that it was asked"
    )


@pytest.mark.parametrize("spoilt", [" >= ", "SELECT * "])
async def test_a_look_up_that_is_refused_again_and_again_is_asked_in_other_forms(
    ready: World, spoilt: str
) -> None:
    await with_item(ready)
    await lose_the_answer(
        ready, Refusal("4002", operations=("query",), entities=("Invoice",), containing=spoilt)
    )
    assert len(of_deal(ready)) == 1
    assert (await ready.explain()).first_unmet is None


async def test_another_invoice_that_cannot_be_read_does_not_hide_ours(ready: World) -> None:
    await with_item(ready)
    line = [
        {"DetailType": "SalesItemLineDetail", "Amount": 1, "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    ]
    company = ready.sandbox.companies[ready.realm]
    customer = ready.books()[0]["CustomerRef"]["value"]
    fields = {"CustomerRef": {"value": customer}, "Line": line}
    broken = accountant.create(company, "Invoice", fields, ready.clock.now())
    await lose_the_answer(
        ready,
        Refusal("4002", operations=("query",), containing="SELECT * "),
        Refusal("4002", operations=("read",), containing=f"/invoice/{broken['Id']}"),
    )
    assert len(of_deal(ready)) == 1
    assert (await ready.explain()).first_unmet is None


async def test_an_incomplete_look_up_proves_no_absence(ready: World) -> None:
    """If one of several invoices can't be read, it may be ours."""
    await with_item(ready)
    await lose_the_answer(
        ready,
        Refusal("4002", operations=("query",), containing="SELECT * "),
        Refusal("4002", operations=("read",)),
    )
    await ready.settle(patience=timedelta(hours=3))
    assert len(of_deal(ready)) == 1
    assert (await ready.explain()).first_unmet == "outcome_uncertain"


@pytest.mark.parametrize("status", [400, 200])
async def test_an_invoice_of_an_earlier_generation_is_found(ready: World, status: int) -> None:
    """QuickBooks refuses a request that it applied all the same."""
    await with_item(ready)
    trouble(
        ready, Refusal("6000", status, operations=("create",), entities=("Invoice",), applied=True, times=1)
    )
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert (await ready.explain()).first_unmet == "rejected_by_quickbooks"
    ready.clock.advance(48 * 3600)
    await ready.admin().request_invoice("D-1")
    await ready.settle()
    [invoice] = of_deal(ready)
    assert await ready.invoice_of() == invoice["Id"]


async def test_a_later_generation_is_not_sent_before_the_earlier_is_looked_up(ready: World) -> None:
    await with_item(ready)
    await attempt(ready, Refusal("6000", operations=("create",), entities=("Invoice",), applied=True))
    trouble(ready, Refusal("4002", operations=READS, entities=("Invoice",)))
    await ready.settle()
    assert (await ready.explain()).first_unmet == "rejected_by_quickbooks"
    await ready.admin().request_invoice("D-1")
    await ready.settle(patience=timedelta(minutes=30))
    assert len(of_deal(ready)) == 1
    assert (await ready.explain()).first_unmet == "outcome_uncertain"


async def test_an_invoice_of_an_earlier_generation_for_another_customer_is_found(ready: World) -> None:
    await with_item(ready)
    trouble(ready, Refusal("6000", operations=("create",), entities=("Invoice",), applied=True, times=1))
    await ready.send(*stories.signed_deal())
    await ready.settle()
    [invoice] = of_deal(ready)
    await ready.admin().map_account("A-1", another_customer(ready, invoice))
    await ready.settle()
    await ready.admin().request_invoice("D-1")
    await ready.settle()
    assert [found["Id"] for found in of_deal(ready)] == [invoice["Id"]]
    assert await ready.invoice_of() == invoice["Id"]


def another_customer(world: World, invoice: dict[str, Any]) -> str:
    others = (str(customer["Id"]) for customer in world.books("Customer"))
    return next(other for other in others if other != invoice["CustomerRef"]["value"])


async def test_an_invoice_that_an_accountant_renumbered_is_found(world: World) -> None:
    world.sandbox.change_traits(world.realm, {"custom_transaction_numbers": True})
    await world.ready()
    await world.send(stories.account())
    await world.settle()
    await with_item(world)
    await attempt(world, script=("lost_answer",))
    trouble(world)
    [made] = of_deal(world)
    assert made["DocNumber"] == "D-1"
    world.sandbox.companies[world.realm].objects["Invoice"][made["Id"]]["DocNumber"] = "2026-17"
    world.sandbox.companies[world.realm].replies.clear()
    await world.settle()
    [found] = of_deal(world)
    assert (await world.deals())["D-1"]["invoices"][0]["doc_number"] == found["DocNumber"] == "2026-17"


async def test_a_copy_for_another_customer_is_not_ours_even_if_a_person_names_it(ready: World) -> None:
    await with_item(ready)
    trouble(ready, script=("lost_before",))
    await ready.send(*stories.signed_deal("D-1"))
    await ready.follow()
    [command] = await ready.claim()
    [model] = of_deal(ready, "D-0")
    note = f"Deal D-1: copied {marker(command.request_id)}"
    copied = {**model, "PrivateNote": note, "CustomerRef": {"value": another_customer(ready, model)}}
    copy = ready.sandbox.companies[ready.realm].store("Invoice", copied, Act(ready.clock.now()))
    await ready.dispatcher.work(command)
    await name_invoice(ready.admin(), ready.gateway.client, "D-1", copy["Id"])
    await ready.settle()
    assert await ready.invoice_of() not in (None, copy["Id"])


async def test_a_voided_invoice_of_an_earlier_generation_blocks_no_later_one(ready: World) -> None:
    await with_item(ready)
    trouble(ready, Refusal("6000", operations=("create",), entities=("Invoice",), applied=True, times=1))
    await ready.send(*stories.signed_deal())
    await ready.settle()
    [made] = of_deal(ready)
    company = ready.sandbox.companies[ready.realm]
    accountant.void(company, "Invoice", made["Id"], ready.clock.now())
    await ready.admin().request_invoice("D-1")
    await ready.settle()
    assert [str(net(invoice)) for invoice in of_deal(ready)] == ["0", "599.94"]


async def test_a_person_may_name_the_deals_invoice(ready: World) -> None:
    await with_item(ready)
    await lose_the_answer(
        ready, Refusal("4002", operations=("query",)), Refusal("4002", operations=("read",))
    )
    [invoice], [other] = of_deal(ready), of_deal(ready, "D-0")
    client = ready.gateway.client
    with pytest.raises(ActionRefused, match="does not show"):
        await name_invoice(ready.admin(), client, "D-1", invoice["Id"])
    trouble(ready, Refusal("4002", operations=("query",)))
    with pytest.raises(ActionRefused, match="does not carry the mark of D-1"):
        await name_invoice(ready.admin(), client, "D-1", other["Id"])
    with pytest.raises(ActionRefused, match="does not show"):
        await name_invoice(ready.admin(), client, "D-1", "4711")
    with pytest.raises(ActionRefused, match="outcome is unknown"):
        await name_invoice(ready.admin(), client, "D-0", other["Id"])
    await name_invoice(ready.admin(), client, "D-1", invoice["Id"])
    await ready.settle(patience=timedelta(0))
    assert await ready.invoice_of() == invoice["Id"]
    assert len(of_deal(ready)) == 1


async def test_a_person_may_name_an_invoice_that_an_earlier_generation_created_for_another_customer(
    ready: World,
) -> None:
    await with_item(ready)
    trouble(ready, Refusal("6000", operations=("create",), entities=("Invoice",), applied=True, times=1))
    await ready.send(*stories.signed_deal())
    await ready.settle()
    [invoice] = of_deal(ready)
    await ready.admin().map_account("A-1", another_customer(ready, invoice))
    await ready.admin().request_invoice("D-1")
    trouble(ready, Refusal("4002", operations=("query",), entities=("Invoice",)))
    await ready.settle(patience=timedelta(minutes=30))
    assert (await ready.explain()).first_unmet == "outcome_uncertain"
    await name_invoice(ready.admin(), ready.gateway.client, "D-1", invoice["Id"])
    await ready.settle(patience=timedelta(0))
    assert await ready.invoice_of() == invoice["Id"]
    assert len(of_deal(ready)) == 1


async def test_a_request_at_which_quickbooks_fails_each_time_is_for_a_person(ready: World) -> None:
    await with_item(ready)
    trouble(ready, Refusal("10000", 500, operations=("create",), containing="D-1:"))
    await ready.send(*stories.signed_deal(), *stories.signed_deal("D-2"))
    await ready.settle(patience=timedelta(hours=12))
    assert len(of_deal(ready, "D-2")) == 1
    explained = await ready.explain()
    assert explained.first_unmet == "quickbooks_fails_at_it"
    assert explained.sent is not None
    assert "Deal D-1:" in explained.sent["PrivateNote"]
    assert ready.sandbox.trouble.counts["refused"] == 10
    trouble(ready)
    await ready.admin().request_invoice("D-1")
    await ready.settle()
    assert len(of_deal(ready)) == 1
    created = [r.event.payload for r in await ready.log() if r.event.type == catalog.INVOICE_CREATED][-1]
    assert created.generation == 2


@pytest.mark.parametrize("name", ["O\u2019Malley \u201cSons\u201d", "Joe's Café", "株式会社"])
async def test_a_name_that_cannot_be_asked_for_is_found_all_the_same(world: World, name: str) -> None:
    await world.ready()
    refused = Refusal("4000", operations=("query",), entities=("Customer",), containing="DisplayName =")
    trouble(world, refused, script=("lost_answer",))
    await world.send(stories.account(name=name), *stories.signed_deal())
    await world.settle()
    assert [c["DisplayName"] for c in world.books("Customer")].count(name) == 1
    assert (await world.explain()).first_unmet is None


async def test_a_customer_that_cannot_be_looked_up_is_told(world: World) -> None:
    await world.ready()
    trouble(world, Refusal("4000", operations=READS), script=("lost_answer",))
    await world.send(stories.account(), *stories.signed_deal())
    await world.settle(patience=timedelta(hours=1))
    [gate] = [gate for gate in (await world.explain()).gates if gate.gate == "account_not_mapped"]
    assert "look-up refused" in (gate.reason or "")
    trouble(world)
    world.clock.advance(3600)
    await world.settle()
    assert sum(c["DisplayName"] == "Acme A-1" for c in world.books("Customer")) == 1
    assert (await world.explain()).first_unmet is None


@pytest.mark.parametrize("changed", ["renamed", "made inactive"])
async def test_a_customer_that_was_changed_before_its_look_up_is_found(world: World, changed: str) -> None:
    await world.ready()
    trouble(world, script=("lost_answer",))
    await world.send(stories.account())
    await world.follow()
    for command in await world.claim():
        await world.dispatcher.work(command)
    company, now = world.sandbox.companies[world.realm], world.clock.now()
    [made] = [each["Id"] for each in world.books("Customer") if each["DisplayName"] == "Acme A-1"]
    how = {"Active": False} if changed == "made inactive" else {"DisplayName": "Acme"}
    accountant.change(company, "Customer", made, how, now)
    company.replies.clear()
    await world.settle()
    assert [each["Id"] for each in world.books("Customer") if "q2c:" in str(each.get("Notes"))] == [made]
    [created] = [
        each.event.payload for each in await world.log() if each.event.type == catalog.CUSTOMER_CREATED
    ]
    assert (created.customer_id, created.adopted) == (made, True)


async def test_a_company_that_cannot_be_read_is_read_later(world: World) -> None:
    await world.add_workspace()
    trouble(world, Refusal("4001", operations=("query",), entities=("Term",), detail="Terms can't be read"))
    await world.connect()
    await world.send(*stories.signed_deal())
    await world.settle(patience=timedelta(minutes=10))
    [gate] = [gate for gate in (await world.explain()).gates if gate.gate == "company_not_read"]
    assert "Terms can't be read" in (gate.reason or "")
    trouble(world)
    world.clock.advance(3600)
    await world.settle()
    assert "company_not_read" not in {g.gate for g in (await world.explain()).gates if not g.met}


async def test_a_list_that_ends_early_on_a_refused_page_proves_no_absence(
    ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The readable pages do not have all invoices."""
    await with_item(ready)
    company, made = ready.sandbox.companies[ready.realm], ready.books()[0]
    copied = {"CustomerRef": made["CustomerRef"], "TxnDate": made["TxnDate"], "Line": made["Line"][:1]}
    for _ in range(3):
        accountant.create(company, "Invoice", copied, ready.clock.now())
    monkeypatch.setattr(queries, "PAGE_ROWS_MAX", 3)
    await lose_the_answer(ready, Refusal("4002", operations=("query",), containing="STARTPOSITION 3"))
    await ready.settle(patience=timedelta(hours=2))
    assert len(of_deal(ready)) == 1
    assert (await ready.explain()).first_unmet == "outcome_uncertain"
    trouble(ready)
    ready.clock.advance(3600)
    await ready.settle()
    assert len(of_deal(ready)) == 1
    assert (await ready.explain()).first_unmet is None
