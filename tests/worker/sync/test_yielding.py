"""Bulk work of sync yields: while subscriptions are behind, no page is read, and noticed changes are fetched all the same."""

from msgspec.structs import replace

from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.sandbox import accountant
from worker.sync.notices import GATHER_SECONDS


async def test_no_page_is_read_while_subscriptions_are_behind(ready: World) -> None:
    office = Office(ready)
    is_behind = True
    office.syncer = replace(office.syncer, is_busy=lambda _connection: is_behind)
    assert await office.syncer.due() == [ready.realm]
    assert await office.syncer.step(ready.realm)
    began = await office.head()
    before = ready.clock.monotonic()
    for _ in range(3):
        assert await office.syncer.step(ready.realm), "it is not done"
    assert ready.clock.monotonic() > before, "it does not ask again and again without a pause"
    assert await office.head() == began
    customer = accountant.create(office.company, "Customer", {"DisplayName": "Bolt"}, ready.clock.now())
    fact = {
        "realm": ready.realm,
        "entity": "Customer",
        "entity_id": customer["Id"],
        "operation": "Create",
        "at": ready.clock.now().isoformat(),
    }
    await ready.send(stories.cloudevent("quickbooks.changed", fact, id="notice"))
    await ready.follow()
    ready.clock.advance(GATHER_SECONDS)
    assert await office.syncer.step(ready.realm)
    assert await office.appended(began) == ["quickbooks.changed.v1", "customer.observed.v1"]
    is_behind = False
    await office.work()
    assert await office.differences() == []
