"""Webhooks on demand: signed DocuSign messages that the worker's own door takes."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import httpx
import pytest

from events.contract.contracts import ContractChanged
from events.errors import InvalidEvent
from tests.fakes import FakeClock
from tests.worker.sandbox.app import App, decoded
from tests.worker.sandbox.sockets import receiving, served
from worker.docusign.connect import read_message
from worker.docusign.signatures import is_signed
from worker.sandbox.messages import Delivery
from worker.sandbox.transport import SandboxTransport
from worker.sandbox.webhooks import on_demand
from worker.sandbox.webhooks.envelope import Status

URL = "http://worker.test/webhooks/docusign/acme"
STATUSES: tuple[Status, ...] = get_args(Status)
TYPES = ("sent", "delivered", "signed", "declined", "voided")


def asked(**changes: object) -> dict[str, Any]:
    return {"url": URL, "kind": "docusign", "deal_id": "D-1", "status": "completed", **changes}


def delivery(app: App, **changes: object) -> Delivery:
    reply = app.control("webhooks", asked(**changes))
    assert reply.delivery is not None, reply.body
    return reply.delivery


def read(sent: Delivery) -> tuple[str, ContractChanged]:
    event = read_message(sent.body, workspace="acme")
    assert isinstance(event.payload, ContractChanged)
    return event.type.split(".")[-2], event.payload


@pytest.mark.parametrize(("status", "kind"), [*zip(STATUSES, TYPES, strict=True)])
def test_every_status_is_read_by_the_worker(app: App, status: Status, kind: str) -> None:
    told = {"contract_id": "C-7", "sent_at": "2026-05-01T10:00:00Z", "at": "2026-05-02T12:00:00+02:00"}
    found, contract = read(delivery(app, status=status, reason="Too dear", **told))
    assert found == kind
    assert (contract.contract_id, contract.deal_id) == ("C-7", "D-1")
    assert contract.at == datetime(2026, 5, 2, 10, tzinfo=UTC)
    sent_at = contract.at if status == "sent" else datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert contract.sent_at == sent_at
    assert contract.reason == ("Too dear" if status in {"declined", "voided"} else None)


def test_parts_that_the_configuration_leaves_out(app: App) -> None:
    app.control("clock", {"advance_seconds": 60})
    sent = delivery(app)
    _, contract = read(sent)
    assert contract.at == contract.sent_at == app.sandbox.now()
    assert read(delivery(app, status="voided"))[1].contract_id == contract.contract_id
    assert read(delivery(app, deal_id="D-2"))[1].contract_id != contract.contract_id
    assert json.loads(sent.body)["retryCount"] == 0
    assert json.loads(delivery(app, retry_count=3).body)["retryCount"] == 3


def test_signed_with_the_sandboxes_key_or_the_one_given(app: App) -> None:
    sent, other = delivery(app), delivery(app, key="another")
    first, second = app.sandbox.docusign_keys
    for own in (first, second):
        assert is_signed(sent.headers.items(), sent.body, [own])
    assert not is_signed(sent.headers.items(), sent.body, ["another"])
    assert is_signed(other.headers.items(), other.body, ["another"])
    assert not is_signed(other.headers.items(), other.body, [first, second])


def test_the_message_has_docusigns_own_members(app: App) -> None:
    signer = json.loads(delivery(app, status="voided").body)["data"]["envelopeSummary"]["recipients"][
        "signers"
    ][0]
    assert (signer["status"], "recipientIdGuid" in signer) == ("sent", True), (
        "it keeps the status that it had"
    )
    signed = json.loads(delivery(app).body)["data"]["envelopeSummary"]["recipients"]["signers"][0]
    assert signed["signedDateTime"]
    sent = delivery(app, document_bytes=3_000_000)
    [document] = json.loads(sent.body)["data"]["envelopeSummary"]["envelopeDocuments"]
    assert len(document["PDFBytes"]) == 4_000_000
    assert is_signed(sent.headers.items(), sent.body, app.sandbox.docusign_keys[1:])
    assert read(sent)[0] == "signed"
    assert json.loads(delivery(app, event="recipient-sent").body)["event"] == "recipient-sent"
    assert "envelopeSummary" not in json.loads(delivery(app, envelope_data=False).body)["data"]
    bare = json.loads(delivery(app, custom_fields=False).body)["data"]["envelopeSummary"]
    assert "customFields" not in bare
    for form in ("xml", "aggregate"):
        other = delivery(app, form=form, document_bytes=1000)
        assert is_signed(other.headers.items(), other.body, app.sandbox.docusign_keys)
        with pytest.raises(InvalidEvent, match="choose JSON SIM"):
            read(other)
    unsigned = delivery(app, key="").headers
    assert unsigned == {"content-type": "application/json", "user-agent": "DocuSign-Connect"}


def test_docusign_makes_its_own_keys(app: App) -> None:
    shown = decoded(app.control("docusign/keys", method="GET"))["keys"]
    assert [key["key"] for key in shown] == app.sandbox.docusign_keys
    assert all(key["key"].endswith("=") for key in shown)
    made = decoded(app.control("docusign/keys"))
    assert app.sandbox.docusign_keys == [*(key["key"] for key in shown), made["key"]]
    assert decoded(app.control(f"docusign/keys/{shown[0]['number']}", {"active": False}))["active"] is False
    assert app.sandbox.docusign_keys == [shown[1]["key"], made["key"]]
    app.control(f"docusign/keys/{shown[1]['number']}", method="DELETE")
    sent = delivery(app)
    assert is_signed(sent.headers.items(), sent.body, [made["key"]])
    assert not is_signed(sent.headers.items(), sent.body, [key["key"] for key in shown])
    for unknown in ("docusign/keys/77", "docusign/keys/x", "docusign/nothing"):
        assert app.control(unknown).status == 404
    assert app.control("docusign/keys", {"key": "mine"}).status == 400, "nobody chooses one"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        ({}, "missing required field `url`"),
        ({"url": URL}, "missing required field `kind`"),
        (asked(kind="quickbooks"), "$.kind"),
        (asked(status="signed"), "$.status"),
        (asked(deal_id=""), "$.deal_id"),
        (asked(deal_id=7), "$.deal_id"),
        (asked(dealid="D-1"), "`dealid`"),
        (asked(at="2026-05-02T12:00:00"), "$.at"),
        (asked(at="2026-05-02T12:00:00Z", sent_at="2026-05-02T12:00:01Z"), "$.sent_at"),
        (asked(retry_count=-1), "$.retry_count"),
        (asked(url="worker.test/webhooks"), "$.url"),
        (asked(url="ftp://worker.test"), "$.url"),
        (asked(url="http://"), "$.url"),
        (asked(url="http://a:b:c/"), "$.url"),
    ],
)
def test_an_impossible_wish_is_refused_by_name(app: App, body: object, says: str) -> None:
    reply = app.control("webhooks", body)
    assert (reply.status, reply.delivery) == (400, None)
    assert says in decoded(reply)["error"]


async def test_over_the_wire(app: App) -> None:
    async with served(app) as http, receiving() as (receiver, url):
        for status in (202, 401, 503):
            receiver.status = status
            answer = await http.post("/_control/webhooks", json=asked(url=f"{url}/webhooks/docusign/acme"))
            assert answer.status_code == 200
            assert answer.json() == {"status": status, "answer": "as you say"}
        assert (await http.post("/_control/webhooks", json=asked(url="x"))).status_code == 400
    assert len(receiver.taken) == 3, "each is sent once, whatever the receiver says"
    path, headers, body = receiver.taken[0]
    assert path == "/webhooks/docusign/acme"
    assert ("content-type", "application/json") in headers
    assert is_signed(headers, body, app.sandbox.docusign_keys)
    assert read_message(body, workspace="acme").type.endswith("contract.signed.v1")


async def test_in_the_same_process(app: App) -> None:
    async with receiving() as (receiver, url):
        transport = SandboxTransport(app.sandbox, FakeClock())
        async with httpx.AsyncClient(transport=transport, base_url="https://sandbox.test") as http:
            answer = await http.post("/_control/webhooks", json=asked(url=url))
    assert answer.json()["status"] == 202
    assert len(receiver.taken) == 1


async def test_a_receiver_that_does_not_answer(app: App) -> None:
    async with receiving() as (_, url):
        pass
    async with served(app) as http:
        answer = await http.post("/_control/webhooks", json=asked(url=url))
    assert answer.status_code == 502
    assert answer.json()["error"].startswith(f"{url} did not answer: ConnectError")


async def test_redirects_are_answers_too() -> None:
    def elsewhere(_: httpx.Request) -> httpx.Response:
        return httpx.Response(307, headers={"location": "http://elsewhere.test"}, text="x" * 5000)

    sent = Delivery(URL, {}, b"{}")
    reply = await on_demand.deliver(sent, transport=httpx.MockTransport(elsewhere))
    assert decoded(reply) == {"status": 307, "answer": "x" * 2000}
