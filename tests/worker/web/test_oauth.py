"""The consent in a browser: its redirects, and the checks of its parameters and cookies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
import pytest
import pytest_asyncio

from events.errors import DatabaseUnavailable
from tests.world import World, open_world
from worker.connections import consenting, proving
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.oauth import OAuthPlan
from worker.web.app import create_app

CALLBACK = "/oauth/quickbooks/callback"


@asynccontextmanager
async def browsing(world: World, url: str = "https://worker.test") -> AsyncIterator[httpx.AsyncClient]:
    """A browser without cookies."""
    app: Any = create_app(world.services, world.gateway)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=url) as opened:
        yield opened


@pytest_asyncio.fixture
async def acme(world: World) -> World:
    await world.add_workspace()
    return world


@pytest_asyncio.fixture
async def browser(acme: World) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(acme) as opened:
        yield opened


async def opened(world: World, browser: httpx.AsyncClient) -> str:
    """Open our address; return the address that it redirects to."""
    answer = await browser.get(await consenting.begin(world.services, "acme"))
    assert answer.status_code == 303
    return answer.headers["location"]


async def callback(world: World, browser: httpx.AsyncClient, decision: str = "allow") -> dict[str, str]:
    """Continue to Intuit's answer."""
    return await world.allowed(await opened(world, browser), decision=decision)


def refused(answer: httpx.Response, says: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert says in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_consent_connects_the_company(acme: World, browser: httpx.AsyncClient) -> None:
    start = await consenting.begin(acme.services, "acme")
    assert start.startswith("https://worker.test/oauth/quickbooks/start?link=")
    answer = await browser.get(start)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-q2c-consent-")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    target = urlsplit(answer.headers["location"])
    assert (target.netloc, target.path) == ("sandbox.test", "/connect/oauth2")
    given = await acme.allowed(answer.headers["location"])
    done = await browser.get(CALLBACK, params=given)
    assert (done.status_code, "is connected to the workspace acme" in done.text) == (200, True)
    assert "Max-Age=0" in done.headers["set-cookie"]
    assert not browser.cookies
    await acme.gateway.client.company_info(acme.realm)


async def test_without_https_the_cookie_is_for_our_paths_alone(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.add_workspace()
        url = "http://127.0.0.1:8000/q2c"
        environment = world.services.environment.model_copy(update={"public_url": url})
        services = msgspec.structs.replace(world.services, environment=environment)
        plain = World(services, world.gateway, world.sandbox, world.clock)
        async with browsing(plain, "http://127.0.0.1:8000") as browser:
            start = (await consenting.begin(services, "acme")).replace("/q2c", "")
            cookie = (await browser.get(start)).headers["set-cookie"]
    assert cookie.startswith("q2c-consent-")
    assert "Path=/q2c/oauth/quickbooks;" in cookie
    assert "Secure" not in cookie


async def test_an_address_is_opened_once(acme: World, browser: httpx.AsyncClient) -> None:
    start = await consenting.begin(acme.services, "acme")
    assert (await browser.get(start)).status_code == 303
    refused(await browser.get(start), "q2c connect prints a new one")


async def test_an_address_and_a_state_last_ten_minutes(acme: World, browser: httpx.AsyncClient) -> None:
    start = await consenting.begin(acme.services, "acme")
    acme.clock.advance(600)
    refused(await browser.get(start), "has expired, or was already opened")
    given = await callback(acme, browser)
    acme.clock.advance(600)
    refused(await browser.get(CALLBACK, params=given), "has expired, or was already used")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"x-purpose": "preview"},
        {"user-agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"user-agent": "TelegramBot (like TwitterBot)"},
        {"user-agent": "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5"},
        {"user-agent": "WhatsApp/2.23.20.0"},
    ],
)
async def test_a_preview_spends_nothing(
    acme: World, browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    start = await consenting.begin(acme.services, "acme")
    assert (await browser.head(start)).status_code == 200
    looked = await browser.get(start, headers=headers)
    assert (looked.status_code, "set-cookie" in looked.headers) == (200, False)
    assert (await browser.get(start)).status_code == 303


async def test_a_telephone_called_cubot_is_no_bot(acme: World, browser: httpx.AsyncClient) -> None:
    agent = "Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20 Build/QP1A) Chrome/120 Mobile"
    start = await consenting.begin(acme.services, "acme")
    assert (await browser.get(start, headers={"user-agent": agent})).status_code == 303


async def test_a_state_is_spent_once(acme: World, browser: httpx.AsyncClient) -> None:
    given = await callback(acme, browser)
    cookies = dict(browser.cookies)
    assert (await browser.get(CALLBACK, params=given)).status_code == 200
    browser.cookies.update(cookies)
    refused(await browser.get(CALLBACK, params=given), "was already used")


async def test_of_callbacks_at_once_one_counts(acme: World, browser: httpx.AsyncClient) -> None:
    given = await callback(acme, browser)
    answers = await asyncio.gather(*(browser.get(CALLBACK, params=given) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    assert acme.sandbox.oauth.grants_of(acme.realm) == 1


async def test_another_browser_completes_nothing_and_spends_nothing(
    acme: World, browser: httpx.AsyncClient
) -> None:
    """As if an attacker sent somebody the callback of his own consent, to connect his company."""
    given = await callback(acme, browser)
    async with browsing(acme) as victim:
        refused(await victim.get(CALLBACK, params=given), "in another browser")
        await opened(acme, victim)  # with its own cookie
        refused(await victim.get(CALLBACK, params=given), "in another browser")
        denial = {"error": "access_denied", "state": given["state"]}
        refused(await victim.get(CALLBACK, params=denial), "in another browser")
    assert acme.sandbox.oauth.grants_of(acme.realm) == 0
    assert (await browser.get(CALLBACK, params=given)).status_code == 200


async def test_two_consents_may_be_on_their_way_in_one_browser(
    acme: World, browser: httpx.AsyncClient
) -> None:
    first, second = await callback(acme, browser), await callback(acme, browser)
    assert (await browser.get(CALLBACK, params=first)).status_code == 200
    assert (await browser.get(CALLBACK, params=second)).status_code == 200


async def test_a_denial_spends_the_state_too(acme: World, browser: httpx.AsyncClient) -> None:
    given = await callback(acme, browser, "deny")
    assert given.keys() == {"error", "state"}
    cookies = dict(browser.cookies)
    answer = await browser.get(CALLBACK, params=given)
    assert (answer.status_code, "was refused in QuickBooks" in answer.text) == (200, True)
    browser.cookies.update(cookies)
    refused(await browser.get(CALLBACK, params=given), "was already used")
    late = {"code": "x", "realmId": "1", "state": given["state"]}
    refused(await browser.get(CALLBACK, params=late), "was already used")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"realmId": "1" * 21}, "invalid realmId"),
        ({"realmId": "12a"}, "invalid realmId"),
        ({"realmId": "\u0661\u0662\u0663"}, "invalid realmId"),
        ({"realmId": "123\n"}, "invalid realmId"),
        ({"realmId": "-1"}, "invalid realmId"),
        ({"realmId": ""}, "invalid realmId"),
        ({"realmId": "../1"}, "invalid realmId"),
        ({"code": "a\x00b"}, "invalid code"),
        ({"code": "a\r\nb"}, "invalid code"),
        ({"code": "x" * 1025}, "invalid code"),
        ({"state": "<script>alert(1)</script>"}, "invalid state"),
        ({"state": "x" * 129}, "invalid state"),
        ({"state": "\x1b[31m"}, "invalid state"),
        ({"error": "<b>", "state": "x"}, "invalid error"),
        ({"else": "x" * 4096}, "longer than 4096 bytes"),
    ],
)
async def test_an_invalid_parameter_is_refused_by_name_and_spends_nothing(
    acme: World, browser: httpx.AsyncClient, change: dict[str, str], says: str
) -> None:
    given = await callback(acme, browser)
    answer = await browser.get(CALLBACK, params=given | change)
    refused(answer, says)
    assert not any(value in answer.text for value in change.values() if len(value) > 2)
    assert (await browser.get(CALLBACK, params=given)).status_code == 200


