"""Requests that a rule refuses on purpose: by their operation, their entities and their text."""

import pytest

from tests.worker.sandbox.app import App, decoded, invoice
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan

VOID = {"operation": "update", "include": "void"}
BATCH = {"BatchItemRequest": [{"bId": "1", "operation": "create", "Invoice": invoice()}]}


@pytest.mark.parametrize(
    ("operation", "entity", "method", "path", "body", "query"),
    [
        ("create", "Invoice", "POST", "invoice", invoice(), {}),
        ("create", "Customer", "POST", "customer", {"Id": 0, "SyncToken": 0, "DisplayName": "A"}, {}),
        ("update", "Customer", "POST", "customer", {"Id": "1", "SyncToken": "0", "sparse": True}, {}),
        ("update", "Preferences", "POST", "preferences", {"SyncToken": "0", "sparse": True}, {}),
        ("delete", "Invoice", "POST", "invoice", {"Id": "1"}, {"operation": "delete"}),
        ("void", "Invoice", "POST", "invoice", {"Id": "1"}, {"operation": "void"}),
        ("void", "Payment", "POST", "payment", {"Id": "1", "sparse": True}, VOID),
        ("send", "Invoice", "POST", "invoice/1/send", b"", {}),
        ("read", "invoice", "GET", "invoice/1", b"", {}),
        ("query", "Term", "GET", "query", b"", {"query": "select * from term"}),
        ("query", "Term", "POST", "query", b"select * from Term", {}),
        ("cdc", "Item", "GET", "cdc", b"", {"entities": "Invoice,Item", "changedSince": "2026-05-01"}),
        ("batch", "Invoice", "POST", "batch", BATCH, {}),
    ],
)
def test_a_rule_concerns_an_operation_of_an_entity(
    app: App, operation: str, entity: str, method: str, path: str, body: object, query: dict[str, str]
) -> None:
    others = [{"operations": [operation], "entities": ["Vendor"]}, {"operations": ["pdf"]}]
    assert app.control("faults", {"refusals": others[:1]}).status == 200
    assert app.control("faults", {"refusals": others}).status == 400, "there is no such operation"
    before = app.call(method, path, body, **query)
    rule = {"operations": [operation], "entities": [entity], "code": "4242"}
    app.control("faults", {"refusals": [rule]})
    refused = app.call(method, path, body, **query)
    assert decoded(refused)["Fault"]["Error"][0]["code"] == "4242"
    assert b"4242" not in before.body


def test_a_rule_holds_so_often_and_may_apply_the_write_all_the_same(app: App) -> None:
    rule = Refusal("6000", operations=("create",), containing="W-1", times=1, applied=True)
    app.sandbox.trouble.follow(Plan(refusals=(rule,)))
    app.made("Invoice", invoice(PrivateNote="W-2"))
    statuses = [app.call("POST", "invoice", invoice(PrivateNote="W-1")).status for _ in range(2)]
    assert (statuses, len(app.rows("SELECT * FROM Invoice"))) == ([400, 200], 3)
    assert app.sandbox.trouble.counts["refused"] == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"BatchItemRequest": 5}', b'{"BatchItemRequest": [5]}'])
@pytest.mark.parametrize("path", ["batch", "invoice"])
def test_a_rule_concerns_bodies_out_of_form_only_by_their_operation(app: App, path: str, body: bytes) -> None:
    app.sandbox.trouble.follow(Plan(refusals=(Refusal("4242", operations=("update",)),)))
    assert b"4242" not in app.call("POST", path, body).body


def test_a_proxys_page_has_any_status(app: App) -> None:
    for status, title in ((504, b"<title>504 Gateway Timeout</title>"), (599, b"<title>599</title>")):
        app.control("faults", {"refusals": [{"status": status, "form": "html"}]})
        reply = app.call("GET", "preferences")
        assert (reply.status, title in reply.body) == (status, True)
