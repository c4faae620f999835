"""Junk at the front door is refused before it is decoded, limited, and never delays valid events."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from events.contract import json as event_json
from events.log.dead_letters import LetterSelection, listed
from tests import stories
from tests.world import World
from worker.actions import dead_letters
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Envelope
from worker.web.app import create_app

BATCH = "application/cloudevents-batch+json"
MIB = 1024 * 1024


@pytest_asyncio.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The door of an installation with a limit of three dead letters."""
    environment = world.services.environment.model_copy(update={"dead_letters_max": 3})
    world.services = msgspec.structs.replace(world.services, environment=environment)
    secrets = await world.add_workspace("acme")
    app: Any = create_app(world.services, world.gateway)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://worker.test",
        headers={"authorization": f"Bearer {secrets.token}"},
    ) as client:
        yield client


async def post(http: httpx.AsyncClient, body: Any, content_type: str = BATCH) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await http.post("/events", content=content, headers={"content-type": content_type})


async def stored_letters(world: World) -> list[dict[str, Any]]:
    return await world.services.database.read(listed, "acme")


@pytest.mark.parametrize("unit", [b"1,", b"{},", b"[[[[]]]],", b'"ab",'])
async def test_a_batch_of_more_than_a_thousand_is_refused_whole(
    http: httpx.AsyncClient, world: World, unit: bytes
) -> None:
    good = json.dumps(stories.deal()).encode() + b","
    for body in (b"[" + good + unit * 1000 + b"1]", b"[" + good + unit * (MIB // len(unit) - 2000)):
        answer = await post(http, body[:MIB])
        assert (answer.status_code, answer.json()["reason"]) == (413, "too_many_events")
        assert "several" in answer.json()["detail"]
    assert await world.log() == []
    assert await stored_letters(world) == []


async def test_a_batch_of_a_thousand_events_is_accepted(http: httpx.AsyncClient) -> None:
    answer = await post(http, [stories.account(f"A-{number}") for number in range(1000)])
    assert (answer.status_code, answer.json()["appended"]) == (202, 1000)


async def test_an_event_of_too_many_values_is_a_dead_letter(http: httpx.AsyncClient) -> None:
    event = {**stories.deal(), "x": [0] * event_json.VALUES_MAX}
    answer = await post(http, event, "application/cloudevents+json")
    assert (answer.status_code, answer.json()["reason"]) == (422, "too_many_values")


async def test_the_first_errors_are_named_and_the_rest_counted(http: httpx.AsyncClient) -> None:
    answer = (await post(http, [{"x": 1}] * 700)).json()  # equal messages are one dead letter
    assert (answer["reason"], answer["errors_total"], answer["dead"]) == ("batch_partly_unusable", 700, 700)
    assert [error["index"] for error in answer["errors"]] == list(range(20))


async def test_where_there_is_no_room_good_events_are_stored_and_bad_ones_stay_with_their_sender(
    http: httpx.AsyncClient, world: World
) -> None:
    assert (await post(http, [{"x": number} for number in range(3)])).json()[
        "reason"
    ] == "batch_partly_unusable"
    with capture_logs() as said:
        full = await post(http, [stories.deal(), {"x": 3}, {"x": 0}, stories.account()])
    assert (full.status_code, full.headers["retry-after"]) == (429, "60")
    body = full.json()
    assert body["reason"] == "dead_letters_full"
    assert (body["appended"], body["dead"], body["refused"], body["errors_total"]) == (2, 1, 1, 2)
    assert [(error["index"], error.get("kept", True)) for error in body["errors"]] == [(1, False), (2, True)]
    assert "discard" in body["detail"]
    assert len(await world.log()) == 2
    [alarm] = [line for line in said if line["event"] == "dead_letters.full"]
    assert (alarm["log_level"], alarm["workspace"], alarm["refused"]) == ("error", "acme", 1)

    one = await post(http, {"x": 4}, "application/json")
    assert (one.status_code, one.json()["reason"], one.headers["retry-after"]) == (
        429,
        "dead_letters_full",
        "60",
    )
    assert one.json()["cause"]["reason"] == "schema_invalid"
    assert (await post(http, [{"x": 1}])).status_code == 422, "it is kept already"
    assert (await post(http, stories.deal("D-2"), "application/json")).status_code == 202

    await world.services.database.read(dead_letters.measure)
    assert REGISTRY.get_sample_value("q2c_dead_letters_full", {"workspace": "acme"}) == 1
    done = await dead_letters.discard(world.services, LetterSelection("acme"), "ada", "junk of a test")
    assert done.discarded == 3
    assert (await post(http, {"x": 4}, "application/json")).status_code == 422
    await world.services.database.read(dead_letters.measure)
    assert REGISTRY.get_sample_value("q2c_dead_letters_full", {"workspace": "acme"}) == 0
    last = (await world.log())[-1].event
    assert (last.type, last.payload.count, last.payload.by, last.payload.why) == (
        "com.coeffection.dead-letters.discarded.v1",
        3,
        "ada",
        "junk of a test",
    )


async def test_docusign_is_asked_to_retry_messages_that_are_not_stored(
    http: httpx.AsyncClient, world: World
) -> None:
    await post(http, [{"x": number} for number in range(3)])
    now = world.clock.now()
    envelope = Envelope("E-1", "D-1", "ada@example.com", now, completed_at=now)
    message = docusign.message(envelope, "completed", now)
    bad = message.replace(b"envelope-completed", b"envelope-unheard-of")
    headers = docusign.signature_headers(bad, world.sandbox.docusign_keys)
    answer = await http.post("/webhooks/docusign/acme", content=bad, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (429, "dead_letters_full")
    assert answer.json()["cause"]["reason"] == "type_unknown"
