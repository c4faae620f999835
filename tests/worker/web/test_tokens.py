"""Tokens at the door: scopes, revocation, and the time of the last use."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from litestar import Litestar, get
from litestar.routes import HTTPRoute

from events.errors import DatabaseUnavailable
from tests import stories
from tests.world import World
from worker.web.access import NEEDS, OPEN, undeclared
from worker.web.app import create_app, create_ops_app
from worker.workspaces import api_tokens
from worker.workspaces.api_tokens import Scope, Token, TokenRefused, TokenUnknown, scopes_of

WITHOUT_A_TOKEN = {
    "/webhooks/docusign/{name:str}",
    "/webhooks/quickbooks",
    "/oauth/quickbooks/callback",
    "/oauth/quickbooks/start",
    "/livez",
    "/readyz",
    "/metrics",
}
# The routes of each scope; a new route has to be added here.
PRODUCES = {("POST", "/events")}


async def make(world: World, *scopes: Scope, workspace: str = "acme", label: str | None = None) -> str:
    text = api_tokens.new(world.services.entropy)
    await world.services.database.transaction(
        api_tokens.add,
        workspace,
        text,
        world.services.clock.now(),
        by="cli:ada",
        label=label,
        scopes=scopes or tuple(Scope),
    )
    return text


async def listed(world: World, workspace: str = "acme") -> list[Token]:
    return list(await world.services.database.read(api_tokens.listed, workspace))


async def revoke(world: World, which: str, workspace: str = "acme") -> Token:
    now = world.services.clock.now()
    return await world.services.database.transaction(api_tokens.revoke, workspace, which, now, by="cli:ada")


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


@pytest_asyncio.fixture
async def app(world: World) -> Litestar:
    await world.add_workspace("acme")
    return create_app(world.services, world.gateway)


@pytest_asyncio.fixture
async def http(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    asgi: Any = app
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(asgi, raise_app_exceptions=False), base_url="http://worker.test"
    ) as client:
        yield client
    await app.state.access.close()


def routes(app: Litestar) -> dict[tuple[str, str], str]:
    """Return the scope of each route, by method and path, without the framework's OPTIONS and HEAD."""
    return {
        (method, route.path): handler.opt[NEEDS]
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods - {"OPTIONS", "HEAD"}
    }


def test_every_route_declares_its_scope(app: Litestar, world: World) -> None:
    found = routes(app)
    assert len(found) > 15
    for (method, path), needs in found.items():
        if path in WITHOUT_A_TOKEN or path.startswith("/api/v1/schema"):
            expected = OPEN
        elif (method, path) in PRODUCES:
            expected = Scope.PRODUCE
        else:
            expected = Scope.READ if method == "GET" else Scope.ACT
        assert needs == expected, (method, path)
    assert set(routes(create_ops_app(world.services)).values()) == {OPEN}


def test_a_route_without_a_declared_scope_is_noticed() -> None:
    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> None:
        """Declare no scope."""

    assert "/forgotten" in str(list(undeclared(Litestar([forgotten], openapi_config=None))))


async def test_a_token_without_the_scope_is_let_in_nowhere_else(
    app: Litestar, http: httpx.AsyncClient, world: World
) -> None:
    """Each route with each scope answers 403 exactly if it needs another scope."""
    tokens = {scope: await make(world, scope) for scope in Scope}
    for (method, path), needs in routes(app).items():
        address = path.replace("{number:int}", "99").replace("{topic:str}", "crm.deal-updates.v1")
        if needs == OPEN:
            continue
        asked = await http.request(method, address)
        assert (asked.status_code, asked.headers["www-authenticate"]) == (401, "Bearer")
        for scope, text in tokens.items():
            answer = await http.request(method, address, headers=bearer(text))
            assert (answer.status_code == 403) == (scope != needs), (method, path, scope)
            if scope != needs:
                body = answer.json()
                assert (body["reason"], body["needs"]) == ("scope_missing", needs)
                assert f"--scope {needs}" in body["detail"]
                assert (
                    answer.headers["www-authenticate"]
                    == f'Bearer error="insufficient_scope", scope="{needs}"'
                )


async def test_a_revoked_token_is_refused_at_once(http: httpx.AsyncClient, world: World) -> None:
    text, other = await make(world), await make(world)
    for which in (text, "3"):
        assert (await http.get("/api/v1/deals", headers=bearer(other))).status_code == 200
        await revoke(world, which)
        refused = await http.get("/api/v1/deals", headers=bearer(text))
        assert (refused.status_code, refused.json()["reason"]) == (401, "token_revoked")
    assert (await http.post("/events", json=stories.deal(), headers=bearer(other))).status_code == 401
    assert await world.log() == []


