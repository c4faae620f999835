"""With Kafka, the front door acknowledges an event only when the brokers have it, with the same answer as without."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import msgspec
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from pydantic import SecretStr

from events.contract import catalog
from events.database.port import Database
from events.errors import DatabaseUnavailable
from tests import stories
from tests.worker.streams import Stream, ingesting, open_stream
from worker.kafka.messages import BrokerUnavailable, Message, Publishing
from worker.quickbooks import tokens
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.oauth import TokenSet
from worker.sandbox.books.journal import Change
from worker.sandbox.webhooks import docusign, quickbooks
from worker.sandbox.webhooks.envelope import Envelope
from worker.sandbox.webhooks.quickbooks import Notice
from worker.services import Services
from worker.web.app import create_app

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
AT = datetime(2026, 5, 2, 12, 0, 0, 123456, tzinfo=UTC)


@pytest_asyncio.fixture
async def stream(kafka_url: str, migrated_postgres_url: str) -> AsyncIterator[Stream]:
    async with open_stream(kafka_url, migrated_postgres_url) as opened:
        yield opened


@asynccontextmanager
async def door(stream: Stream, services: Services) -> AsyncIterator[httpx.AsyncClient]:
    app: Any = create_app(services, cast("Gateway", None))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://worker.test",
        headers={"authorization": f"Bearer {stream.secrets.token}"},
    ) as client:
        yield client


@pytest_asyncio.fixture
async def http(stream: Stream) -> AsyncIterator[httpx.AsyncClient]:
    async with door(stream, stream.with_publisher()) as client:
        yield client


async def post(
    http: httpx.AsyncClient, body: Any, content_type: str = STRUCTURED, **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await http.post("/events", content=content, headers={"content-type": content_type, **headers})


def counted(door: str, outcome: str) -> float:
    labels = {"door": door, "outcome": outcome}
    return REGISTRY.get_sample_value("q2c_events_received_total", labels) or 0


async def test_an_event_is_on_its_topic_before_it_is_answered_for(
    stream: Stream, http: httpx.AsyncClient
) -> None:
    before = counted("events", "published")
    answer = await post(http, stories.deal("D-7"))
    assert (answer.status_code, answer.json()) == (202, {"outcome": "published"})
    (message,) = await stream.read(catalog.DEALS)
    assert message.key == b"acme/D-7"
    assert dict(message.headers)["ce_workspace"] == b"acme"
    assert json.loads(message.value) == stories.deal("D-7")["data"]
    assert await stream.log() == []
    assert counted("events", "published") == before + 1


async def test_every_form_and_every_type_finds_its_topic(stream: Stream, http: httpx.AsyncClient) -> None:
    deal, account, contract = stories.deal(), stories.account(), stories.contract("signed")
    binary = {f"ce-{name}": value for name, value in deal.items() if name != "data"}
    assert (await post(http, deal["data"], "application/json", **binary)).status_code == 202
    answer = await post(http, [account, contract], BATCH)
    assert (answer.status_code, answer.json()) == (202, {"published": 2, "dead": 0})
    for topic in (catalog.DEALS, catalog.ACCOUNTS, catalog.CONTRACTS):
        assert len(await stream.read(topic)) == 1


async def test_the_same_event_by_any_way_is_one_in_the_log(stream: Stream, http: httpx.AsyncClient) -> None:
    event = {**stories.deal("D-7", name="Zoë"), "traceparent": "00-ab"}
    await post(http, event)
    binary = {f"ce-{name}": value for name, value in event.items() if name != "data"}
    await post(http, event["data"], "application/json", **binary)
    await stream.send(event)
    structured = json.dumps({**event, "workspace": "acme"}).encode()
    await stream.send_raw(structured, [("content-type", STRUCTURED.encode())], b"acme/D-7")
    async with door(stream, stream.services) as embedded:
        assert (await post(embedded, event)).json()["outcome"] == "appended"
    await stream.send(stories.deal("D-8"))
    async with ingesting(stream) as task:
        await stream.until_appended(2, task)

        async def all_read() -> bool:
            return sum((await stream.stored()).values()) == 5

        await stream.until(all_read, task)
    assert await stream.ids() == [event["id"], stories.deal("D-8")["id"]]
    assert await stream.letters() == []


async def test_of_a_batch_invalid_events_are_named_and_stored_and_valid_ones_published(
    stream: Stream, http: httpx.AsyncClient
) -> None:
    answer = await post(http, [stories.deal(), {"x": 1}, stories.account(), stories.deal(stage="won")], BATCH)
    body = answer.json()
    assert (answer.status_code, body["reason"]) == (422, "batch_partly_unusable")
    assert [(error["index"], error["field"]) for error in body["errors"]] == [(1, "data"), (3, "data.stage")]
    assert (body["published"], body["dead"]) == (2, 2)
    assert len(await stream.read(catalog.DEALS)) == len(await stream.read(catalog.ACCOUNTS)) == 1
    assert [letter["origin"] for letter in await stream.letters()] == ["http", "http"]
    alone = await post(http, stories.deal(stage="won"))
    assert (alone.status_code, alone.json()["field"]) == (422, "data.stage")
    assert (await post(http, {**stories.deal(), "workspace": "bolt"})).status_code == 403


class Away:
    """Brokers that do not answer."""

    async def publish(self, messages: Sequence[Message]) -> None:
        raise BrokerUnavailable(f"{len(messages)} at 10.0.0.1")

    async def discard(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("body", [stories.deal(), [stories.deal(), {"x": 1}]], ids=["one", "batch"])
async def test_brokers_that_are_away_ask_for_another_try(stream: Stream, body: Any) -> None:
    away: Publishing = Away()
    async with door(stream, stream.with_publisher(away)) as http:
        answer = await post(http, body, BATCH if isinstance(body, list) else STRUCTURED)
    assert (answer.status_code, answer.json()["reason"]) == (503, "broker_unavailable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert "10.0.0.1" not in answer.text
    assert await stream.letters() == []


def signed(key: str) -> tuple[bytes, dict[str, str]]:
    envelope = Envelope(envelope_id="e-1", deal_id="D-1", signer="bo@x.example", sent_at=AT, completed_at=AT)
    body = docusign.message(envelope, "completed", AT)
    return body, docusign.signature_headers(body, [key])


async def test_docusign_is_answered_when_the_brokers_have_it(stream: Stream, http: httpx.AsyncClient) -> None:
    body, headers = signed(stream.secrets.docusign_keys[0])
    answers = [await http.post("/webhooks/docusign/acme", content=body, headers=headers) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"outcome": "published"})
    ] * 2
    first, second = await stream.read(catalog.CONTRACTS)
    assert first.key == second.key == b"acme/D-1"
    async with ingesting(stream) as task:

        async def all_read() -> bool:
            return sum((await stream.stored()).values()) == 2

        await stream.until(all_read, task)
    (recorded,) = await stream.log()
    assert (recorded.event.type, recorded.event.payload.at) == (catalog.CONTRACT_SIGNED, AT)
    async with door(stream, stream.services) as embedded:
        again = await embedded.post("/webhooks/docusign/acme", content=body, headers=headers)
    assert again.json() == {"outcome": "duplicate", "position": 1}


async def test_docusign_retries_messages_that_the_brokers_did_not_store(stream: Stream) -> None:
    body, headers = signed(stream.secrets.docusign_keys[0])
    async with door(stream, stream.with_publisher(Away())) as http:
        answer = await http.post("/webhooks/docusign/acme", content=body, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (503, "broker_unavailable")
        refused = await http.post("/webhooks/docusign/acme", content=body, headers={})
        assert refused.status_code == 401


async def test_changes_in_quickbooks_are_answered_when_the_brokers_have_them(stream: Stream) -> None:
    services = await with_company(stream, stream.with_publisher())
    body, headers = noticed("1", "2")
    async with door(stream, services) as http:
        answers = [await http.post("/webhooks/quickbooks", content=body, headers=headers) for _ in range(2)]
    assert [(answer.status_code, answer.json()["published"]) for answer in answers] == [(200, 2)] * 2
    assert {message.key for message in await stream.read(catalog.CHANGES)} == {
        b"acme/Invoice/1",
        b"acme/Invoice/2",
    }
    async with ingesting(stream) as task:

        async def all_read() -> bool:
            return sum((await stream.stored()).values()) == 4

        await stream.until(all_read, task)
    recorded = [each.event for each in await stream.log()]
    assert {event.type for event in recorded} == {catalog.QUICKBOOKS_CHANGED}
    assert sorted(event.payload.entity_id for event in recorded) == ["1", "2"]
    async with door(stream, await with_company(stream, stream.services)) as embedded:
        again = await embedded.post("/webhooks/quickbooks", content=body, headers=headers)
    assert again.json()["duplicate"] == 2
    assert await stream.letters() == []


async def test_intuit_retries_changes_that_the_brokers_did_not_store(stream: Stream) -> None:
    body, headers = noticed("1")
    async with door(stream, await with_company(stream, stream.with_publisher(Away()))) as http:
        answer = await http.post("/webhooks/quickbooks", content=body, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (503, "broker_unavailable")


async def with_company(stream: Stream, services: Services) -> Services:
    """Connect a company to the workspace, and take its notices."""
    until = datetime.now(UTC) + timedelta(days=1)
    granted = TokenSet("access", "refresh", until, until)
    sealed = services.vault.seal(b"not read", "realm:310687")
    await stream.services.database.transaction(
        tokens.put, realm="310687", workspace="acme", sealed=sealed, of=granted, now=datetime.now(UTC)
    )
    settings = {"quickbooks_verifier_token": SecretStr("verify_me")}
    return msgspec.structs.replace(services, environment=services.environment.model_copy(update=settings))


def noticed(*ids: str) -> tuple[bytes, dict[str, str]]:
    changes = [Change(AT, "Invoice", each, "Update", "2") for each in ids]
    told = [Notice("310687", change, f"notice {change.identifier}", nanoseconds=7) for change in changes]
    body = quickbooks.cloud_events(told, "app")
    return body, quickbooks.headers(body, "verify_me", AT, "trace")


@pytest.mark.parametrize(
    ("body", "reason", "detail", "published"),
    [
        ([stories.deal("D-7"), {"no": "event"}], "partly_stored", "1 of 2 events are stored. The others", 1),
        ([{"no": "event"}], "database_unavailable", "Nothing was stored.", 0),
    ],
    ids=["some", "none"],
)
async def test_without_the_database_the_answer_states_the_stored_events(
    stream: Stream, body: Any, reason: str, detail: str, published: int
) -> None:
    class Away:
        async def transaction(self, *_: Any) -> Any:
            raise DatabaseUnavailable("away")

        async def read(self, *given: Any) -> Any:
            return await stream.services.database.read(*given)

        async def close(self) -> None:
            """Do nothing."""

    services = msgspec.structs.replace(stream.with_publisher(), database=cast("Database", Away()))
    async with door(stream, services) as http:
        answer = await post(http, body, BATCH)
    assert (answer.status_code, answer.json()["reason"]) == (503, reason)
    assert answer.json()["detail"].startswith(detail)
    assert int(answer.headers["retry-after"]) > 0
    assert len(await stream.read(catalog.DEALS)) == published
