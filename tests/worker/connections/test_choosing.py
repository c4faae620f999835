"""The company that a consent chooses: rights, plan, and whether it is the workspace's."""

from typing import Any

import pytest
import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import ConnectionAuthorized, ConnectionRefused
from projections import queries
from projections.queries import MappingsWanted
from tests import stories
from tests.world import World
from worker.connections import proving
from worker.quickbooks.tokens import tokens
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.people import OWNER


def realm(world: World, number: int) -> str:
    return list(world.sandbox.companies)[number]


async def told(world: World, kind: str) -> list[Any]:
    return [one.event.payload for one in await world.log() if one.event.type == kind]


async def kept(world: World) -> list[Any]:
    """Return everything that a person has chosen and mapped, and the stored tokens."""

    def read(connection: sa.Connection) -> list[Any]:
        mappings = queries.list_mappings(connection, "acme", 100, MappingsWanted(), None)
        chosen = [{**mapping, "position": None} for mapping in mappings]
        return [chosen, *map(tuple, connection.execute(sa.select(tokens).order_by(tokens.c.realm)))]

    await world.follow()
    return await world.services.database.read(read)


async def test_another_company_than_before_is_refused_and_nothing_is_lost(companies: World) -> None:
    world = companies
    before = await kept(world)
    standing = await world.consent("acme", realm(world, 1))
    assert standing.state == "refused"
    for named in ("Craig's Consulting", realm(world, 0), "Harbour & Finch Ltd", realm(world, 1)):
        assert named in standing.says
    assert "q2c connect --another-company" in standing.says
    assert world.sandbox.oauth.grants_of(realm(world, 1)) == 0, "the new grant is revoked"
    assert await kept(world) == before
    refused: ConnectionRefused
    [refused] = await told(world, catalog.CONNECTION_REFUSED)
    assert (refused.realm, refused.problem) == (realm(world, 1), "another_company")
    await world.send(*stories.signed_deal())
    await world.settle()
    assert len(world.books()) == 2


async def test_a_company_that_is_left_on_purpose_is_revoked_and_free_and_comes_back_with_its_mappings(
    companies: World,
) -> None:
    world = companies
    first, second = realm(world, 0), realm(world, 1)
    before, *_ = await kept(world)
    await world.connect("acme", second, another_company=True)
    await proving.look(world.services, world.gateway)
    assert (world.sandbox.oauth.grants_of(first), world.sandbox.oauth.grants_of(second)) == (0, 1)
    last: ConnectionAuthorized = (await told(world, catalog.CONNECTION_AUTHORIZED))[-1]
    assert (last.realm, last.company, last.instead_of) == (second, "Harbour & Finch Ltd", first)
    await world.send(*stories.signed_deal())
    await world.settle()
    assert (await world.explain()).first_unmet == "account_not_mapped", "mappings belong to a company"
    assert (await world.consent("acme", first)).state == "refused"
    await world.connect("acme", first, another_company=True)
    await world.settle()
    assert (await kept(world))[0] == before
    assert len(world.books()) == 2
    assert catalog.CONNECTION_EXPIRED not in [one.event.type for one in await world.log()]


async def test_a_company_that_was_left_can_be_connected_to_another_workspace(companies: World) -> None:
    world = companies
    await world.add_workspace("bolt")
    taken = await world.consent("bolt", realm(world, 0))
    assert taken.state == "refused"
    assert "already connected to another workspace" in taken.says
    await world.connect("acme", realm(world, 1), another_company=True)
    await proving.look(world.services, world.gateway)
    await world.connect("bolt", realm(world, 0))
    assert (await world.consent("acme", realm(world, 0), another_company=True)).state == "refused"
    assert (await told(world, catalog.CONNECTION_REFUSED))[-1].problem == "realm_taken"


async def test_authorising_the_same_company_again_keeps_every_mapping_and_setting(companies: World) -> None:
    world = companies
    mappings, *_ = await kept(world)
    await world.connect()
    await world.settle()
    assert (await kept(world))[0] == mappings
    await world.send(*stories.signed_deal())
    await world.settle()
    assert len(world.books()) == 2
    last: ConnectionAuthorized = (await told(world, catalog.CONNECTION_AUTHORIZED))[-1]
    assert (last.company, last.by, last.instead_of) == ("Craig's Consulting", "cli:ada", None)


async def test_the_entities_that_the_user_may_not_read_are_named(world: World) -> None:
    await world.add_workspace()
    lacking = Refusal("120", 403, operations=("query",), entities=("Invoice", "Item"))
    world.sandbox.trouble.follow(Plan(refusals=(lacking,)))
    standing = await world.consent()
    assert standing.state == "refused"
    assert "read invoices, products and services:" in standing.says
    refused: ConnectionRefused
    [refused] = await told(world, catalog.CONNECTION_REFUSED)
    assert (refused.problem, refused.unreadable) == ("insufficient_rights", ("Invoice", "Item"))
    assert world.sandbox.oauth.grants_of(world.realm) == 0
    world.sandbox.trouble.follow(Plan())
    await world.connect()


async def test_a_query_that_is_refused_for_another_reason_refuses_no_connection(world: World) -> None:
    await world.add_workspace()
    world.sandbox.trouble.follow(Plan(refusals=(Refusal("4002", 400, operations=("query",)),)))
    await world.connect()


async def test_a_read_of_a_right_that_gets_no_answer_delays_no_connection(world: World) -> None:
    await world.add_workspace()
    silent = Refusal("10000", 500, operations=("query",), entities=("Customer",))
    world.sandbox.trouble.follow(Plan(refusals=(silent,)))
    before = world.clock.now()
    await world.connect()
    assert (world.clock.now() - before).total_seconds() < 10


@pytest.mark.parametrize(
    ("traits", "problem", "says"),
    [
        ({"users_without_rights": (OWNER.email,)}, "insufficient_rights", "Consent as an admin"),
        ({"subscription": "lapsed", "lapsed_books_are_readable": False}, "subscription_lapsed", "Renew"),
    ],
)
async def test_a_company_that_refuses_every_request_is_refused_with_the_remedy(
    world: World, traits: dict[str, Any], problem: str, says: str
) -> None:
    await world.add_workspace()
    world.sandbox.change_traits(world.realm, traits)
    standing = await world.consent()
    assert (standing.state, says in standing.says) == ("refused", True), standing.says
    assert [refused.problem for refused in await told(world, catalog.CONNECTION_REFUSED)] == [problem]


async def test_a_company_of_another_environment_is_refused_with_the_remedy(world: World) -> None:
    await world.add_workspace()
    world.sandbox.trouble.follow(Plan(refusals=(Refusal("3100", 403, "lower_case"),)))
    standing = await world.consent()
    assert "keys for the company's environment" in standing.says
    assert [refused.problem for refused in await told(world, catalog.CONNECTION_REFUSED)] == [
        "wrong_environment"
    ]


@pytest.mark.parametrize(
    ("plan", "lacks"), [("Plus", ()), ("Simple Start", ("multicurrency",))], ids=["plus", "simple start"]
)
async def test_the_plan_is_told_and_refuses_nothing(world: World, plan: str, lacks: tuple[str, ...]) -> None:
    await world.add_workspace()
    world.sandbox.change_traits(world.realm, {"plan": plan})
    standing = await world.consent()
    assert standing.state == "connected"
    assert ("has one currency" in standing.says) == bool(lacks)
    authorized: ConnectionAuthorized
    [authorized] = await told(world, catalog.CONNECTION_AUTHORIZED)
    assert (authorized.plan, authorized.lacks) == (f"QuickBooks Online {plan}", lacks)
