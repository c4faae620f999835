"""A deal shows its actual gate, whatever happens between its command and its invoice."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.contract import catalog
from tests import stories
from tests.world import World, open_world
from worker.actions.admin import ActionRefused
from worker.quote_to_cash.deal.state import WHOLE, Deal
from worker.quote_to_cash.inquiry import Inquiry
from worker.quote_to_cash.store import StateStore
from worker.quote_to_cash.walk import gates_of
from worker.sandbox import accountant

Act = Callable[[World], Awaitable[object]]
LOST_ANSWER = ("lost_answer", *["server_error"] * 50)


@asynccontextmanager
async def with_item(directory: Path) -> AsyncIterator[World]:
    """Two companies, and a first invoiced deal, so that the next one needs only its invoice."""
    async with open_world(directory, kinds=("us", "us-ast")) as world:
        await world.ready()
        await world.send(stories.account(), *stories.signed_deal("D-0"))
        await world.settle()
        yield world


@pytest_asyncio.fixture
async def commanded(tmp_path: Path) -> AsyncIterator[World]:
    """A deal whose invoice was commanded, but not sent yet."""
    async with with_item(tmp_path) as world:
        await world.send(*stories.signed_deal())
        await world.follow()
        yield world


async def work(world: World) -> None:
    """Attempt every due command once."""
    for command in await world.claim():
        await world.dispatcher.work(command)


async def lose_connection(world: World) -> None:
    world.sandbox.oauth.disconnect(world.realm)
    await work(world)


async def move_to_another_company(world: World) -> None:
    await world.connect(realm=list(world.sandbox.companies)[1], another_company=True)


async def move_back(world: World) -> None:
    await world.connect(another_company=True)


async def choose(world: World, **changes: str) -> None:
    await world.admin().change_settings(changes)


pause, resume = partial(choose, paused="true"), partial(choose, paused="false")


STOPS: dict[str, tuple[Act, str, str, Act]] = {
    "lost": (lose_connection, "connection_expired", "no longer accepts the connection", World.connect),
    "moved": (
        move_to_another_company,
        "other_company_connected",
        "another company is connected",
        move_back,
    ),
    "paused": (pause, "paused", "paused for this workspace", resume),
}


async def gates_told(world: World) -> list[list[str]]:
    """Return the gates' codes of each announcement that D-1 is held."""
    held = [r.event for r in await world.log() if r.event.type == catalog.DEAL_INVOICE_HELD]
    return [[gate.gate for gate in event.payload.gates] for event in held if event.subject == "D-1"]


@pytest.mark.parametrize(("stop", "gate", "reason", "remedy"), STOPS.values(), ids=STOPS)
async def test_the_gate_that_stops_a_commanded_invoice_is_shown_until_the_invoice_continues(
    commanded: World, stop: Act, gate: str, reason: str, remedy: Act
) -> None:
    assert (await commanded.deals())["D-1"]["gate"] == "in_progress"
    await stop(commanded)
    await commanded.settle()
    row = (await commanded.deals())["D-1"]
    assert (row["gate"], (await commanded.explain()).first_unmet) == (gate, gate)
    assert reason in row["reason"]
    assert await gates_told(commanded) == [[gate]]
    await remedy(commanded)
    await commanded.follow()
    assert (await commanded.deals())["D-1"]["gate"] == "in_progress"
    await commanded.settle()
    assert (await commanded.deals())["D-1"]["gate"] is None
    assert len(commanded.books()) == 2
    assert await gates_told(commanded) == [[gate]], "an invoice that is being made asks for nothing"


async def test_a_customer_that_another_company_has_not_created_is_created_in_this_one(
    commanded: World,
) -> None:
    first, second = commanded.sandbox.companies

    def customers(realm: str) -> list[str]:
        return [found["DisplayName"] for found in commanded.books("Customer", realm)]

    await commanded.send(stories.account("A-2"))
    await commanded.admin().request_customer("A-2")
    await commanded.follow()
    await move_to_another_company(commanded)
    await commanded.settle()
    await commanded.admin().request_customer("A-2")
    await commanded.settle()
    assert (customers(first).count("Acme A-2"), customers(second).count("Acme A-2")) == (0, 1)
    for realm in (first, second, first):
        await commanded.connect(realm=realm, another_company=True)
        await commanded.settle()
    assert (customers(first).count("Acme A-2"), customers(second).count("Acme A-2")) == (1, 1)


