"""`/api/v1/connection`: read, begin a consent, disconnect."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from events.contract import catalog
from tests.world import World, open_world
from worker.web.app import create_app
from worker.workspaces import api_tokens

PATH = "/api/v1/connection"
CALLBACK = "/oauth/quickbooks/callback"


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two companies, and a workspace that is connected to the first."""
    async with open_world(tmp_path, ("us", "uk")) as opened:
        await opened.ready()
        yield opened


@pytest_asyncio.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    token = api_tokens.new(world.services.entropy)
    await world.services.database.transaction(
        api_tokens.add, "acme", token, world.clock.now(), label="console"
    )
    app: Any = create_app(world.services, world.gateway)
    headers = {"authorization": f"Bearer {token}", "q2c-actor": "kim@coeffection.example"}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://worker.test", headers=headers
    ) as opened:
        yield opened
    await app.state.access.close()


async def consent(world: World, http: httpx.AsyncClient, realm: str, **wish: bool) -> httpx.Response:
    """Begin a consent by the API, and continue it in a browser."""
    begun = await http.post(f"{PATH}/consents", json=wish)
    assert begun.status_code == 201
    opened = await http.get(begun.json()["authorize_url"])
    given = await world.allowed(opened.headers["location"], realm)
    return await http.get(CALLBACK, params=given)


async def test_the_connection_is_read(world: World, http: httpx.AsyncClient) -> None:
    found = (await http.get(PATH)).json()
    assert (found["realm"], found["company"], found["state"]) == (
        world.realm,
        "Craig's Consulting",
        "connected",
    )
    assert found["reads_this_month"] > 0
    assert found["hard_expires_at"].startswith("2031-05-04T12:00")


async def test_another_company_is_connected_only_if_the_consent_says_so(
    world: World, http: httpx.AsyncClient
) -> None:
    first, second = world.sandbox.companies
    page = await consent(world, http, second)
    assert page.status_code == 400
    for named in ("Craig&#x27;s Consulting", first, "Harbour &amp; Finch Ltd", second):
        assert named in page.text
    assert (await http.get(PATH)).json()["realm"] == first
    assert (await consent(world, http, second, another_company=True)).status_code == 200
    found = (await http.get(PATH)).json()
    assert (found["realm"], found["connected_by"]) == (second, "api:acme/2 for kim@coeffection.example")


async def test_a_company_is_disconnected_once(world: World, http: httpx.AsyncClient) -> None:
    done = await http.delete(PATH)
    assert (done.status_code, done.json()["revocation"]) == (200, "revoked")
    assert world.sandbox.oauth.grants_of(world.realm) == 0
    last = (await world.log())[-1].event
    assert (last.type, last.payload.by) == (
        catalog.CONNECTION_DISCONNECTED,
        "api:acme/2 for kim@coeffection.example",
    )
    assert (await http.get(PATH)).json()["state"] == "disconnected"
    again = await http.delete(PATH)
    assert (again.status_code, again.json()["reason"]) == (422, "connection_missing")
