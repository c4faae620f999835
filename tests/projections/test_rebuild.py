"""Whatever was folded bit by bit is what folding everything again gives, byte for byte."""

from contextlib import suppress
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import projections.all
from events.subscriptions import Subscription
from tests import stories
from tests.world import World, open_world
from worker import runner
from worker.administration import ActionRefused
from worker.quote_to_cash import manager
from worker.quote_to_cash.store import process_state, process_waits
from worker.sandbox.trouble import KINDS


async def live_through_something(world: World, seed: int) -> None:
    """A random stretch of an installation's life."""
    random = Random(seed)
    await world.ready()
    events: list[Any] = [stories.account(f"A-{n}") for n in (1, 2)]
    for n in range(6):
        events += stories.signed_deal(f"D-{n}", account_id=f"A-{random.choice((1, 2, 3))}")
        events.append(stories.contract(random.choice(("declined", "voided")), f"D-{n}", f"C-other-{n}"))
        events.append(stories.deal(f"D-{n}", revision=2, stage=random.choice(("closed_won", "closed_lost"))))
    random.shuffle(events)
    actions = [
        lambda: world.admin().request_customer("A-2"),
        lambda: world.admin().order_invoice("D-1"),
        lambda: world.admin().change_settings({"paused": "true"}),
        lambda: world.admin().change_settings(
            {"paused": "false", "terms": random.choice(("Net 30", "Net 7"))}
        ),
        lambda: world.admin().map_account("A-3", "1"),
    ]
    for place in range(0, len(events), 5):
        world.trouble(*(random.choice([None, None, *KINDS]) for _ in range(3)), late_seconds=20)
        await world.send(*events[place : place + 5])
        with suppress(ActionRefused):  # the deal may come later, or have its invoice
            await random.choice(actions)()
        if random.random() < 0.5:
            await world.settle()
    await world.settle()


def everything(connection: sa.Connection) -> dict[str, list[Any]]:
    """Every row of every read model, and the process manager's state."""
    tables = [projection.table for projection in projections.all.PROJECTIONS] + [process_state, process_waits]
    return {
        table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
        for table in tables
    }


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), batch_size=st.integers(1, 50))
async def test_rebuilding_gives_what_was_there(
    tmp_path_factory: pytest.TempPathFactory, seed: int, batch_size: int
) -> None:
    async with open_world(tmp_path_factory.mktemp("world"), seed=seed % 100) as world:
        await live_through_something(world, seed)
        database = world.services.database
        before = await database.read(everything)
        events_before = len(await world.log())
        for projection in projections.all.PROJECTIONS:
            await database.transaction(projections.all.empty, projection)
        following = [
            Subscription(p.subscription.name, p.subscription.handle, batch_size)
            for p in projections.all.PROJECTIONS
        ]
        await runner.catch_up(database, world.clock, following, "rebuild")
        await database.transaction(manager.rebuild)
        after = await database.read(everything)
        for name, rows in before.items():
            assert after[name] == rows, name
        assert len(await world.log()) == events_before