async def test_a_gate_that_stops_an_invoice_a_second_time_is_announced_again(commanded: World) -> None:
    for act in (pause, resume, pause):
        await act(commanded)
        await commanded.follow()
    assert await gates_told(commanded) == [["paused"], ["paused"]]


async def test_a_lost_answer_and_a_lost_connection_are_both_said(commanded: World) -> None:
    commanded.trouble(*LOST_ANSWER)
    await work(commanded)
    commanded.sandbox.oauth.disconnect(commanded.realm)
    await commanded.settle()
    assert await gates_told(commanded) == [["outcome_uncertain"], ["connection_expired", "outcome_uncertain"]]
    await commanded.connect()
    await commanded.settle()
    assert len(commanded.books()) == 2


async def say_a_deal(world: World) -> None:
    number = len(await world.deals())
    await world.send(*stories.signed_deal(f"D-{number}"))


async def say_a_snapshot(world: World, stage: str) -> None:
    number = len(await world.deals())
    await world.send(stories.deal(f"D-{number}", stage=stage))


async def lose_answers(world: World) -> None:
    world.trouble(*LOST_ANSWER)


async def refuse(world: World) -> None:
    world.sandbox.change_traits(world.realm, {"books_closed_until": "2030-01-01"})


async def accept_again(world: World) -> None:
    world.trouble()
    world.sandbox.change_traits(world.realm, {"books_closed_until": None})


async def order(world: World) -> None:
    for deal in await world.deals():
        with suppress(ActionRefused):  # it has its invoice, or may have
            await world.admin().request_invoice(deal)


async def change_in_quickbooks(world: World, *, active: bool) -> None:
    """Deactivate the customer and the item of the deals, or reactivate them."""
    company = world.sandbox.companies[world.realm]
    for entity in ("Customer", "Item"):
        for before in list(company.every(entity))[-1:]:
            accountant.change(company, entity, before["Id"], {"Active": active}, world.clock.now())


async def map_again(world: World) -> None:
    await world.admin().map_account("A-1", str(world.books("Customer")[-1]["Id"]))
    await world.admin().map_product("P-1", str(world.books("Item")[-1]["Id"]))


async def move_house(world: World, **address: str) -> None:
    world.sandbox.change_traits(world.realm, {"address": address})
    await move_back(world)


ACTS: list[Act] = [
    say_a_deal,
    partial(say_a_snapshot, stage="quote_draft"),
    partial(say_a_snapshot, stage="closed_won"),
    work,
    lose_connection,
    move_to_another_company,
    move_back,
    pause,
    resume,
    lose_answers,
    refuse,
    accept_again,
    order,
    partial(choose, auto_invoice="false"),
    partial(choose, auto_invoice="true"),
    partial(choose, invoice_requires_signature="true"),
    partial(choose, invoice_requires_signature="false"),
    partial(choose, terms="Net 7"),
    partial(choose, terms=""),
    partial(change_in_quickbooks, active=False),
    partial(change_in_quickbooks, active=True),
    map_again,
    partial(move_house, Country="USA", CountrySubDivisionCode="TX"),
    partial(move_house, Country="USA", CountrySubDivisionCode="NY"),
    partial(choose, time_zone="America/Chicago"),
    partial(choose, time_zone=""),
    World.settle,
]


def first_unmet(connection: sa.Connection, deals: list[str]) -> dict[str, str | None]:
    """Check the gates of deals as `explain` does, which says much more, and takes several times as long."""
    view = StateStore(connection, "acme")

    def of(deal: str) -> str | None:
        if view.get(Deal, deal).part(WHOLE).invoice:
            return None
        return next((gate.code for gate in gates_of(Inquiry(view, deal)) if not gate.met), None)

    return {deal: of(deal) for deal in deals}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(st.sampled_from(ACTS), min_size=10, max_size=30))
async def test_a_deal_shows_the_gate_at_which_it_stands(acts: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with with_item(Path(directory)) as world:
            for act in [say_a_deal, *acts]:
                await act(world)
                await world.follow()
                shown = {deal: row["gate"] for deal, row in (await world.deals()).items()}
                assert shown == await world.services.database.read(first_unmet, list(shown))
            assert shown == {deal: (await world.explain(deal)).first_unmet for deal in shown}
