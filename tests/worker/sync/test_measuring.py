"""What is left to be done by sync, and its gauges."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions.syncs import request_sync
from worker.roles.idle import wait_until_idle
from worker.sync import measuring
from worker.sync.frequency import UNHEARD
from worker.sync.notices import GATHER_SECONDS


async def gauges(office: Office) -> tuple[float | None, ...]:
    """Return the companies with a problem, the age of the oldest notice, and that of the oldest sync."""
    await office.world.services.database.read(measuring.measure, office.world.clock.now())
    names = ("companies_with_problem", "oldest_notice_seconds", "oldest_seconds")
    return tuple(REGISTRY.get_sample_value(f"q2c_sync_{name}") for name in names)


async def waiting_for(office: Office) -> str | None:
    return (await wait_until_idle(office.world.services, 0)).waiting_for


async def notice(office: Office, customer: str = "1") -> None:
    fact = {
        "realm": office.world.realm,
        "entity": "Customer",
        "entity_id": customer,
        "operation": "Update",
        "at": office.world.clock.now().isoformat(),
    }
    await office.world.send(stories.cloudevent("quickbooks.changed", fact, id=f"notice-{customer}"))
    await office.world.follow()


async def test_the_system_is_idle_once_a_sync_has_ended(ready: World) -> None:
    office = Office(ready)
    await office.syncer.due()
    assert await waiting_for(office) == "1 companies to be synced"
    await office.syncer.step(ready.realm)
    await ready.follow()
    assert await waiting_for(office) == "1 companies to be synced"
    await office.work()
    assert await waiting_for(office) is None
    await request_sync(ready.admin(), full=False)
    await ready.follow()
    assert await waiting_for(office) == "1 companies to be synced"
    await office.work()
    assert await waiting_for(office) is None
    await notice(office)
    assert await waiting_for(office) == "1 noticed changes to be fetched"
    ready.clock.advance(GATHER_SECONDS)
    await office.work()
    assert await waiting_for(office) is None


@pytest.mark.parametrize("frequency", ["hourly", "daily 02:30"])
async def test_noticed_changes_that_wait_for_a_batch_are_not_due(ready: World, frequency: str) -> None:
    office = Office(ready)
    await office.work()
    await ready.admin().change_settings({"sync_frequency": frequency})
    await ready.follow()
    await office.work()
    await notice(office)
    ready.clock.advance(GATHER_SECONDS)
    assert await waiting_for(office) is None
    assert await office.syncer.due() == [], "it would be looked at each second until the batch"
    assert (await gauges(office))[1] == 0


async def test_gauges_show_a_problem_the_oldest_notice_and_the_last_sync(ready: World) -> None:
    office = Office(ready)
    await office.work()
    assert (await gauges(office))[:2] == (0, 0)
    synced = (await office.row()).last_sync
    assert synced is not None
    await notice(office)
    ready.clock.advance(UNHEARD.total_seconds() / 3)
    age = (ready.clock.now() - synced).total_seconds()
    assert await gauges(office) == (0, UNHEARD.total_seconds() / 3, age)
    ready.trouble("server_error", "server_error", "server_error", writes_only=False)
    await office.work()
    assert (await gauges(office))[0] == 1
    for _ in range(2):  # the customer looks older than its notice, so it is fetched once more
        ready.clock.advance(timedelta(minutes=2).total_seconds())
        await office.work()
    assert (await gauges(office))[:2] == (0, 0)
