"""`/api/v1/mappings/conflicts`: differences are listed page by page, decided, and sent again."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from tests.worker.quote_to_cash.in_step.crm import (
    Crm,
    customer,
    in_conflict,
    open_crm,
    settle,
    with_a_taken_name,
)
from tests.world import World
from worker.web.app import create_app
from worker.workspaces import api_tokens


@pytest_asyncio.fixture
async def crm(world: World) -> Crm:
    crm = await open_crm(world)
    await with_a_taken_name(crm)
    await in_conflict(crm)
    return crm


@pytest_asyncio.fixture
async def http(crm: Crm) -> AsyncIterator[httpx.AsyncClient]:
    world = crm.office.world
    token = api_tokens.new(world.services.entropy)
    await world.services.database.transaction(
        api_tokens.add, "acme", token, world.clock.now(), label="console"
    )
    app: Any = create_app(world.services, world.gateway)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {token}"}
    address = "https://worker.test/api/v1/mappings"
    async with httpx.AsyncClient(transport=transport, base_url=address, headers=headers) as client:
        yield client
    await app.state.access.close()


async def test_differences_are_listed_with_both_values_and_page_by_page(http: httpx.AsyncClient) -> None:
    conflict, refused = (await http.get("/conflicts")).json()["items"]
    assert (conflict["account"], conflict["field"], conflict["state"]) == ("A-1", "email", "conflict")
    assert (conflict["crm"], conflict["quickbooks"]) == ("sales@acme.example", "books@acme.example")
    assert conflict["agreed"] == {"crm": "new@acme.example", "quickbooks": "new@acme.example"}
    assert (refused["field"], refused["state"], refused["crm"]) == ("name", "refused", "Acme Group")
    assert "Vendor" in refused["message"]
    assert refused["remedy"]
    first = (await http.get("/conflicts?limit=1")).json()
    second = (await http.get(f"/conflicts?limit=1&cursor={first['next_cursor']}")).json()
    assert [*first["items"], *second["items"]] == [conflict, refused]
    assert second["next_cursor"] is None
    for query in ("state=refused", "field=name"):
        assert (await http.get(f"/conflicts?{query}")).json()["items"] == [refused]
    assert (await http.get("/conflicts?account=A-2")).json()["items"] == []
    assert (await http.get("/conflicts?state=off")).json()["items"] == []


async def test_a_conflict_is_decided_once(http: httpx.AsyncClient, crm: Crm) -> None:
    path = "/accounts/A-1/conflicts/email"
    assert (await http.post(path, json={"take": "crm"})).status_code == 202
    await settle(crm.office)
    assert customer(crm.office)["PrimaryEmailAddr"]["Address"] == "sales@acme.example"
    again = await http.post(path, json={"take": "crm"})
    assert (again.status_code, again.json()["reason"]) == (422, "no_conflict")
    assert (await http.post("/accounts/A-1/conflicts/colour", json={"take": "crm"})).status_code == 400


async def test_a_refused_field_is_sent_again(http: httpx.AsyncClient, crm: Crm) -> None:
    assert (await http.post("/accounts/A-1/conflicts/name/retry", json={})).status_code == 202
    await settle(crm.office)
    (refused,) = (await http.get("/conflicts?state=refused")).json()["items"]
    assert refused["field"] == "name"
    other = await http.post("/accounts/A-1/conflicts/email/retry", json={})
    assert (other.status_code, other.json()["reason"]) == (422, "no_refused")


async def test_a_decision_that_the_settings_do_not_allow_is_refused(
    http: httpx.AsyncClient, crm: Crm
) -> None:
    await crm.office.world.admin().change_settings({"customer_sync": "to_crm"})
    await crm.office.world.follow()
    (done,) = (await http.post("/conflicts", json={"take": "crm"})).json()["items"]
    assert (done["done"], done["reason"], done["field"]) == (False, "way_is_off", "email")
    (done,) = (await http.post("/conflicts", json={"take": "quickbooks", "field": "email"})).json()["items"]
    assert done["done"]
    assert (await http.post("/conflicts", json={"take": "crm", "field": "phone"})).json()["items"] == []
