"""From a code to a connection: an unproven grant changes nothing, and unused tokens are revoked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import ConnectionAwaited, ConnectionRefused
from tests.world import World, open_world
from worker.connections import proving, steps
from worker.connections.pending import ConsentStatus, lease
from worker.quickbooks import grants, tokens
from worker.quickbooks.errors import NotSent, QuickBooksError, ReconnectRequired
from worker.quickbooks.grants import pending_grants
from worker.quickbooks.pacing import PAUSE_SECONDS_MAX
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.oauth import OAuthPlan

UNKNOWN = "9130000000000000001"  # no company
# A company that did not answer is tried again after five minutes at most.
TRIED_AGAIN = PAUSE_SECONDS_MAX + 1
SILENT = Plan(probability={"server_error": 1})
Scenario = Callable[[World], Awaitable[ConsentStatus]]


class Killed(BaseException):
    """Simulate that the process died."""


class Mortal:
    """A database whose process dies just before a transaction, or just after its commit."""

    def __init__(self, inner: Any, moment: int) -> None:
        self.inner = inner
        self.left = moment

    async def transaction(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        """Run a transaction between two moments at which the process may die."""
        self._passes()
        result = await self.inner.transaction(work, *args, **kwargs)
        self._passes()
        return result

    async def read(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        """Read."""
        return await self.inner.read(work, *args, **kwargs)

    async def close(self) -> None:
        """Do nothing."""

    def _passes(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncIterator[World]:
    """Two workspaces, of which bolt has the first company, and two further companies."""
    async with open_world(tmp_path, ("us", "uk", "ca")) as world:
        for workspace in ("acme", "bolt"):
            await world.add_workspace(workspace)
        await world.connect("bolt")
        yield world


def realm(world: World, number: int) -> str:
    return list(world.sandbox.companies)[number]


async def later(world: World, minutes: float = 20) -> None:
    """Advance time for the background task."""
    for _ in range(int(minutes * 4)):
        await proving.look(world.services, world.gateway)
        world.clock.advance(15)


async def holders(world: World) -> dict[str, str]:
    def read(connection: sa.Connection) -> dict[str, str]:
        table = tokens.tokens
        rows = connection.execute(sa.select(table.c.realm, table.c.workspace).where(~table.c.expired))
        return {row.realm: row.workspace for row in rows}

    return await world.services.database.read(read)


async def pending(world: World) -> list[str]:
    statement = sa.select(pending_grants.c.step)
    return await world.services.database.read(lambda c: list(c.scalars(statement)))


async def told(world: World, kind: str) -> list[Any]:
    return [one.event.payload for one in await world.log() if one.event.type == kind]


async def works(world: World, company: str) -> bool:
    try:
        await world.gateway.client.company_info(company)
    except QuickBooksError:
        return False
    return True


async def connects(world: World) -> ConsentStatus:
    return await world.consent("acme", realm(world, 1))


async def claims_another(world: World) -> ConsentStatus:
    return await world.consent("acme", realm(world, 1), named=realm(world, 0))


async def is_told_nonsense(world: World) -> ConsentStatus:
    world.sandbox.oauth.trouble.follow(OAuthPlan(token_says={"expires_in": -1}, replay_revokes=True))
    return await world.consent("acme", realm(world, 1))


async def gets_no_answer(world: World) -> ConsentStatus:
    world.sandbox.trouble.follow(SILENT)
    return await world.consent("acme", realm(world, 1))


@pytest.mark.parametrize("scenario", [connects, claims_another, is_told_nonsense, gets_no_answer])
async def test_killed_at_any_moment_nothing_is_claimed_unproven_and_no_grant_is_left(
    two: World, scenario: Scenario
) -> None:
    ours, theirs = realm(two, 1), realm(two, 0)
    moment = 0
    killed = True
    while killed:
        moment += 1
        two.sandbox.oauth.trouble.follow(OAuthPlan(replay_revokes=True))
        two.sandbox.trouble.follow(Plan())
        services = msgspec.structs.replace(two.services, database=Mortal(two.services.database, moment))
        dying = World(services, two.gateway, two.sandbox, two.clock)
        killed = False
        try:
            await scenario(dying)
        except Killed:
            killed = True
        await later(two)
        two.sandbox.trouble.follow(Plan())
        found = await holders(two)
        assert found.pop(theirs) == "bolt"
        assert await works(two, theirs), moment
        assert await pending(two) == [], moment
        connected = found == {ours: "acme"}
        assert connected or not found
        assert connected <= (scenario is connects)
        assert two.sandbox.oauth.grants_of(ours) == connected, moment
        if connected:
            assert await works(two, ours)
            await two.services.database.transaction(tokens.forget, ours)
            two.sandbox.oauth.disconnect(ours)
    assert moment > 8
    assert connected == (scenario is connects), "the last time nobody was killed"


async def test_another_workspaces_company_is_not_believed_and_its_owner_is_not_locked_out(two: World) -> None:
    answer = await claims_another(two)
    assert answer.state == "refused"
    assert "does not accept these tokens" in answer.says
    assert await holders(two) == {realm(two, 0): "bolt"}
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 0, "what was granted is given back"
    refused: ConnectionRefused
    [refused] = await told(two, catalog.CONNECTION_REFUSED)
    assert refused.realm == realm(two, 0)
    await two.connect("bolt")
    free = await two.consent("acme", realm(two, 1), named=realm(two, 2))
    assert free.state == "refused", "nor is a company believed that nobody has yet"
    moved = await two.consent("bolt", realm(two, 2), another_company=True)
    assert moved.state == "connected", "and it is free"


async def test_a_request_without_an_answer_is_retried_until_the_connection_completes(two: World) -> None:
    two.sandbox.trouble.follow(Plan(script=("server_error", "lost_answer", "half_body", "throttled")))
    assert (await connects(two)).state == "waiting"
    assert realm(two, 1) not in await holders(two)
    awaited: ConnectionAwaited
    [awaited] = await told(two, catalog.CONNECTION_AWAITED)
    assert awaited.until - awaited.at == timedelta(minutes=10)
    await later(two, 5)
    assert (await holders(two))[realm(two, 1)] == "acme"
    assert await works(two, realm(two, 1))
    assert len(await told(two, catalog.CONNECTION_AWAITED)) == 1


@pytest.mark.parametrize("odd", ["lost_before", "server_error", "throttled"])
async def test_a_code_that_intuit_does_not_take_now_is_sent_again(two: World, odd: Any) -> None:
    two.sandbox.oauth.trouble.follow(OAuthPlan(token=(odd,) * 4))
    assert (await connects(two)).state == "waiting"
    await later(two, 5)
    assert (await holders(two))[realm(two, 1)] == "acme"


@pytest.mark.parametrize("hours", [1, 24])
@pytest.mark.parametrize("leased", [False, True])
async def test_a_clock_that_is_set_back_delays_no_consent(two: World, hours: int, *, leased: bool) -> None:
    """Neither for a grant that waits for its next attempt, nor for one whose process died."""
    two.sandbox.trouble.follow(SILENT)
    await connects(two)
    if leased:
        now = two.clock.now()
        (grant,) = await two.services.database.read(grants.due, now + timedelta(hours=1), 1)
        lasting = lease(two.gateway)
        later_on = now + timedelta(minutes=5)
        assert await two.services.database.transaction(grants.take, grant, later_on + lasting, later_on)
    two.sandbox.trouble.follow(Plan())
    two.clock.jump(timedelta(hours=-hours))
    await later(two, minutes=1)
    assert (await holders(two))[realm(two, 1)] == "acme"


async def test_a_consent_ends_after_ten_minutes_without_an_answer(two: World) -> None:
    await gets_no_answer(two)
    await later(two, 9)
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 1
    await later(two, 2)
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 0
    refused: ConnectionRefused
    [refused] = await told(two, catalog.CONNECTION_REFUSED)
    assert "has not answered for ten minutes" in refused.reason
    two.sandbox.trouble.follow(Plan())
    two.clock.advance(TRIED_AGAIN)
    moved = await two.consent("bolt", realm(two, 1), another_company=True)
    assert moved.state == "connected", "it is free for anybody"


@pytest.mark.parametrize(
    "plan",
    [
        Plan(refusals=(Refusal("3100", 403, "lower_case"),)),
        Plan(refusals=(Refusal("120", 403),)),
        Plan(refusals=(Refusal("6190", 200),)),
        Plan(probability={"unauthorized": 1}),
    ],
)
async def test_a_refusal_by_quickbooks_ends_the_consent_at_once(two: World, plan: Plan) -> None:
    two.sandbox.trouble.follow(plan)
    assert (await connects(two)).state == "refused"
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 0
    assert await pending(two) == []


async def test_a_token_refused_once_does_not_end_the_consent(two: World) -> None:
    two.sandbox.trouble.follow(Plan(script=("unauthorized", "unauthorized")))
    assert (await connects(two)).state == "connected"


async def test_a_revocation_that_fails_is_tried_again(two: World) -> None:
    two.sandbox.oauth.trouble.follow(OAuthPlan(revoke=("server_error", "lost_before", "lost_answer")))
    assert (await claims_another(two)).state == "refused"
    assert await pending(two) == ["revoking"]
    await later(two, 5)
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 0
    assert await pending(two) == []


async def test_a_revocation_that_always_fails_is_given_up_after_a_day(two: World) -> None:
    two.sandbox.oauth.trouble.follow(OAuthPlan(revoke=("server_error",) * 2000))
    await claims_another(two)
    await later(two, 23 * 60)
    assert await pending(two) == ["revoking"]
    await later(two, 2 * 60)
    assert await pending(two) == []


async def test_proving_a_company_of_another_workspace_does_not_cut_that_off(two: World) -> None:
    answer = await two.consent("acme", realm(two, 0))
    assert (answer.state, "connected to another workspace" in answer.says) == ("refused", True)
    await later(two, 1)
    assert await pending(two) == []
    assert await works(two, realm(two, 0)), "revoking may end what the company granted the app as a whole"


async def test_a_callback_with_an_unknown_company_ends_no_connection(two: World) -> None:
    answer = await two.consent("acme", realm(two, 0), named=UNKNOWN)
    assert answer.state == "refused"
    await later(two, 1)
    assert await pending(two) == []
    assert await works(two, realm(two, 0)), "the tokens are of a company that bolt is connected to"


async def test_tokens_of_an_unknown_company_are_kept_until_the_connected_ones_have_answered(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove = two.gateway.client.prove

    async def silent_where_connected(company: str, access_token: str) -> Any:
        if company == realm(two, 0):
            raise NotSent("No answer")
        return await prove(company, access_token)

    with monkeypatch.context() as patched:
        patched.setattr(two.gateway.client, "prove", silent_where_connected)
        assert (await two.consent("acme", realm(two, 1), named=UNKNOWN)).state == "waiting"
        assert await pending(two) == ["proving"]
    await later(two, 5)
    assert await pending(two) == []
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 0


async def test_tokens_of_an_unknown_company_are_deleted_if_too_many_companies_are_connected(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "CONNECTED_ASKED_MAX", 0)
    assert (await claims_another(two)).state == "refused"
    assert await pending(two) == []
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 1


async def test_connecting_again_without_answers_does_not_end_the_connection(two: World) -> None:
    two.sandbox.trouble.follow(SILENT)
    assert (await two.consent("bolt", realm(two, 0))).state == "waiting"
    await later(two, 11)
    two.sandbox.trouble.follow(Plan())
    two.clock.advance(TRIED_AGAIN)
    assert await pending(two) == []
    assert await works(two, realm(two, 0))


async def test_a_company_connected_meanwhile_is_not_revoked_afterwards(two: World) -> None:
    two.sandbox.trouble.follow(SILENT)
    two.sandbox.oauth.trouble.follow(OAuthPlan(revoke=("server_error",) * 99))
    await connects(two)
    await later(two, 11)
    assert await pending(two) == ["revoking"]
    two.sandbox.trouble.follow(Plan())
    two.sandbox.oauth.trouble.follow(OAuthPlan())
    two.clock.advance(TRIED_AGAIN)
    assert (await connects(two)).state == "connected"
    await later(two, 60)
    assert await pending(two) == []
    assert await works(two, realm(two, 1))


async def test_nothing_is_revoked_while_another_consent_to_the_company_is_under_way(two: World) -> None:
    two.sandbox.trouble.follow(SILENT)
    await connects(two)
    two.clock.advance(300)
    assert (await two.consent("bolt", realm(two, 1), another_company=True)).state == "waiting"
    await later(two, 6)
    assert sorted(await pending(two)) == ["proving", "revoking"]
    two.sandbox.trouble.follow(Plan())
    await later(two, 10)
    assert (await holders(two))[realm(two, 1)] == "bolt"
    assert await works(two, realm(two, 1))


async def test_nothing_is_connected_while_a_grant_of_the_company_is_revoked(two: World) -> None:
    two.sandbox.trouble.follow(SILENT)
    await connects(two)
    await two.services.database.transaction(
        lambda c: c.execute(
            pending_grants.update().values(
                step="revoking", leased_until=two.clock.now() + timedelta(seconds=60)
            )
        )
    )
    two.sandbox.trouble.follow(Plan())
    assert (await connects(two)).state == "waiting"
    await later(two, 3)
    assert (await holders(two))[realm(two, 1)] == "acme"
    assert await works(two, realm(two, 1))


async def test_an_older_consent_does_not_replace_a_later_one(two: World) -> None:
    two.sandbox.trouble.follow(SILENT)
    await connects(two)
    two.sandbox.trouble.follow(Plan())
    two.clock.jump(timedelta(minutes=-3))  # with any clocks
    assert (await two.consent("acme", realm(two, 2))).state == "connected"
    await later(two)
    assert (await holders(two)) == {realm(two, 0): "bolt", realm(two, 2): "acme"}
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 0


async def test_an_expired_connection_does_not_block_a_new_one(two: World) -> None:
    two.clock.advance(102 * 24 * 3600)
    assert (await two.consent("acme", realm(two, 0))).state == "connected"
    assert await holders(two) == {realm(two, 0): "acme"}


@pytest.mark.parametrize("says", [{"expires_in": 10**12}, {"refresh_token": None}, {"access_token": "a\nb"}])
async def test_readable_tokens_of_an_unusable_answer_are_revoked(two: World, says: dict[str, Any]) -> None:
    two.sandbox.oauth.trouble.follow(OAuthPlan(token_says=says))
    assert (await connects(two)).state == "refused"
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 0


@pytest.mark.parametrize("odd", ["huge", "cut"])
async def test_readable_tokens_of_an_endless_answer_are_revoked(two: World, odd: Any) -> None:
    two.sandbox.oauth.trouble.follow(OAuthPlan(token=(odd,)))
    assert (await connects(two)).state == "refused"
    assert two.sandbox.oauth.grants_of(realm(two, 1)) == 0


async def test_tokens_of_a_grant_are_kept_sealed(two: World) -> None:
    await gets_no_answer(two)

    def read(connection: sa.Connection) -> bytes:
        sealed: bytes = connection.execute(sa.select(pending_grants.c.sealed)).scalar_one()
        return sealed

    sealed = await two.services.database.read(read)
    assert b"AB11" not in sealed
    assert b"eyJ" not in sealed


async def test_a_key_that_is_gone_ends_a_consent_and_stops_nothing_else(two: World) -> None:
    await gets_no_answer(two)
    await two.services.database.transaction(
        lambda c: c.execute(pending_grants.update().values(sealed=b"sealed with another key"))
    )
    await later(two, 1)
    assert await pending(two) == []
    refused: ConnectionRefused
    [refused] = await told(two, catalog.CONNECTION_REFUSED)
    assert "key" in refused.reason


async def test_a_refresh_that_brings_a_refresh_token_alone_loses_nothing(two: World) -> None:
    company = realm(two, 0)
    two.clock.advance(25 * 3600)
    two.sandbox.oauth.trouble.follow(OAuthPlan(token_says={"access_token": None}))
    assert not await works(two, company)
    two.clock.advance(25 * 3600)
    two.sandbox.oauth.trouble.follow(OAuthPlan())
    assert await works(two, company), "the token before it is not good any more"


async def test_a_refresh_with_absurd_values_keeps_the_connection(two: World) -> None:
    company = realm(two, 0)
    says = {"expires_in": 10**12, "x_refresh_token_expires_in": -5}
    for _ in range(3):
        two.clock.advance(25 * 3600)
        two.sandbox.oauth.trouble.follow(OAuthPlan(token_says=says))
        assert await works(two, company)
    two.sandbox.oauth.disconnect(company)
    two.clock.advance(3600)
    with pytest.raises(ReconnectRequired):
        await two.gateway.client.company_info(company)


def test_a_lease_outlasts_the_requests_of_a_page() -> None:
    class Gateway:
        class oauth:  # noqa: N801 - stands for the client
            refresh_lasts_at_most = timedelta(seconds=60)

    most = 60 + proving.PAGE_SECONDS + 30 + 30
    assert lease(Gateway).total_seconds() > most  # type: ignore[arg-type] # all that is asked of it
