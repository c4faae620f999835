"""The lease of a company's sync: it outlasts a slow answer, and ends soon after its process."""

import asyncio
from typing import Any, cast

from msgspec.structs import replace

from tests.worker.sync.office import Office
from tests.world import World
from worker.quickbooks.meter import ReadMeter
from worker.roles.sync import keep_in_step
from worker.sync import rows


class Hanging:
    """A client of QuickBooks that gets no answer."""

    def __init__(self, reads: ReadMeter) -> None:
        self.reads = reads

    async def batch_queries(self, *_arguments: Any) -> None:
        await asyncio.get_running_loop().create_future()


async def test_a_lease_is_renewed_while_quickbooks_is_slow_and_ends_soon_after_a_kill(ready: World) -> None:
    first = replace(Office(ready).syncer, client=cast("Any", Hanging(ready.gateway.client.reads)))
    other = replace(Office(ready).syncer, holder="other")
    working = asyncio.create_task(keep_in_step(first, ready.services, asyncio.Event()))
    await ready.clock.sleep(10 * rows.LEASE_SECONDS)
    assert await other.due() == []
    assert not await other.step(ready.realm)
    working.cancel()
    await asyncio.wait({working})
    ready.clock.advance(rows.LEASE_SECONDS)
    assert await other.due() == [ready.realm]
    assert await other.step(ready.realm)


async def test_a_stopping_process_releases_its_leases(ready: World) -> None:
    office = Office(ready)
    assert await office.syncer.due() == [ready.realm]
    assert await office.syncer.step(ready.realm)
    other = replace(office.syncer, holder="other")
    assert await other.due() == []
    await ready.services.database.transaction(rows.release_all, office.syncer.holder)
    assert await other.due() == [ready.realm]
