"""The control API of subscriptions and envelopes."""

import pytest

from tests.worker.sandbox.app import App, decoded, invoice
from tests.worker.sandbox.webhooks.line import URL

QUICKBOOKS = {"kind": "quickbooks", "url": URL}
DOCUSIGN = {"kind": "docusign", "url": URL}


def test_subscriptions_are_listed_changed_and_removed(app: App) -> None:
    first = decoded(app.control("subscriptions", {**QUICKBOOKS, "form": "classic"}))
    second = decoded(app.control("subscriptions", DOCUSIGN))
    assert (first["number"], first["form"], first["log"]) == (1, "classic", [])
    assert decoded(app.control("subscriptions", method="GET")) == {"subscriptions": [first, second]}
    changed = decoded(app.control("subscriptions/1", QUICKBOOKS))
    assert changed == decoded(app.control("subscriptions/1", method="GET"))
    assert changed["form"] == "cloud_events"
    assert decoded(app.control("subscriptions/1", method="DELETE")) == {"subscriptions": [second]}
    assert app.control("subscriptions/1", method="GET").status == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"url": URL}, "`kind`"),
        ({**QUICKBOOKS, "kind": "xero"}, "$.kind"),
        ({**QUICKBOOKS, "url": "ftp://x"}, "$.url"),
        ({**QUICKBOOKS, "entities": ["TaxCode"]}, "announces no TaxCode"),
        ({**QUICKBOOKS, "mishaps": {"probability": {"lost": 2}}}, "$.mishaps.probability"),
        ({**QUICKBOOKS, "retries": "documented"}, "`retries`"),
        ({**DOCUSIGN, "form": "classic"}, "$.form"),
    ],
)
def test_an_impossible_subscription_is_refused(app: App, body: dict[str, object], says: str) -> None:
    reply = app.control("subscriptions", body)
    assert reply.status == 400
    assert says in decoded(reply)["error"]
    assert decoded(app.control("subscriptions", method="GET")) == {"subscriptions": []}


def test_a_subscription_keeps_its_kind(app: App) -> None:
    app.control("subscriptions", QUICKBOOKS)
    assert app.control("subscriptions/1", DOCUSIGN).status == 400


def test_each_write_of_the_app_itself_is_announced_unless_it_changes_nothing(app: App) -> None:
    app.control("subscriptions", {**QUICKBOOKS, "delay_seconds": 0})
    made = app.made("Invoice", invoice())
    keys = {"Id": made["Id"], "SyncToken": "0"}
    app.made("Invoice", {**keys, "sparse": True, "PrivateNote": "Thanks"})
    app.made("Invoice", {**keys, "SyncToken": "1", "sparse": True, "PrivateNote": "Thanks"})
    app.made("Invoice", {**keys, "SyncToken": "1"}, operation="delete")
    app.refused("Invoice", {**keys, "SyncToken": "9"})
    [delivery] = app.sandbox.deliveries.due(app.sandbox.now())
    for operation in ("created", "updated", "deleted"):
        assert delivery.body.count(f"qbo.invoice.{operation}.v1".encode()) == 1


def test_nothing_is_announced_of_a_disconnected_company(app: App) -> None:
    app.control("subscriptions", QUICKBOOKS)
    app.control(f"disconnect/{app.company.realm}")
    assert app.call("POST", "invoice", invoice()).status == 401
    assert app.sandbox.deliveries.next_at() is None


def test_envelopes_are_created_take_steps_and_are_deleted(app: App) -> None:
    app.control("subscriptions", {**DOCUSIGN, "delay_seconds": 0})
    signers = [{"name": "Anna", "email": "anna@signer.example"}]
    made = decoded(app.control("docusign/envelopes", {"deal_id": "D-1", "signers": signers}))
    path = f"docusign/envelopes/{made['envelopeId']}"
    assert made["status"] == "sent"
    assert decoded(app.control("docusign/envelopes", method="GET"))["envelopes"] == [made]
    assert decoded(app.control(f"{path}/complete"))["status"] == "completed"
    assert app.control(f"{path}/void", {"reason": "Late"}).status == 409
    assert app.control(f"{path}/sign").status == 404
    assert app.control(path, method="DELETE").status == 200
    assert app.control(path, method="GET").status == 404
    assert len(app.sandbox.deliveries.due(app.sandbox.now())) == 8


@pytest.mark.parametrize("body", [{}, {"deal_id": "D-1", "signers": []}, {"deal_id": "D-1", "signer": "x"}])
def test_an_impossible_envelope_is_refused(app: App, body: dict[str, object]) -> None:
    assert app.control("docusign/envelopes", body).status == 400
    assert app.sandbox.envelopes.all == {}