async def test_a_token_revoked_while_a_feed_waits_gets_no_events(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = await make(world, Scope.READ)

    async def revoked_meanwhile(*_: object) -> None:
        await revoke(world, text)

    monkeypatch.setattr(world.services.wake, "wait", revoked_meanwhile)
    answer = await http.get("/feeds/crm.deal-updates.v1", params={"wait": 20}, headers=bearer(text))
    assert (answer.status_code, answer.json()["reason"]) == (401, "token_revoked")


async def test_revoking_twice_keeps_the_first_time_and_numbers_are_never_given_again(world: World) -> None:
    await world.add_workspace("acme")
    await world.add_workspace("bolt")
    text = await make(world, label=" CRM ")
    first = await revoke(world, text)
    world.clock.advance(60)
    assert await revoke(world, "2") == first
    await make(world)
    assert [token.number for token in await listed(world)] == [1, 2, 3]
    assert (first.label, first.revoked_by, first.hint) == ("CRM", "cli:ada", f"…{text[-4:]}")
    assert text not in repr(await listed(world))
    theirs = await make(world, workspace="bolt")
    for which in (theirs, "77", "", "q2c_nothing", "²", "-1"):
        with pytest.raises(TokenUnknown, match=r"there is 1 \("):
            await revoke(world, which)
    [_, bolts] = await listed(world, "bolt")
    assert bolts.revoked_at is None


async def test_by_the_api_tokens_are_listed_and_revoked_and_none_is_made(
    http: httpx.AsyncClient, world: World
) -> None:
    text = await make(world, Scope.READ, Scope.ACT)
    shown = await http.get("/api/v1/tokens", headers=bearer(text))
    assert [row["number"] for row in shown.json()["items"]] == [1, 2]
    assert shown.json()["items"][1]["scopes"] == ["read", "act"]
    assert text not in shown.text
    assert "token_hash" not in shown.text
    assert (await http.post("/api/v1/tokens", json={}, headers=bearer(text))).status_code == 405
    gone = await http.delete("/api/v1/tokens/99", headers=bearer(text))
    assert (gone.status_code, gone.json()["reason"]) == (404, "token_unknown")
    assert (await http.delete("/api/v1/tokens/1", headers=bearer(text))).status_code == 204
    assert (await http.delete("/api/v1/tokens/2", headers=bearer(text))).status_code == 204
    assert (await http.get("/api/v1/tokens", headers=bearer(text))).status_code == 401
    assert {token.revoked_by for token in await listed(world)} == {"api:acme/2"}


async def test_actions_name_the_token(http: httpx.AsyncClient, world: World) -> None:
    text = await make(world, Scope.ACT)
    await http.post("/api/v1/settings", json={"changes": {"paused": "true"}}, headers=bearer(text))
    [recorded] = await world.log()
    assert recorded.event.payload.by == "api:acme/2"


async def test_last_use_is_noted_once_a_minute(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = await make(world)
    writes = 0
    write = api_tokens.used

    def counted(connection: sa.Connection, workspace: str, number: int, now: Any) -> None:
        nonlocal writes
        writes += 1
        if writes == 1:
            raise DatabaseUnavailable("for a moment")
        write(connection, workspace, number, now)

    monkeypatch.setattr(api_tokens, "used", counted)
    began = world.services.clock.now()
    for _ in range(150):
        assert (await http.get("/api/v1/deals", headers=bearer(text))).status_code == 200
        await asyncio.sleep(0)
        world.clock.advance(1)
    assert writes == 1 + 3, "the first is not written, and tried again"
    [_, used] = await listed(world)
    assert used.last_used_at is not None
    assert timedelta(minutes=1) < used.last_used_at - began < timedelta(seconds=150)
    [first, _] = await listed(world)
    assert first.last_used_at is None


def test_scopes_are_named_in_any_way_and_in_one_order() -> None:
    assert scopes_of([]) == tuple(Scope)
    assert scopes_of(["act,produce"]) == scopes_of(["produce", "act"]) == (Scope.PRODUCE, Scope.ACT)
    assert scopes_of(["read  read"]) == (Scope.READ,)
    with pytest.raises(TokenRefused, match="Unknown scope 'write'; choose from produce, read, act"):
        scopes_of(["read,write"])


@pytest.mark.parametrize("label", ["x" * 101, "a\nb", "a\x1b[31mb"])
async def test_a_label_is_one_short_line(world: World, label: str) -> None:
    await world.add_workspace("acme")
    with pytest.raises(TokenRefused, match="label"):
        await make(world, label=label)
