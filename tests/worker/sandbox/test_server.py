"""Trouble on a real socket: what the client sees, and what is in the books all the same."""

import logging
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.worker.sandbox.app import App, invoice
from tests.worker.sandbox.sockets import served
from worker.runtime.environment import Environment
from worker.sandbox import server
from worker.sandbox.failing.trouble import KINDS, Kind

SLOW_SECONDS = 0.4
LATE_SECONDS = 30
# What the client sees of each kind, and how many invoices there are at that moment.
DROPPED = "connection dropped"
SEEN: dict[Kind, tuple[str, int]] = {
    "lost_before": (DROPPED, 0),
    "lost_answer": (DROPPED, 1),
    "late": (DROPPED, 0),
    "throttled": ("429 3001", 0),
    "server_error": ("500 10000", 0),
    "server_error_after": ("503 html", 1),
    "slow": ("200", 1),
    "half_body": (DROPPED, 1),
    "unauthorized": ("401 3200", 0),
}


@pytest_asyncio.fixture
async def http(app: App, caplog: pytest.LogCaptureFixture) -> AsyncIterator[httpx.AsyncClient]:
    """A client at a served sandbox, whose server has nothing to complain about."""
    async with served(app) as client:
        yield client
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING] == []


def path(app: App, entity: str) -> str:
    return f"/v3/company/{app.company.realm}/{entity}"


async def trouble(http: httpx.AsyncClient, *script: Kind | None) -> None:
    plan = {"script": script, "slow_seconds": SLOW_SECONDS, "late_seconds": LATE_SECONDS}
    answer = await http.post("/_control/faults", json=plan)
    assert answer.status_code == 200