async def test_a_repeated_parameter_is_refused(acme: World, browser: httpx.AsyncClient) -> None:
    given = await callback(acme, browser)
    twice = [*given.items(), ("realmId", "1")]
    refused(await browser.get(f"{CALLBACK}?{urlencode(twice)}"), "has realmId twice")


@pytest.mark.parametrize(
    "query", ["", "?link=", "?link=%00", f"?link={'x' * 129}", "?link=guess", "?link=%FF"]
)
async def test_an_unknown_address_is_refused(browser: httpx.AsyncClient, query: str) -> None:
    refused(await browser.get(f"/oauth/quickbooks/start{query}"), "q2c connect")


@pytest.mark.parametrize("odd", ["huge", "cut", "malformed", "server_error", "lost_answer"])
async def test_an_address_is_not_spent_while_intuits_endpoint_is_unknown(
    acme: World, browser: httpx.AsyncClient, odd: Any
) -> None:
    start = await consenting.begin(acme.services, "acme")
    acme.sandbox.oauth.trouble.follow(OAuthPlan(discovery=odd))
    answer = await browser.get(start)
    assert (answer.status_code, "Open the same address again" in answer.text) == (502, True)
    acme.sandbox.oauth.trouble.follow(OAuthPlan())
    assert (await browser.get(start)).status_code == 303


async def test_the_page_shows_that_quickbooks_has_not_answered(
    acme: World, browser: httpx.AsyncClient
) -> None:
    given = await callback(acme, browser)
    acme.sandbox.trouble.follow(Plan(probability={"server_error": 1}))
    answer = await browser.get(CALLBACK, params=given)
    assert (answer.status_code, "is retried for ten minutes" in answer.text) == (202, True)
    acme.sandbox.trouble.follow(Plan())
    acme.clock.advance(60)
    await proving.look(acme.services, acme.gateway)
    await acme.gateway.client.company_info(acme.realm)


async def test_the_page_reports_an_unavailable_database(
    acme: World, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = await consenting.begin(acme.services, "acme")
    given = await callback(acme, browser)

    async def fail(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("down")

    monkeypatch.setattr(acme.services.database, "transaction", fail)
    for answer in (await browser.get(start), await browser.get(CALLBACK, params=given)):
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    monkeypatch.undo()
    assert (await browser.get(start)).status_code == 303
    assert (await browser.get(CALLBACK, params=given)).status_code == 200


async def test_secrets_are_kept_hashed(acme: World, browser: httpx.AsyncClient) -> None:
    start = await consenting.begin(acme.services, "acme")
    unopened = parse_qs(urlsplit(await consenting.begin(acme.services, "acme")).query)["link"][0]
    state = parse_qs(urlsplit((await browser.get(start)).headers["location"]).query)["state"][0]
    path = acme.services.environment.database_path
    kept = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    for secret in (unopened, state, *browser.cookies.values()):
        assert secret.encode() not in kept
