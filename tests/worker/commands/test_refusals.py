"""QuickBooks rejects a command: the deal shows the reason, waits for a person, and continues after their action."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from events.contract import catalog
from tests import stories
from tests.world import World, net, types
from worker.commands.table import realms
from worker.sandbox import accountant


def change(world: World, **traits: Any) -> None:
    world.sandbox.change_traits(world.realm, traits)


async def with_item(world: World) -> None:
    """Create the item first, so that the next deal needs only its invoice."""
    await world.send(*stories.signed_deal("D-0"))
    await world.settle()


async def test_a_closed_period_waits_for_a_person_and_the_invoice_then_follows(ready: World) -> None:
    await with_item(ready)
    change(ready, books_closed_until="2026-12-31")
    await ready.send(*stories.signed_deal())
    await ready.settle()
    explanation = await ready.explain()
    assert explanation.first_unmet == "period_closed"
    change(ready, books_closed_until=None)
    await ready.settle()
    assert len(ready.books()) == 1, "nobody has looked yet"
    await ready.admin().request_invoice("D-1")
    await ready.settle()
    assert len(ready.books()) == 2
    created = [r.event.payload for r in await ready.log() if r.event.type == catalog.INVOICE_CREATED]
    assert [found.generation for found in created] == [1, 2]


async def test_someone_elses_number_is_never_adopted(ready: World) -> None:
    await with_item(ready)
    change(ready, custom_transaction_numbers=True)
    await ready.connect()  # the company is read again
    await ready.settle()
    body = {"CustomerRef": {"value": "1"}, "DocNumber": "D-1", "Line": ready.books()[0]["Line"][:1]}
    company = ready.sandbox.companies[ready.realm]
    stranger = accountant.create(company, "Invoice", body, ready.clock.now())
    await ready.send(*stories.signed_deal())
    await ready.settle()
    explanation = await ready.explain()
    assert explanation.first_unmet == "doc_number_taken"
    shut = next(gate for gate in explanation.gates if gate.gate == "doc_number_taken")
    assert shut.reason is not None
    assert stranger["Id"] in shut.reason
    assert await ready.invoice_of() is None
    await ready.admin().request_invoice("D-1")
    await ready.settle()
    assert [i["DocNumber"] for i in ready.books()][-1] == "D-1-R2"


async def test_our_own_number_is_recognised(ready: World) -> None:
    await with_item(ready)
    change(ready, custom_transaction_numbers=True)
    await ready.connect()
    await ready.settle()
    ready.trouble("lost_answer", writes_only=True)
    await ready.send(*stories.signed_deal())
    await ready.follow()
    ready.sandbox.companies[ready.realm].replies.clear()
    await ready.settle()
    assert [i["DocNumber"] for i in ready.books()][1:] == ["D-1"]
    assert (await ready.explain()).first_unmet is None


async def test_a_customers_name_that_another_customer_has_is_reported(world: World) -> None:
    await world.ready()
    await world.send(stories.account(name="cool cars"), *stories.signed_deal())
    await world.settle()
    explanation = await world.explain()
    assert explanation.first_unmet == "account_not_mapped"
    shut = next(gate for gate in explanation.gates if gate.gate == "account_not_mapped")
    holder = next(c["Id"] for c in world.books("Customer") if c["DisplayName"] == "Cool Cars")
    assert shut.reason is not None
    assert f"customer {holder} (Cool Cars) already has the name" in shut.reason
    await world.admin().map_account("A-1", holder)
    await world.settle()
    assert len(world.books()) == 1


async def test_a_name_that_a_vendor_has_is_reported_too(world: World) -> None:
    await world.ready()
    await world.send(stories.account(name="Books by Bessie"), *stories.signed_deal())
    await world.settle()
    assert (await world.explain()).first_unmet == "account_not_mapped"


async def test_a_revoked_connection_waits_for_a_new_consent(ready: World) -> None:
    await with_item(ready)
    ready.sandbox.oauth.disconnect(ready.realm)
    await ready.send(*stories.signed_deal())
    await ready.settle()
    explanation = await ready.explain()
    assert "connection_expired" in {gate.gate for gate in explanation.gates if not gate.met}
    assert await ready.invoice_of() is None
    await ready.send(*stories.signed_deal("D-2"))
    await ready.settle()
    assert (await ready.explain("D-2")).first_unmet == "connection_expired"
    await ready.connect()
    await ready.settle()
    assert len(ready.books()) == 3


async def test_a_workspace_that_lost_its_company_does_not_cut_off_the_one_that_has_it_now(
    ready: World,
) -> None:
    await with_item(ready)
    before = len(ready.books())
    ready.sandbox.oauth.disconnect(ready.realm)
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert (await ready.explain()).first_unmet == "connection_expired"
    await ready.add_workspace("bolt")
    await ready.connect("bolt", ready.realm)
    await ready.admin("bolt").change_settings({"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"})
    await ready.admin("bolt").map_account("A-1", "1")
    await ready.admin("bolt").map_product("P-1", "1")
    await ready.settle()
    await ready.admin().change_settings({"paused": "true"})
    await ready.settle()
    await ready.send(*stories.signed_deal("D-2"), workspace="bolt")
    await ready.settle()
    assert len(ready.books()) == before + 1


async def test_a_new_consent_counts_at_once(ready: World) -> None:
    store = ready.gateway.tokens
    before = await store.access_token(ready.realm)
    await ready.connect()
    assert await store.access_token(ready.realm) != before


async def test_a_new_consent_begins_the_count_of_refusals_anew(ready: World) -> None:
    database, refused_since = ready.services.database, sa.select(realms.c.refused_since)
    await database.transaction(lambda c: c.execute(realms.update().values(refused_since=ready.clock.now())))
    assert await database.read(lambda c: c.scalar(refused_since)) is not None
    await ready.connect()
    assert await database.read(lambda c: c.scalar(refused_since)) is None


async def test_an_expired_access_token_is_refreshed(ready: World) -> None:
    await with_item(ready)
    ready.clock.advance(timedelta(hours=30).total_seconds())
    before = ready.sandbox.oauth.refreshes
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert len(ready.books()) == 2
    assert ready.sandbox.oauth.refreshes == before + 1


async def test_a_token_refused_now_and_then_ends_no_connection(ready: World) -> None:
    await with_item(ready)
    failures = ["server_error"] * 4 + ["unauthorized"] * 2
    ready.trouble(*failures * 2, writes_only=True)
    await ready.send(*stories.signed_deal())
    await ready.settle(patience=timedelta(hours=5))
    assert len(ready.books()) == 2
    assert "connection.expired.v1" not in types(await ready.log())


async def test_tokens_refused_for_a_quarter_of_an_hour_need_a_person(ready: World) -> None:
    await with_item(ready)
    ready.trouble(*["unauthorized"] * 500, writes_only=True)
    await ready.send(*stories.signed_deal())
    began = ready.clock.now()
    await ready.settle()
    lasted = (ready.clock.now() - began).total_seconds()
    assert 900 <= lasted <= 960 + 60
    assert types(await ready.log()).count("connection.expired.v1") == 1
    assert (await ready.explain()).first_unmet == "connection_expired"
    ready.trouble()
    await ready.connect()
    ready.trouble(*["unauthorized"] * 2, writes_only=True)
    await ready.settle()
    assert len(ready.books()) == 2, "what went before the new consent counts no more"


async def test_tokens_that_are_taken_again_begin_a_new_count(ready: World) -> None:
    await with_item(ready)
    for number in range(1, 4):
        ready.trouble(*["unauthorized"] * 20, writes_only=True)
        await ready.send(*stories.signed_deal(f"D-{number}"))
        await ready.settle()
        ready.clock.advance(600)
    assert len(ready.books()) == 4
    assert "connection.expired.v1" not in types(await ready.log())


async def test_a_pause_holds_commands_that_were_not_sent(ready: World) -> None:
    await with_item(ready)
    await ready.send(*stories.signed_deal())
    await ready.follow()
    await ready.admin().change_settings({"paused": "true"})
    await ready.settle()
    assert len(ready.books()) == 1
    await ready.admin().change_settings({"paused": "false"})
    await ready.settle()
    assert [str(net(i)) for i in ready.books()] == ["599.94", "599.94"]


async def test_an_invoice_with_a_differing_total_is_adopted_and_flagged(ready: World) -> None:
    await with_item(ready)
    ready.trouble("lost_answer", writes_only=True)
    await ready.send(*stories.signed_deal())
    await ready.follow()
    [command] = await ready.claim()
    await ready.dispatcher.work(command)
    company = ready.sandbox.companies[ready.realm]
    invoice = company.books()["Invoice"][-1]
    line = {**invoice["Line"][0], "Amount": 500, "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    accountant.change(company, "Invoice", invoice["Id"], {"Line": [line]}, ready.clock.now())
    await ready.settle()
    created = [r.event.payload for r in await ready.log() if r.event.type == catalog.INVOICE_CREATED][-1]
    assert (created.adopted, str(created.net), str(created.expected)) == (True, "500.00", "599.94")