async def books(app: App, http: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await http.get(f"/_control/books/{app.company.realm}")
    found: list[dict[str, Any]] = answer.json()["Invoice"]
    return found


async def create(app: App, http: httpx.AsyncClient, **query: str) -> str:
    """Create an invoice; return what the client sees."""
    try:
        answer = await http.post(path(app, "invoice"), json=invoice(), params=query)
    except httpx.TimeoutException:
        return "timeout"
    except httpx.TransportError:
        return DROPPED
    if answer.headers["content-type"].startswith("text/html"):
        return f"{answer.status_code} html"
    body = answer.json()
    errors = (body.get("Fault") or {}).get("Error") or (body.get("fault") or {}).get("error") or []
    return " ".join([str(answer.status_code), *(error["code"] for error in errors)])


@pytest.mark.parametrize("kind", KINDS)
async def test_the_clients_view_of_each_failure_and_the_books_after_it(
    app: App, http: httpx.AsyncClient, kind: Kind
) -> None:
    await trouble(http, kind)
    seen, applied = SEEN[kind]
    assert await create(app, http, requestid="r-1") == seen
    assert len(await books(app, http)) == applied
    assert await create(app, http, requestid="r-1") == "200", "the same request again goes well"
    await http.post("/_control/clock", json={"advance_seconds": LATE_SECONDS})
    assert len(await books(app, http)) == 1


async def test_a_late_write_is_in_the_books_later(app: App, http: httpx.AsyncClient) -> None:
    await trouble(http, "late")
    assert await create(app, http) == DROPPED
    await http.post("/_control/clock", json={"advance_seconds": LATE_SECONDS - 1})
    assert len(await books(app, http)) == 0
    await http.post("/_control/clock", json={"advance_seconds": 1})
    assert len(await books(app, http)) == 1


async def test_a_write_counts_although_its_sender_left_before_the_slow_answer(
    app: App, http: httpx.AsyncClient
) -> None:
    await trouble(http, "slow", "slow")
    started = time.monotonic()
    assert await create(app, http, requestid="r-1") == "200"
    assert time.monotonic() - started >= SLOW_SECONDS
    http.timeout = httpx.Timeout(SLOW_SECONDS / 4)
    assert await create(app, http, requestid="r-2") == "timeout"
    assert len(await books(app, http)) == 2


async def test_half_an_answer_breaks_off_in_its_middle(app: App, http: httpx.AsyncClient) -> None:
    await trouble(http, "half_body")
    got = b""
    with pytest.raises(httpx.TransportError):  # noqa: PT012 - what came before it is the subject
        async with http.stream("POST", path(app, "invoice"), json=invoice()) as answer:
            assert answer.status_code == 200
            async for part in answer.aiter_bytes():
                got += part
    assert len(got) == int(answer.headers["content-length"]) // 2


@pytest.mark.parametrize("kind", ["lost_before", "lost_answer", "late", "half_body"])
async def test_reads_suffer_too_and_the_next_request_is_well(
    app: App, http: httpx.AsyncClient, kind: Kind
) -> None:
    await trouble(http, kind)
    with pytest.raises(httpx.TransportError):
        await http.get(path(app, "preferences"))
    assert (await http.get(path(app, "preferences"))).status_code == 200


async def test_an_expired_token_is_refused_and_a_refreshed_one_taken(
    app: App, http: httpx.AsyncClient
) -> None:
    await http.post("/_control/clock", json={"advance_seconds": 3600})
    assert await create(app, http) == "401 3200"
    assert await books(app, http) == []
    form = {"grant_type": "refresh_token", "refresh_token": app.tokens["refresh_token"]}
    endpoints = (await http.get("/.well-known/openid_sandbox_configuration")).json()
    assert endpoints["token_endpoint"].startswith(str(http.base_url).rstrip("/"))
    tokens = await http.post(endpoints["token_endpoint"], data=form, headers={"authorization": app.basic})
    http.headers["authorization"] = f"Bearer {tokens.json()['access_token']}"
    assert await create(app, http) == "200"


async def test_consent_in_a_browser(app: App, http: httpx.AsyncClient) -> None:
    page = await http.get("/connect/oauth2", params=app.consent_query)
    assert f'value="{app.company.realm}"' in page.text
    form = {"realm": app.company.realm, "decision": "allow"}
    answer = await http.post("/connect/oauth2", params=app.consent_query, data=form)
    assert answer.status_code == 302
    came_back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (came_back["state"], came_back["realmId"]) == (["s&1"], [app.company.realm])
    assert app.exchange(came_back["code"][0]).status == 200


async def test_statements_and_headers_arrive_whole(app: App, http: httpx.AsyncClient) -> None:
    name = "Ünal & O'Neil + 100% = Co"
    answer = await http.post(path(app, "customer"), json={"DisplayName": name})
    assert answer.headers["intuit_tid"].startswith("1-")
    statement = "SELECT * FROM Customer WHERE DisplayName = 'ünal & O\\'Neil + 100% = Co'"
    for found in (
        await http.get(path(app, "query"), params={"query": statement}),
        await http.post(path(app, "query"), content=statement.encode()),
    ):
        assert [row["DisplayName"] for row in found.json()["QueryResponse"]["Customer"]] == [name]


def test_the_ready_line_has_everything_that_an_app_needs(app: App) -> None:
    line = server.ready_line(app.sandbox, "http://sandbox")
    assert line["ready"] is True
    assert line["api"] == "http://sandbox"
    assert line["discovery"] == "http://sandbox/.well-known/openid_sandbox_configuration"
    assert line["realms"] == [app.company.realm]
    assert (line["client_id"], line["docusign_keys"]) == (
        app.sandbox.oauth.client_id,
        app.sandbox.docusign_keys,
    )


def test_the_exports_are_a_workers_environment(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.exports(app.sandbox, "http://sandbox").items():
        monkeypatch.setenv(name, value)
    found = Environment()
    assert (found.quickbooks_api_url, found.quickbooks_client_id) == (
        "http://sandbox",
        app.sandbox.oauth.client_id,
    )
    assert found.quickbooks_discovery_url == "http://sandbox/.well-known/openid_sandbox_configuration"
    assert found.quickbooks_client_secret is not None
    assert found.quickbooks_client_secret.get_secret_value() == app.sandbox.oauth.client_secret
    assert found.quickbooks_verifier_token is not None
