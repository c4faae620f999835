"""The books are the same, in whatever order and however often events arrive."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests import stories
from tests.world import World, net, open_world

CHANGED = {**stories.QUOTE, "total": "1199.88", "lines": [{**stories.LINE, "quantity": "24"}]}


def events() -> list[dict[str, Any]]:
    """Five deals: plain, won by the CRM, renegotiated before it was sent, sent again, drafted otherwise."""
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
        stories.deal("D-5", revision=1, stage="quote_draft", quote=CHANGED),
        stories.deal("D-5", revision=2, time="2026-05-02T00:00:03Z"),
        *stories.signed_deal("D-5")[1:],
    ]


def boiled_down(world: World) -> list[tuple[str, str, str]]:
    """Return the relevant parts of the books."""
    return sorted(
        (invoice["PrivateNote"].partition(":")[0], str(net(invoice)), invoice["CustomerRef"]["name"])
        for invoice in world.books()
    )


EXPECTED = [(f"Deal D-{n}", "1199.88" if n == 3 else "599.94", "Acme A-1") for n in (1, 2, 3, 4, 5)]


async def shuffled(seed: int, batch_size: int) -> list[tuple[str, str, str]]:
    random = Random(seed)
    mixed = events() + random.sample(events(), 6)
    random.shuffle(mixed)
    with tempfile.TemporaryDirectory() as directory:
        async with open_world(Path(directory)) as world:
            await world.ready()
            # A deal's first word names the product. Item and customer are there before anything is won,
            # and there is time between the events, so that an invoice can be made too early.
            await world.send(stories.account(), stories.deal("D-0", stage="quote_draft"))
            await world.settle()
            for start in range(0, len(mixed), batch_size):
                await world.send(*mixed[start : start + batch_size])
                if random.getrandbits(1):
                    await world.settle()
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


async def play(world: World, *events: dict[str, Any]) -> None:
    """Send one event after another, and carry out the consequences of each."""
    await world.send(stories.deal("D-0", stage="quote_draft"))
    for event in events:
        await world.send(event)
        await world.settle()


def amounts(world: World) -> list[str]:
    return [str(net(invoice)) for invoice in world.books()]


DRAFT = stories.deal(stage="quote_draft", quote=CHANGED)


@pytest.mark.parametrize(
    "sent", [stories.deal(revision=2), stories.deal(revision=2, time="2026-05-04T00:00:00Z")]
)
async def test_a_draft_is_not_the_signed_quote(ready: World, sent: dict[str, Any]) -> None:
    await play(ready, DRAFT, *stories.signed_deal()[1:])
    assert amounts(ready) == []
    assert (await ready.deals())["D-1"]["won"]
    explanation = await ready.explain()
    shut = next(gate for gate in explanation.gates if not gate.met)
    assert shut.gate == "quote_missing"
    assert "the quote that was signed is not known" in str(shut.reason)
    await play(ready, sent)
    assert amounts(ready) == ["599.94"]


async def test_a_drafts_quote_is_invoiced_by_hand(ready: World) -> None:
    await play(ready, DRAFT, *stories.signed_deal()[1:])
    await ready.admin().request_invoice("D-1")
    await ready.settle()
    assert amounts(ready) == ["1199.88"]


async def test_a_draft_that_is_closed_won_with_another_quote_does_not_say_which_was_signed(
    ready: World,
) -> None:
    closed = stories.deal(revision=3, stage="closed_won", time="2026-05-03T00:01:00Z")
    await play(ready, DRAFT, *stories.signed_deal()[1:], closed)
    assert (await ready.explain()).first_unmet == "quote_differs_from_signed"
    await play(ready, stories.deal(revision=2, time="2026-05-02T00:00:02Z"))
    assert amounts(ready) == ["599.94"]


def minute(minutes: float) -> str:
    return (datetime(2026, 5, 2, tzinfo=UTC) + timedelta(minutes=minutes)).isoformat()


FIRST = [
    stories.deal(time=minute(-30)),
    stories.contract("sent", at=minute(-30)),
    stories.contract("declined", at=minute(-10)),
]
SECOND = [
    stories.contract("sent", contract_id="C-2", at=minute(0)),
    stories.contract("signed", contract_id="C-2", at=minute(20)),
]
REQUOTED = stories.deal(revision=2, time=minute(0.05), quote=CHANGED)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations([*SECOND, REQUOTED, FIRST[1]]))
async def test_a_second_contract_signs_the_quote_that_it_was_sent_with(after: list[dict[str, Any]]) -> None:
    # People take minutes to sign, the CRM's message takes seconds.
    assume(after.index(REQUOTED) < after.index(SECOND[1]))
    with tempfile.TemporaryDirectory() as directory:
        async with open_world(Path(directory)) as world:
            await world.ready()
            await play(world, stories.account(), FIRST[0], FIRST[2], *after)
            assert amounts(world) == ["1199.88"]


@pytest.mark.parametrize("end", ["voided", "declined"])
async def test_a_further_contract_of_the_same_quote_waits_for_nothing(ready: World, end: str) -> None:
    ended = stories.contract(end, at=minute(-10))
    await play(ready, *FIRST[:2], ended, *SECOND)
    assert amounts(ready) == ["599.94"]


async def test_a_quote_shown_before_the_second_contract_waits_for_nothing(ready: World) -> None:
    await play(ready, *FIRST, stories.deal(revision=2, time=minute(-5), quote=CHANGED), *SECOND)
    assert amounts(ready) == ["1199.88"]


LONG_AFTER = stories.deal(revision=2, time=minute(10), quote=CHANGED)
AS_DRAFT = stories.deal(revision=2, time=minute(0.05), stage="quote_draft", quote=CHANGED)
NOBODY_SAYS_WHEN = [*FIRST, REQUOTED, SECOND[1]]
A_THIRD_CONTRACT = [
    *FIRST,
    SECOND[0],
    stories.contract("sent", contract_id="C-3", at=minute(0.04)),
    REQUOTED,
    SECOND[1],
]


@pytest.mark.parametrize(
    "events",
    [
        [*FIRST, SECOND[0], LONG_AFTER, SECOND[1]],
        [*FIRST, AS_DRAFT, *SECOND],
        NOBODY_SAYS_WHEN,
        A_THIRD_CONTRACT,
    ],
    ids=["long after", "a draft", "nobody says when", "a third contract"],
)
async def test_a_deal_is_held_if_its_signed_quote_is_in_doubt(
    ready: World, events: list[dict[str, Any]]
) -> None:
    await play(ready, *events)
    assert amounts(ready) == []
    explanation = await ready.explain()
    shut = next(gate for gate in explanation.gates if not gate.met)
    assert shut.gate == "quote_differs_from_signed"
    assert "between revisions 1 and 2" in str(shut.reason)
