"""Batches: independent items, each with its own answer."""

from typing import Any

import pytest

from tests.worker.sandbox.app import App, decoded, fault, invoice


def asked(app: App, *items: dict[str, Any], **query: str) -> dict[str, dict[str, Any]]:
    reply = app.call("POST", "batch", {"BatchItemRequest": list(items)}, **query)
    assert reply.status == 200, reply.body
    return {each["bId"]: each for each in decoded(reply)["BatchItemResponse"]}


def test_one_refused_item_does_not_concern_the_others(app: App) -> None:
    answers = asked(
        app,
        {"bId": "1", "operation": "create", "Customer": {"DisplayName": "Acme"}},
        {"bId": "2", "operation": "create", "Customer": {"DisplayName": "Cool Cars"}},
        {"bId": "3", "Query": "SELECT * FROM Term WHERE Name = 'Net 30'"},
        {"bId": "4", "operation": "create", "Invoice": invoice()},
    )
    assert answers["1"]["Customer"]["DisplayName"] == "Acme"
    assert answers["2"]["Fault"]["Error"][0]["code"] == "6240"
    assert answers["3"]["QueryResponse"]["Term"][0]["DueDays"] == 30
    assert answers["4"]["Invoice"]["TotalAmt"] == 100


def test_the_preferences_need_no_id(app: App) -> None:
    change = {"SyncToken": "0", "sparse": True, "SalesFormsPrefs": {"AllowDeposit": True}}
    answers = asked(app, {"bId": "1", "operation": "update", "Preferences": change})
    assert answers["1"]["Preferences"]["SalesFormsPrefs"]["AllowDeposit"] is True


def test_an_items_options_are_its_own(app: App) -> None:
    made = app.made("Invoice", invoice(DocNumber="A-1"))
    same = {"operation": "create", "Invoice": invoice(DocNumber="A-1")}
    answers = asked(
        app,
        {"bId": "refused", **same},
        {"bId": "taken", **same, "optionsData": "allowduplicatedocnum"},
        {"bId": "void", "operation": "void", "Invoice": {"Id": made["Id"], "SyncToken": "0"}},
    )
    assert answers["refused"]["Fault"]["Error"][0]["code"] == "6140"
    assert answers["taken"]["Invoice"]["DocNumber"] == "A-1"
    assert answers["void"]["Invoice"]["TotalAmt"] == 0


def test_an_item_can_read_changes(app: App) -> None:
    made = app.made("Invoice", invoice())
    since = {"Entities": "Invoice,Customer", "ChangedSince": "2020-01-01T00:00:00Z"}
    answers = asked(
        app, {"bId": "1", "CDCQuery": since}, {"bId": "2", "CDCQuery": {**since, "Entities": "Nonsense"}}
    )
    invoices, customers = answers["1"]["CDCResponse"][0]["QueryResponse"]
    assert [each["Id"] for each in invoices["Invoice"]] == [made["Id"]]
    assert customers["Customer"]
    assert answers["2"]["Fault"]["Error"][0]["code"] == "500"


def test_a_repeated_batch_is_applied_once(app: App) -> None:
    item = {"bId": "1", "operation": "create", "Invoice": invoice()}
    assert asked(app, item, requestid="r-1") == asked(app, item, requestid="r-1")
    assert len(app.company.books()["Invoice"]) == 1


def test_an_unknown_operation_is_that_items_fault(app: App) -> None:
    [answer] = asked(app, {"bId": "1", "operation": "fly", "Customer": {"DisplayName": "A"}}).values()
    assert answer["Fault"]["Error"][0]["code"] == "500"


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([], "2020"),
        (["x"], "2010"),
        ([{"operation": "create", "Customer": {"DisplayName": "A"}}], "2020"),
        ([{"bId": "1", "Query": "SELECT * FROM Term"}] * 2, "6000"),
        ([{"bId": str(number), "Query": "SELECT * FROM Term"} for number in range(31)], "6000"),
    ],
)
def test_a_batch_out_of_form_is_refused_as_a_whole(app: App, items: list[Any], code: str) -> None:
    assert fault(app.call("POST", "batch", {"BatchItemRequest": items})) == code


def test_a_request_id_and_an_items_id_have_50_characters_together(app: App) -> None:
    body = {"BatchItemRequest": [{"bId": "x" * 15, "Query": "SELECT * FROM Term"}]}
    assert fault(app.call("POST", "batch", body, requestid="r" * 36)) == "2050"
    assert app.call("POST", "batch", body, requestid="r" * 35).status == 200
