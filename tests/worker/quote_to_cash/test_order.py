"""The same books come out, whatever the order in which events arrive and however often."""

import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import stories
from tests.world import World, net, open_world

CHANGED = {**stories.QUOTE, "total": "1199.88", "lines": [{**stories.LINE, "quantity": "24"}]}


def events() -> list[dict[str, Any]]:
    """Four deals: plain, won by the CRM, renegotiated before it was sent, changed after it was sent."""
    return [
        stories.account(),
        *stories.signed_deal("D-1"),
        stories.deal("D-2", revision=1, stage="quote_draft", time="2026-05-01T00:00:00Z"),
        stories.deal("D-2", revision=2, stage="closed_won", closed_at="2026-05-03T00:00:00Z"),
        stories.deal("D-3", revision=1, stage="quote_draft", time="2026-04-30T00:00:00Z"),
        stories.deal("D-3", revision=2, time="2026-05-01T12:00:00Z", quote=CHANGED),
        *stories.signed_deal("D-3")[1:],
        stories.deal("D-4", revision=1, time="2026-05-01T00:00:00Z"),
        stories.contract("voided", "D-4", "C-old", at="2026-05-01T06:00:00Z"),
        *stories.signed_deal("D-4")[1:],
        stories.deal("D-4", revision=2, time="2026-05-02T06:00:00Z"),
    ]


def boiled_down(world: World) -> list[tuple[str, str, str]]:
    """What matters of the books."""
    return sorted(
        (invoice["PrivateNote"].partition(":")[0], str(net(invoice)), invoice["CustomerRef"]["name"])
        for invoice in world.books()
    )


EXPECTED = [(f"Deal D-{n}", "1199.88" if n == 3 else "599.94", "Acme A-1") for n in (1, 2, 3, 4)]


async def shuffled(seed: int, batch_size: int) -> list[tuple[str, str, str]]:
    random = Random(seed)
    mixed = events() + random.sample(events(), 6)
    random.shuffle(mixed)
    with tempfile.TemporaryDirectory() as directory:
        async with open_world(Path(directory)) as world:
            await world.ready()
            # A deal's first word names the product, so the item is there before anything is won.
            await world.send(stories.deal("D-0", stage="quote_draft"))
            await world.settle()
            for start in range(0, len(mixed), batch_size):
                await world.send(*mixed[start : start + batch_size])
            await world.settle()
            return boiled_down(world)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), batch_size=st.integers(1, 17))
async def test_order_and_repetition_change_nothing(seed: int, batch_size: int) -> None:
    assert await shuffled(seed, batch_size) == EXPECTED


async def test_an_old_revision_that_arrives_late_changes_nothing(ready: World) -> None:
    await ready.send(stories.deal(revision=5), *stories.signed_deal()[1:])
    await ready.settle()
    await ready.send(stories.deal(revision=3, stage="closed_lost", quote=None))
    await ready.settle()
    assert len(ready.books()) == 1
    assert (await ready.explain()).stage == "invoice_created"


async def test_an_edited_deal_is_the_same_deal(ready: World) -> None:
    await ready.send(*stories.signed_deal())
    await ready.settle()
    await ready.send(stories.deal(revision=2, name="Renamed"), stories.deal(revision=3, quote=CHANGED))
    await ready.settle()
    assert len(ready.books()) == 1


async def test_two_workspaces_with_the_same_deals_never_meet(tmp_path: Path) -> None:
    async with open_world(tmp_path, kinds=("us", "us-ast")) as world:
        first, second = world.sandbox.companies
        for workspace, realm in (("acme", first), ("bolt", second)):
            await world.add_workspace(workspace)
            await world.connect(workspace, realm)
            await world.admin(workspace).change_settings(
                {"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"}
            )
            await world.admin(workspace).map_account("A-1", "1")
            await world.admin(workspace).map_product("P-1", "1")
        await world.send(*stories.signed_deal(), workspace="acme")
        await world.settle()
        assert (len(world.books(realm=first)), len(world.books(realm=second))) == (1, 0)
        assert await world.deals("bolt") == {}
        await world.send(*stories.signed_deal(quote=CHANGED), workspace="bolt")
        await world.settle()
        assert [str(net(i)) for i in world.books(realm=first)] == ["599.94"]
        assert [str(net(i)) for i in world.books(realm=second)] == ["1199.88"]
        notes = {i["PrivateNote"] for realm in (first, second) for i in world.books(realm=realm)}
        assert len(notes) == 2


@pytest.mark.parametrize("first", ["sent", "signed"])
async def test_a_quote_changed_after_sending_is_held_even_if_sent_arrives_late(
    ready: World, first: str
) -> None:
    changed = stories.deal(revision=2, time="2026-05-02T12:00:00Z", quote=CHANGED)
    sent, signed = stories.signed_deal()[1:]
    contracts = [sent, signed] if first == "sent" else [signed, sent]
    await ready.send(stories.deal("D-0", stage="quote_draft"), stories.deal(), changed)
    await ready.settle()
    for event in contracts:
        await ready.send(event)
        await ready.settle()
    assert (await ready.explain()).first_unmet == "quote_differs_from_signed"
    assert ready.books() == []
