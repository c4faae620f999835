"""The front door's answers to accepted and refused requests."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.errors import DatabaseUnavailable
from events.log.dead_letters import headers_of, listed
from events.log.tables import dead_letters
from tests import stories
from tests.world import World
from worker.demo.doors import Secrets
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Envelope
from worker.web.app import create_app

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
AT = datetime(2026, 5, 2, 12, 0, 0, 123456, tzinfo=UTC)


@pytest_asyncio.fixture
async def secrets(world: World) -> Secrets:
    return await world.add_workspace("acme")


@pytest_asyncio.fixture
async def http(world: World, secrets: Secrets) -> AsyncIterator[httpx.AsyncClient]:
    app: Any = create_app(world.services, world.gateway)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://worker.test",
        headers={"authorization": f"Bearer {secrets.token}"},
    ) as client:
        yield client


async def post(
    http: httpx.AsyncClient, body: Any, content_type: str = STRUCTURED, **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await http.post("/events", content=content, headers={"content-type": content_type, **headers})


def problem(response: httpx.Response) -> tuple[int, str, str | None]:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["detail"]
    return response.status_code, body["reason"], body.get("field")


async def test_an_event_is_the_same_in_every_form(http: httpx.AsyncClient) -> None:
    event = stories.deal()
    first = await post(http, event)
    assert (first.status_code, first.json()["outcome"]) == (202, "appended")
    binary = {f"ce-{name}": value for name, value in event.items() if name != "data"}
    again = await post(http, event["data"], "application/json", **binary)
    assert (again.status_code, again.json()["outcome"]) == (202, "duplicate")
    batch = await post(http, [event, stories.account()], BATCH)
    assert batch.json() == {"appended": 1, "duplicate": 1, "conflict": 0, "dead": 0}


async def test_a_header_may_be_percent_encoded(http: httpx.AsyncClient, world: World) -> None:
    event = stories.deal()
    binary = {f"ce-{name}": value for name, value in event.items() if name != "data"} | {
        "ce-source": "urn:caf%C3%A9"
    }
    await post(http, event["data"], "application/json", **binary)
    assert (await world.log())[-1].event.source == "urn:café"


def in_headers(event: dict[str, Any], **changed: bytes) -> list[tuple[bytes, bytes]]:
    values = {name: value.encode() for name, value in event.items() if name != "data"} | changed
    return [(f"ce-{name}".encode(), value) for name, value in values.items()]


async def post_binary(
    http: httpx.AsyncClient, headers: Any, data: Any, kind: bytes = b"application/json"
) -> Any:
    content = json.dumps(data).encode()
    return await http.post("/events", content=content, headers=[(b"content-type", kind), *headers])


async def test_two_ids_never_become_one(http: httpx.AsyncClient, world: World) -> None:
    event = stories.deal()
    for raw in (b"x%FF", b"x%FE", b"x\xff", b"x%4", b'"x'):
        answer = await post_binary(http, in_headers(event, id=raw), event["data"])
        assert problem(answer)[::2] == (422, "ce-id")
    assert len(await world.services.database.read(listed, "acme")) == 5
    for same in (b"caf%C3%A9 1", "caf\u00e9 1".encode(), '"caf\u00e9 1"'.encode(), b'"caf%c3%a9%201"'):
        answer = await post_binary(http, in_headers(event, id=same), event["data"])
        assert answer.status_code == 202
    assert [recorded.event.id for recorded in await world.log()] == ["caf\u00e9 1"]


@pytest.mark.parametrize(
    "kind", [b"application/json; charset=utf-8", b"application/vnd.crm.deal+json", b"text/json", b""]
)
async def test_data_in_any_kind_of_json_is_read(http: httpx.AsyncClient, kind: bytes) -> None:
    event = stories.deal()
    assert (await post_binary(http, in_headers(event), event["data"], kind)).status_code == 202
    again = await http.post("/events", content=json.dumps(event), headers={"content-type": kind.decode()})
    assert again.json()["outcome"] == "duplicate"


async def test_the_content_type_determines_the_mode(http: httpx.AsyncClient) -> None:
    event = stories.deal()
    unused = in_headers({**event, "id": "unused"})
    answer = await post_binary(http, unused, event, b"Application/CloudEvents+JSON; charset=utf-8")
    assert answer.json()["outcome"] == "appended"
    assert (await post(http, event)).json()["outcome"] == "duplicate"
    for kind in (b"application/cloudevents+avro", b"application/cloudevents-batch+avro", b"text/plain"):
        refused = problem(await post_binary(http, [], event, kind))
        assert refused == (422, "content_type_unsupported", "content-type")
    refused = problem(await post_binary(http, unused, event, b"text/plain"))
    assert refused == (422, "content_type_unsupported", "datacontenttype")


async def test_a_repeated_header_is_refused(http: httpx.AsyncClient) -> None:
    event = stories.deal()
    assert problem(await post_binary(http, [*in_headers(event), (b"CE-Id", b"2")], event["data"])) == (
        422,
        "schema_invalid",
        "ce-id",
    )


async def test_a_batch_may_begin_with_a_byte_order_mark(http: httpx.AsyncClient) -> None:
    content = json.dumps([stories.deal()]).encode("utf-8-sig")
    for kind in (BATCH, STRUCTURED, "application/json"):
        assert (await post(http, content, kind)).status_code == 202


async def test_a_dead_letter_has_its_events_headers_but_never_a_token(
    http: httpx.AsyncClient, world: World
) -> None:
    attributes = {"ce-id": "1", "ce-source": "urn:caf%C3%A9", "ce-type": "nonsense", "ce-specversion": "1.0"}
    await post(http, {}, "application/json", **attributes)
    column = dead_letters.c.headers
    [encoded] = await world.services.database.read(lambda c: c.scalars(sa.select(column)).all())
    assert dict(headers_of(encoded)) == {
        name: value.encode() for name, value in {**attributes, "content-type": "application/json"}.items()
    }


def without(event: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != name}


def line(**fields: Any) -> dict[str, Any]:
    return stories.deal(quote={**stories.QUOTE, "lines": [{**stories.LINE, **fields}]})


REFUSED: list[tuple[Any, tuple[int, str, str | None]]] = [
    (b'{"specversion":', (422, "undecodable", None)),
    (b"\xff\xfe{}", (422, "undecodable", None)),
    (b'{"a":NaN}', (422, "undecodable", None)),
    (b'{"a":"\\ud800"}', (422, "undecodable", None)),
    (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", (422, "nesting_too_deep", None)),
    (b'{"a":1e99999999999999999999}', (422, "value_out_of_range", None)),
    (json.dumps(stories.deal(name="a\0b")).encode(), (422, "text_invalid", None)),
    (without(stories.deal(), "data"), (422, "schema_invalid", "data")),
    (without(stories.deal(), "id"), (422, "schema_invalid", "id")),
    (without(stories.deal(), "type"), (422, "schema_invalid", "type")),
    (stories.account(name=None), (422, "schema_invalid", "data.name")),
    ({**stories.deal(), "source": "urn:coeffection:quote-to-cash"}, (422, "source_reserved", "source")),
    ({**stories.deal(), "specversion": "0.3"}, (422, "schema_invalid", "specversion")),
    ({**stories.deal(), "time": "yesterday"}, (422, "schema_invalid", "time")),
    ({**stories.deal(), "type": "com.coeffection.deal.updated.v9"}, (422, "version_unknown", "type")),
    ({**stories.deal(), "type": "com.coeffection.deal.eaten.v1"}, (422, "type_unknown", "type")),
    ({**stories.deal(), "type": "com.coeffection.invoice.created.v1"}, (422, "type_not_accepted", "type")),
    ({**stories.deal(), "datacontenttype": "text/xml"}, (422, "content_type_unsupported", "datacontenttype")),
    (stories.deal(stage="won"), (422, "schema_invalid", "data.stage")),
    (stories.deal(revision="four"), (422, "schema_invalid", "data.revision")),
    (line(quantity=True), (422, "schema_invalid", "data.quote.lines[0].quantity")),
    (line(quantity="NaN"), (422, "schema_invalid", "data.quote.lines[0].quantity")),
    (line(unit_price="1e3"), (422, "schema_invalid", "data.quote.lines[0].unit_price")),
    (line(discount={"kind": "half"}), (422, "schema_invalid", "data.quote.lines[0].discount")),
    (line(discount={"percent": "101"}), (422, "schema_invalid", "data.quote.lines[0].discount.percent")),
    ({**stories.deal(), "workspace": "bolt"}, (403, "workspace_mismatch", "workspace")),
]


@pytest.mark.parametrize(("body", "answer"), REFUSED, ids=range(len(REFUSED)))
async def test_an_unusable_event_is_named_and_stored(
    http: httpx.AsyncClient, world: World, body: Any, answer: tuple[int, str, str | None]
) -> None:
    assert problem(await post(http, body)) == answer
    [letter] = await world.services.database.read(listed, "acme")
    assert (letter["reason"], letter["field"]) == answer[1:]
    assert await world.log() == []


async def test_a_deal_of_which_nothing_could_be_used_is_explained(http: httpx.AsyncClient) -> None:
    event = stories.deal("D-1", stage="won")
    await post(http, event)
    await post_binary(http, in_headers({**event, "subject": "caf\u00e9"}), {"deal": None})
    for deal, field in (("D-1", "data.stage"), ("caf%C3%A9", "data.deal_id")):
        found = (await http.get(f"/api/v1/deals/{deal}/explanation")).json()
        assert (found["stage"], found["events"]) == ("unknown", [])
        assert [(letter["field"], letter["seen"]) for letter in found["dead_letters"]] == [(field, 1)]
    assert problem(await http.get("/api/v1/deals/D-9/explanation"))[:2] == (404, "deal_unknown")


async def test_an_identity_with_other_content_is_a_conflict(http: httpx.AsyncClient) -> None:
    await post(http, stories.deal())
    assert problem(await post(http, {**stories.deal(name="Other"), "id": stories.deal()["id"]})) == (
        409,
        "identity_conflict",
        "id",
    )


async def test_of_a_batch_valid_events_are_stored_and_invalid_ones_named(
    http: httpx.AsyncClient, world: World
) -> None:
    answer = await post(http, [stories.deal(), {"x": 1}, stories.account(), stories.deal(stage="won")], BATCH)
    assert problem(answer) == (422, "batch_partly_unusable", None)
    body = answer.json()
    assert [(error["index"], error["field"]) for error in body["errors"]] == [(1, "data"), (3, "data.stage")]
    assert (body["appended"], body["dead"]) == (2, 2)
    assert len(await world.log()) == 2


async def test_a_batch_with_conflicts_only_is_a_conflict(http: httpx.AsyncClient) -> None:
    await post(http, stories.deal())
    other = {**stories.deal(name="Other"), "id": stories.deal()["id"]}
    assert problem(await post(http, [other], BATCH))[0] == 409


async def test_a_too_large_request_gets_413(http: httpx.AsyncClient) -> None:
    assert problem(await post(http, b" " * (1024 * 1024 + 1)))[:2] == (413, "too_large")


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer nobody", "Basic abc"])
async def test_a_request_without_a_token_is_refused(http: httpx.AsyncClient, authorization: str) -> None:
    answer = await http.post("/events", json=stories.deal(), headers={"authorization": authorization})
    assert problem(answer)[0] == 401


async def test_a_database_that_is_down_asks_for_another_try(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("disk full")

    monkeypatch.setattr(world.services.database, "transaction", down)
    answer = await post(http, stories.deal())
    assert problem(answer)[:2] == (503, "database_unavailable")
    assert "disk" not in answer.text


def envelope(**fields: Any) -> Envelope:
    return Envelope(
        **{"envelope_id": "e-1", "deal_id": "D-1", "signer": "bo@x.example", "sent_at": AT, **fields}
    )


async def deliver(
    http: httpx.AsyncClient, body: bytes, *keys: str, workspace: str = "acme"
) -> httpx.Response:
    headers = docusign.signature_headers(body, keys)
    return await http.post(f"/webhooks/docusign/{workspace}", content=body, headers=headers)


async def test_docusign_is_stored_before_it_is_answered_and_retries_are_one_event(
    http: httpx.AsyncClient, world: World, secrets: Secrets
) -> None:
    for retry in range(3):
        body = docusign.message(envelope(completed_at=AT), "completed", datetime.now(UTC), retry)
        answer = await deliver(http, body, "an older key", secrets.docusign_keys[0])
        assert answer.status_code == 200
    [recorded] = await world.log()
    assert recorded.event.payload.deal_id == "D-1"
    assert recorded.event.payload.at == AT
    assert recorded.event.type == "com.coeffection.contract.signed.v1"


@pytest.mark.parametrize(
    ("status", "fields", "reason"),
    [
        ("declined", {"declined_at": AT, "reason": "too dear"}, "too dear"),
        ("voided", {"voided_at": AT, "reason": "oops"}, "oops"),
    ],
)
async def test_docusigns_door_answers_with_the_reason(
    http: httpx.AsyncClient,
    world: World,
    secrets: Secrets,
    status: Any,
    fields: dict[str, Any],
    reason: str,
) -> None:
    await deliver(http, docusign.message(envelope(**fields), status, AT), secrets.docusign_keys[0])
    assert (await world.log())[0].event.payload.reason == reason


SUMMARY = "data.envelopeSummary"
UNFIT: list[tuple[str, Any, str]] = [
    (f"{SUMMARY}.sentDateTime", "0001-01-01T00:00:00+14:00", "value_out_of_range"),
    (f"{SUMMARY}.sentDateTime", "9999-12-31T23:59:59-14:00", "value_out_of_range"),
    (f"{SUMMARY}.sentDateTime", "yesterday", "schema_invalid"),
    (f"{SUMMARY}.customFields", ["x"], "schema_invalid"),
    ("data.accountId", ["x"], "schema_invalid"),
    ("data.accountId", "x" * 5000, "schema_invalid"),
]


async def test_docusign_signers_may_be_anything(
    http: httpx.AsyncClient, world: World, secrets: Secrets
) -> None:
    message = json.loads(docusign.message(envelope(declined_at=AT), "declined", AT))
    message["data"]["envelopeSummary"]["recipients"] = {"signers": 5}
    assert (await deliver(http, json.dumps(message).encode(), secrets.docusign_keys[0])).status_code == 200
    assert (await world.log())[0].event.payload.reason is None


async def test_unusable_docusign_messages_are_refused_with_the_reason(
    http: httpx.AsyncClient, secrets: Secrets
) -> None:
    body = docusign.message(envelope(), "sent", AT)
    assert problem(await deliver(http, body, "wrong"))[:2] == (401, "signature_invalid")
    assert problem(await deliver(http, body))[:2] == (401, "signature_invalid")
    assert problem(await deliver(http, body, secrets.docusign_keys[0], workspace="nobody"))[:2] == (
        404,
        "workspace_unknown",
    )
    nameless = json.loads(body)
    del nameless["data"]["envelopeSummary"]["customFields"]
    answer = await deliver(http, json.dumps(nameless).encode(), secrets.docusign_keys[0])
    assert problem(answer)[:2] == (422, "deal_id_missing")
    assert problem(await deliver(http, b"{", secrets.docusign_keys[0]))[:2] == (422, "undecodable")
    for path, value, reason in UNFIT:
        message = json.loads(body)
        (message["data"] if path == "data.accountId" else message["data"]["envelopeSummary"])[
            path.rpartition(".")[2]
        ] = value
        answer = await deliver(http, json.dumps(message).encode(), secrets.docusign_keys[0])
        assert problem(answer) == (422, reason, path)
    recipient = {**json.loads(body), "event": "recipient-completed"}
    answer = await deliver(http, json.dumps(recipient).encode(), secrets.docusign_keys[0])
    assert (answer.status_code, answer.json()) == (200, {"outcome": "ignored"})


@pytest.mark.usefixtures("ready_to_read")
async def test_feeds_return_outgoing_events_page_by_page(http: httpx.AsyncClient) -> None:
    page = (await http.get("/feeds/crm.deal-updates.v1", params={"limit": 1})).json()
    [event] = page["events"]
    assert event["type"] == "com.coeffection.deal.closed-won.v1"
    assert event["workspace"] == "acme"
    rest = (await http.get("/feeds/crm.deal-updates.v1", params={"after": page["next"]})).json()
    assert rest["events"][-1]["type"] == "com.coeffection.deal.invoice-held.v1"
    end = (await http.get("/feeds/crm.deal-updates.v1", params={"after": rest["next"], "wait": 0.5})).json()
    assert end == {"topic": "crm.deal-updates.v1", "events": [], "next": rest["next"]}
    assert problem(await http.get("/feeds/secrets"))[:2] == (404, "topic_unknown")


@pytest_asyncio.fixture
async def ready_to_read(world: World, secrets: Secrets) -> World:
    assert secrets.token
    await world.send(*stories.signed_deal())
    await world.settle()
    return world


async def test_the_api_reads_and_acts(http: httpx.AsyncClient, ready_to_read: World) -> None:
    [row] = (await http.get("/api/v1/deals")).json()["items"]
    assert (row["deal"], row["stage"], row["gate"]) == ("D-1", "closed_won", "auto_invoice_off")
    assert row["gates"][0]["gate"] == "auto_invoice_off"
    explanation = (await http.get("/api/v1/deals/D-1/explanation")).json()
    assert explanation["first_unmet"] == "auto_invoice_off"
    assert problem(await http.get("/api/v1/deals/D-9/explanation"))[:2] == (404, "deal_unknown")
    answer = await http.post("/api/v1/settings", json={"changes": {"auto_invoice": "perhaps"}})
    assert problem(answer)[:2] == (422, "setting_invalid")
    planned = await http.post("/api/v1/settings/effects", json={"changes": {"customer_sync": "both"}})
    counts = {"customers_created": 0, "customers_updated": 0, "accounts_offered": 0, "accounts_updated": 0}
    assert (planned.status_code, planned.json()) == (200, {**counts, "is_estimate": False, "notes": []})
    unfit = await http.post("/api/v1/settings/effects", json={"changes": {"customer_sync": "maybe"}})
    assert (unfit.status_code, unfit.json()["reason"]) == (422, "setting_invalid")
    assert (await http.post("/api/v1/settings", json={"changes": {"auto_invoice": "yes"}})).status_code == 202
    shown = {row["key"]: row["value"] for row in (await http.get("/api/v1/settings")).json()["items"]}
    await ready_to_read.settle()
    shown = {row["key"]: row["value"] for row in (await http.get("/api/v1/settings")).json()["items"]}
    assert shown["auto_invoice"] is True
    [memo] = [row for row in (await http.get("/api/v1/settings")).json()["items"] if row["key"] == "memo"]
    assert (memo["value"], memo["kind"], memo["label"]) == (memo["default"], "memo", "Memo")
    assert (await http.post("/api/v1/mappings/accounts/A-1", json={"target": "7"})).status_code == 202
    assert (await http.post("/api/v1/mappings/products/P-1", json={})).status_code == 202
    assert (await http.post("/api/v1/deals/D-1/invoice")).status_code == 202
    await ready_to_read.settle()
    statuses = {
        (row["kind"], row["id"]): row["status"]
        for row in (await http.get("/api/v1/mappings")).json()["items"]
    }
    assert statuses == {("account", "A-1"): "mapped", ("product", "P-1"): "requested"}
    assert any(
        "mapped this account" in row["message"] for row in (await http.get("/api/v1/log")).json()["items"]
    )


LONG = "x" * 200
UNFIT_ACTIONS: list[tuple[str, Any, tuple[int, str, str | None]]] = [
    (f"mappings/accounts/{LONG}", {}, (422, "schema_invalid", "account_id")),
    (f"mappings/accounts/{LONG}", {"target": "9"}, (422, "schema_invalid", "account_id")),
    (f"mappings/products/{LONG}", {}, (422, "schema_invalid", "product_id")),
    ("mappings/accounts/A-7", {"target": "9", "currency": "dollars"}, (422, "schema_invalid", "currency")),
    ("mappings/accounts/A-7", {"target": "x" * 129}, (422, "schema_invalid", "target")),
    ("mappings/products/P-7", {"target": ""}, (422, "schema_invalid", "target")),
    ("mappings/products/P-7", [], (422, "schema_invalid", "body")),
    ("mappings/products/P-7", None, (422, "schema_invalid", "body")),
    (f"deals/{LONG}/invoice", None, (422, "schema_invalid", "deal_id")),
    ("deals/a%0Ab/invoice", None, (422, "schema_invalid", "deal_id")),
    ("deals/NOPE/invoice", None, (404, "deal_unknown", None)),
    ("settings", {"changes": {"memo": "a\0b"}}, (422, "text_invalid", "changes")),
    ("settings", {"changes": {"memo": "x"}, "why": "\0"}, (422, "text_invalid", "why")),
    ("settings", {}, (422, "schema_invalid", "changes")),
]


@pytest.mark.parametrize(("path", "body", "answer"), UNFIT_ACTIONS, ids=range(len(UNFIT_ACTIONS)))
async def test_an_invalid_action_leaves_no_event(
    http: httpx.AsyncClient, world: World, path: str, body: Any, answer: tuple[int, str, str | None]
) -> None:
    content = None if body is None else json.dumps(body).encode()
    assert problem(await http.post(f"/api/v1/{path}", content=content)) == answer
    assert await world.log() == []
    await world.follow()


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/feeds/crm.deal-updates.v1?after=99999999999999999999999", "after"),
        ("/feeds/crm.deal-updates.v1?after=x", "after"),
        ("/feeds/crm.deal-updates.v1?limit=0", "limit"),
        ("/feeds/crm.deal-updates.v1?wait=nan", "wait"),
        ("/api/v1/deals?limit=1001", "limit"),
        ("/api/v1/log?after=99999999999999999999999", "after"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(
    http: httpx.AsyncClient, address: str, field: str
) -> None:
    assert problem(await http.get(address)) == (400, "parameter_invalid", field)


@pytest.mark.usefixtures("ready_to_read")
async def test_live_and_ready_processes_say_so(http: httpx.AsyncClient) -> None:
    assert (await http.get("/livez")).json() == {"live": True}
    assert (await http.get("/readyz")).json() == {"ready": True}
    assert (await http.get("/api/v1/schema/openapi.json")).json()["openapi"].startswith("3.1")
    assert problem(await http.get("/nowhere"))[0] == 404
