"""QuickBooks refuses a whole company: it is paused once, retried rarely, and all work continues by itself."""

from datetime import timedelta

import pytest

from events.contract import catalog
from tests import stories
from tests.world import World, types
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan

HOLDING = {
    "subscription_lapsed": Refusal("6190", 200, message="Invalid Company Status"),
    "insufficient_rights": Refusal("120", 403, message="AuthorizationFailure"),
    "wrong_environment": Refusal("3100", 403, form="lower_case", message="ApplicationAuthorizationFailed"),
}
DEALS = [f"D-{number}" for number in range(1, 6)]


async def with_item(world: World) -> None:
    """Create the item first, so that each further deal needs only its invoice."""
    await world.send(*stories.signed_deal("D-0"))
    await world.settle()


def trouble(world: World, *refusals: Refusal) -> None:
    world.sandbox.trouble.follow(Plan(refusals=refusals))


def refused(world: World) -> int:
    return world.sandbox.trouble.counts["refused"]


async def gates(world: World, deals: list[str]) -> set[str | None]:
    return {(await world.explain(deal)).first_unmet for deal in deals}


@pytest.mark.parametrize("gate", HOLDING)
async def test_all_deals_of_a_refused_company_wait_at_one_gate_and_continue_by_themselves(
    ready: World, gate: str
) -> None:
    await with_item(ready)
    trouble(ready, HOLDING[gate])
    for deal in DEALS[:3]:
        await ready.send(*stories.signed_deal(deal))
    await ready.settle()
    for deal in DEALS[3:]:  # won during the refusal
        await ready.send(*stories.signed_deal(deal))
    await ready.settle()
    assert await gates(ready, DEALS) == {gate}
    assert types(await ready.log()).count("company.refused.v1") == 1
    assert "command.rejected.v1" not in types(await ready.log())
    trouble(ready)
    for _ in range(2):
        ready.clock.advance(3600)
        await ready.settle()
    assert len(ready.books()) == len(DEALS) + 1
    assert await gates(ready, DEALS) == {None}
    assert types(await ready.log()).count("company.served.v1") == 1


@pytest.mark.parametrize("gate", HOLDING)
async def test_a_refused_company_is_asked_ever_more_seldom(ready: World, gate: str) -> None:
    trouble(ready, HOLDING[gate])
    for deal in DEALS:
        await ready.send(*stories.signed_deal(deal))
    began = ready.clock.now()
    while ready.clock.now() < began + timedelta(days=1):
        await ready.settle()
        ready.clock.advance(120)
    assert refused(ready) < 60, "in a day: ever more seldom at first, then once an hour"
    told = [r.event.payload for r in await ready.log() if r.event.type == catalog.COMPANY_REFUSED]
    assert [fact.gate for fact in told] == [gate]


async def test_a_company_that_is_connected_anew_waits_for_nothing(ready: World) -> None:
    trouble(ready, HOLDING["insufficient_rights"])
    await ready.send(*stories.signed_deal())
    for _ in range(20):
        await ready.settle()
        ready.clock.advance(3600)
    trouble(ready)
    await ready.connect()
    await ready.settle(patience=timedelta(seconds=10))
    assert len(ready.books()) == 1


async def test_the_gate_follows_a_change_of_the_refusal(ready: World) -> None:
    await with_item(ready)
    trouble(ready, HOLDING["subscription_lapsed"])
    await ready.send(*stories.signed_deal())
    await ready.settle()
    trouble(ready, HOLDING["insufficient_rights"])
    ready.clock.advance(3600)
    await ready.settle()
    assert await gates(ready, ["D-1"]) == {"insufficient_rights"}


async def test_a_company_that_lapsed_before_it_was_read_is_told(world: World) -> None:
    await world.add_workspace()
    await world.connect()
    trouble(world, HOLDING["subscription_lapsed"])
    await world.send(*stories.signed_deal())
    await world.settle()
    shut = {gate.gate for gate in (await world.explain()).gates if not gate.met}
    assert {"subscription_lapsed", "company_not_read"} <= shut
    trouble(world)
    world.clock.advance(3600)
    await world.settle()
    shut = {gate.gate for gate in (await world.explain()).gates if not gate.met}
    assert not {"subscription_lapsed", "company_not_read"} & shut
