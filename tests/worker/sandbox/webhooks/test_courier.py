"""Messages on a real socket: sent by themselves, again after a failure, and not for longer than the receiver may take."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest_asyncio

from tests.worker.sandbox.app import App, invoice
from tests.worker.sandbox.sockets import Receiver, receiving, served
from worker.docusign.signatures import is_signed
from worker.sandbox.webhooks.quickbooks import signature

PATIENCE_SECONDS = 10
AT_ONCE = {"delay_seconds": 0}


@pytest_asyncio.fixture
async def http(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """A client at a served sandbox."""
    async with served(app) as client:
        yield client


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await found():  # noqa: ASYNC110 - a server in between sets no event
            await asyncio.sleep(0.01)


async def taken(receiver: Receiver, count: int) -> None:
    """Wait until a receiver has taken some messages."""

    async def found() -> bool:
        return len(receiver.taken) >= count

    await until(found)


async def logged(http: httpx.AsyncClient, state: str, tries: int) -> dict[str, Any]:
    """Wait until the first message is in a state after some tries; return the log's entry."""
    entry: dict[str, Any] = {}

    async def found() -> bool:
        log = (await http.get("/_control/subscriptions/1")).json()["log"]
        entry.update(log[0] if log else {})
        return (entry.get("state"), entry.get("tries")) == (state, tries)

    await until(found)
    return entry


async def test_a_write_is_announced_until_the_receiver_acknowledges(
    app: App, http: httpx.AsyncClient
) -> None:
    async with receiving() as (receiver, url):
        receiver.status = 500
        wish = {"kind": "quickbooks", "url": f"{url}/hook", **AT_ONCE}
        assert (await http.post("/_control/subscriptions", json=wish)).status_code == 200
        made = await http.post(f"/v3/company/{app.company.realm}/invoice", json=invoice())
        await taken(receiver, 1)
        await logged(http, "waiting", tries=1)
        receiver.status = 200
        await http.post("/_control/clock", json={"advance_seconds": 10})
        await taken(receiver, 2)
        await logged(http, "acknowledged", tries=2)
    (path, headers, body), again = receiver.taken
    assert path == "/hook"
    assert ("intuit-signature", signature(body, app.sandbox.verifier_token)) in headers
    [event] = json.loads(body)
    assert event["intuitentityid"] == made.json()["Invoice"]["Id"]
    assert again == receiver.taken[0]


async def test_an_envelopes_events_are_sent(app: App, http: httpx.AsyncClient) -> None:
    async with receiving() as (receiver, url):
        receiver.status = 200
        await http.post("/_control/subscriptions", json={"kind": "docusign", "url": url, **AT_ONCE})
        await http.post("/_control/docusign/envelopes", json={"deal_id": "D-1", "document_bytes": 100_000})
        await taken(receiver, 3)
    assert {json.loads(body)["event"] for _, _, body in receiver.taken} == {
        "envelope-created",
        "envelope-sent",
        "recipient-sent",
    }
    for _, headers, body in receiver.taken:
        assert is_signed(headers, body, app.sandbox.docusign_keys)


async def test_a_receiver_that_is_too_slow_or_gone_has_not_acknowledged(
    app: App, http: httpx.AsyncClient
) -> None:
    async with receiving() as (receiver, url):
        receiver.delay_seconds = 1.0
        wish = {"kind": "quickbooks", "url": url, "answer_seconds": 0.1, **AT_ONCE}
        await http.post("/_control/subscriptions", json=wish)
        await http.post(f"/v3/company/{app.company.realm}/invoice", json=invoice())
        await logged(http, "waiting", tries=1)
    await http.post("/_control/clock", json={"advance_seconds": 10})
    entry = await logged(http, "waiting", tries=2)
    assert "status" not in entry
