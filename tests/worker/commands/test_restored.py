"""After a restore, invoices created since the backup are found, not created again."""

from datetime import timedelta

import pytest

from tests import stories
from tests.world import NOW, World
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan


async def test_an_invoice_that_a_restored_store_does_not_know_is_found(
    world: World,
) -> None:
    """The database is restored, QuickBooks has newer books and has forgotten the request IDs."""
    await world.ready()
    now = world.clock.now().isoformat()
    won = [*stories.signed_deal()[:2], stories.contract("signed", "D-1", "C-D-1", at=now)]
    await world.send(stories.account(), *won)
    await world.follow()
    before = world.copied()
    await world.settle()
    assert len(world.books()) == 1
    world.clock.advance(60)
    world.restore(before)
    world.sandbox.companies[world.realm].replies.clear()
    await world.settle()
    assert len(world.books()) == 1
    assert (await world.explain()).first_unmet is None


DAY = 86_400


@pytest.mark.parametrize("later", [60, DAY, 5 * DAY, 60 * DAY])
@pytest.mark.parametrize("spoilt", [" >= ", "SELECT * "])
async def test_an_invoice_from_before_a_restore_is_found_by_its_own_day_though_look_ups_are_refused(
    world: World, later: int, spoilt: str
) -> None:
    """The request is dated anew; QuickBooks refuses the usual look-up, and the others are narrower."""
    await world.ready()
    won = [*stories.signed_deal()[:2], stories.contract("signed", "D-1", "C-D-1", at=NOW.isoformat())]
    await world.send(stories.account(), *won)
    await world.follow()
    before = world.copied()
    await world.settle()
    [invoice] = world.books()
    world.clock.advance(later)
    world.restore(before)
    world.sandbox.companies[world.realm].replies.clear()
    refusal = Refusal("4001", operations=("query",), entities=("Invoice",), containing=spoilt)
    world.sandbox.trouble.follow(Plan(refusals=(refusal,)))
    await world.settle(patience=timedelta(hours=1))
    assert [found["Id"] for found in world.books()] == [invoice["Id"]]
    assert await world.invoice_of() == invoice["Id"]


async def test_a_generation_that_a_restored_store_does_not_know_is_found(ready: World) -> None:
    ready.sandbox.trouble.follow(
        Plan(refusals=(Refusal("6000", operations=("create",), entities=("Invoice",), times=1),))
    )
    await ready.send(*stories.signed_deal("D-0"))
    await ready.settle()
    before = ready.copied()
    await ready.admin().request_invoice("D-0")
    await ready.settle()
    ready.restore(before)
    ready.sandbox.companies[ready.realm].replies.clear()
    await ready.admin().request_invoice("D-0")
    await ready.settle()
    assert len(ready.books()) == 1
    assert (await ready.explain("D-0")).first_unmet is None
