"""`/api/v1/sync`: how the sync stands, and a sync by hand."""

from typing import Any

import httpx
import pytest

from tests.worker.sync.office import Office
from tests.world import World
from worker.sandbox import accountant
from worker.web.app import create_app
from worker.workspaces import api_tokens

PATH = "/api/v1/sync"


async def asked(world: World, method: str, **body: Any) -> httpx.Response:
    token = api_tokens.new(world.services.entropy)
    await world.services.database.transaction(
        api_tokens.add, "acme", token, world.clock.now(), label="console"
    )
    app: Any = create_app(world.services, world.gateway)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="https://worker.test", headers=headers
    ) as http:
        answer = await (http.post(PATH, json=body) if method == "POST" else http.get(PATH))
    await app.state.access.close()
    return answer


async def test_the_counts_of_both_sides_are_read_while_the_first_sync_runs(ready: World) -> None:
    office = Office(ready)
    await ready.follow()
    for _ in range(4):  # begin, and the first lists
        [realm] = await office.syncer.due()
        assert await office.syncer.step(realm)
    found = (await asked(ready, "GET")).json()
    assert (found["state"], found["mode"], found["last_sync"]) == ("running", "first", None)
    counts = {each["entity"]: each for each in found["entities"]}
    assert counts["Account"]["in_quickbooks"] == counts["Account"]["observed"] == 12
    assert (counts["Customer"]["in_quickbooks"], counts["Customer"]["observed"]) == (3, 0)
    await office.work()
    found = (await asked(ready, "GET")).json()
    assert (found["state"], found["problem"], found["waiting"]) == ("idle", None, 0)
    assert found["webhooks"] == "none"
    await office.notify()
    assert (await asked(ready, "GET")).json()["webhooks"] == "arriving"
    accountant.create(office.company, "Customer", {"DisplayName": "Unannounced"}, ready.clock.now())
    ready.clock.advance(3600)
    await office.work()
    assert (await asked(ready, "GET")).json()["webhooks"] == "missing"


@pytest.mark.parametrize("full", [True, False])
async def test_a_sync_by_hand_is_recorded_with_the_token_that_asked_for_it(
    ready: World, *, full: bool
) -> None:
    office = Office(ready)
    await office.work()
    answer = await asked(ready, "POST", full=full)
    assert answer.status_code == 202
    event = (await ready.log())[-1].event
    assert (event.payload.full, event.payload.by) == (full, "api:acme/2 (console)")
    await office.work()
    assert (await office.row()).wanted is None


async def test_without_a_company_there_is_no_sync(world: World) -> None:
    await world.add_workspace()
    for method in ("GET", "POST"):
        answer = await asked(world, method)
        assert (answer.status_code, answer.json()["reason"]) == (422, "connection_missing")
