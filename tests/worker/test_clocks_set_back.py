"""The wall clock is set back while a process is down: its leases and pauses do not last that long."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from events.contract.docusign import DocusignReceptionChanged
from events.log import subscriptions
from tests import stories
from tests.world import World
from worker.commands.claims import needs_look_up
from worker.docusign import watch as docusign_watch
from worker.docusign.state import GOOD
from worker.docusign.watch import LastReport
from worker.roles import dispatch, process, roles
from worker.roles.idle import left_to_do
from worker.roles.role import Role, RoleContext
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan
from worker.services import SUBSCRIPTIONS

BACK = [timedelta(hours=1), timedelta(days=1), timedelta(days=400)]
SOON_SECONDS = 400.0  # a lease may last five minutes; a sent request settles for three
WON = stories.signed_deal()


async def led(world: World) -> None:
    """The process read the log, but does not decide the deal."""
    await world.follow()
    await world.send(*WON)


async def in_flight(world: World) -> None:
    """The process claimed the command, and recorded that it sends it."""
    await world.send(*WON)
    await world.follow()
    assert await world.claim()


async def answer_lost(world: World) -> None:
    """The process sent the command, and got no answer."""
    world.trouble("lost_answer")
    await world.send(*WON)
    await world.follow()
    for command in await world.claim():
        await world.dispatcher.work(command)


async def throttled(world: World) -> None:
    """QuickBooks rate-limited the process."""
    world.trouble("throttled")
    await world.send(*WON)
    await world.follow()
    for command in await world.claim():
        await world.dispatcher.work(command)


async def company_refused(world: World) -> None:
    """QuickBooks has refused the company for hours, so the process retries once an hour."""
    world.sandbox.trouble.follow(Plan(refusals=(Refusal("6190", 200, message="Invalid Company Status"),)))
    await world.send(*WON)
    await world.settle(patience=timedelta(hours=5))
    world.sandbox.trouble.follow(Plan())


async def just_decided(world: World) -> None:
    """The process decided on an invoice that no dispatcher has claimed yet."""
    await world.send(*WON)
    await world.follow()


LEFT_BEHIND = [led, in_flight, answer_lost, throttled, company_refused, just_decided]


@pytest.mark.parametrize("back", BACK)
@pytest.mark.parametrize("leave_behind", LEFT_BEHIND)
async def test_another_process_continues_soon(
    ready: World, leave_behind: Callable[[World], Awaitable[None]], back: timedelta
) -> None:
    before = len(ready.books())
    await leave_behind(ready)
    ready.clock.jump(-back)
    began, stopping = ready.clock.monotonic(), asyncio.Event()
    context = RoleContext(ready.services, ready.gateway, "another", stopping, "", 0, lambda _: None)
    working = [asyncio.create_task(role(context)) for role in (process.run, dispatch.run)]
    while len(ready.books()) == before or (await ready.services.database.read(left_to_do))[1] is not None:
        assert ready.clock.monotonic() - began < SOON_SECONDS, (await ready.explain()).first_unmet
        await ready.clock.sleep(1)
        assert not any(task.done() for task in working)
    stopping.set()
    for task in working:
        task.cancel()
    await asyncio.wait(working)
    assert len(ready.books()) == before + 1


async def test_a_lease_of_another_is_no_reason_to_end(ready: World) -> None:
    """However long the lease lasts, the watchdog sees that this process has no work."""
    stopping = asyncio.Event()
    context = RoleContext(ready.services, None, "standby", stopping, "", 0, lambda _: None)
    patience = ready.services.environment.watchdog_seconds
    await ready.follow()
    await ready.send(*WON)
    standing_by = asyncio.create_task(roles.RUN[Role.PROCESS](context))
    until = ready.clock.monotonic() + 4 * patience
    while ready.clock.monotonic() < until:
        await ready.services.database.transaction(_lead_all, ready)
        await ready.clock.sleep(1)
        assert not standing_by.done()
    standing_by.cancel()
    await asyncio.wait({standing_by})


def _lead_all(connection: object, world: World) -> None:
    for subscription in SUBSCRIPTIONS:
        subscriptions.lease(connection, subscription.name, "leader", world.clock.now())  # type: ignore[arg-type]


@pytest.mark.parametrize("back", BACK)
async def test_docusigns_problem_is_reported_soon(ready: World, back: timedelta) -> None:
    told = LastReport(GOOD, 7, twelfth_at=ready.clock.now())
    bad = DocusignReceptionChanged("refusing", "signature_invalid", ready.clock.now())
    assert not docusign_watch._may_be_appended(bad, told, ready.clock.now())
    assert docusign_watch._may_be_appended(bad, told, ready.clock.now() - back)


@pytest.mark.parametrize("later", ["cause_at", "created_at"])
async def test_a_command_from_the_future_is_looked_up(ready: World, later: str) -> None:
    """The request may have been sent before a restore: that process's clock was right, and ours is behind."""
    await ready.send(*WON)
    await ready.follow()
    [command] = await ready.claim()
    now = ready.clock.now()
    fresh = replace(command, cause_at=now, created_at=now)
    assert not needs_look_up(fresh, ready.timing, now)
    assert not needs_look_up(replace(fresh, **{later: now + timedelta(minutes=4)}), ready.timing, now)
    assert needs_look_up(replace(fresh, **{later: now + timedelta(hours=1)}), ready.timing, now)
