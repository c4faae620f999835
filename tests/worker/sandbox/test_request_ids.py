"""A repeated requestid: the first answer again, byte for byte, and nothing done twice."""

import pytest

from tests.worker.sandbox.app import App, fault, invoice, line


def test_a_repeated_request_is_applied_once(app: App) -> None:
    first = app.call("POST", "invoice", invoice(), requestid="r-1")
    app.later(30 * 24 * 3600)
    again = app.call("POST", "invoice", invoice(), requestid="r-1")
    assert (again.status, again.body) == (200, first.body)
    assert len(app.company.books()["Invoice"]) == 1
    assert app.company.numbers.next("sales") == "1002"


def test_an_answer_stays_what_it_was(app: App) -> None:
    """Also when the object has changed since, or the body is another one."""
    first = app.call("POST", "invoice", invoice(), requestid="r-1")
    app.made("Invoice", {"Id": "1", "SyncToken": "0", "sparse": True, "PrivateNote": "changed"})
    assert app.call("POST", "invoice", invoice(line(5)), requestid="r-1").body == first.body
    assert app.company.books()["Invoice"][0]["PrivateNote"] == "changed"


def test_updates_are_remembered_too(app: App) -> None:
    app.made("Invoice", invoice())
    update = {"Id": "1", "SyncToken": "0", "sparse": True, "PrivateNote": "a"}
    first = app.call("POST", "invoice", update, requestid="r-1")
    assert app.call("POST", "invoice", update, requestid="r-1").body == first.body
    assert fault(app.call("POST", "invoice", update, requestid="r-2")) == "5010"


def test_another_id_or_none_is_another_request(app: App) -> None:
    for query in ({"requestid": "r-1"}, {"requestid": "r-2"}, {}, {}):
        app.made("Invoice", invoice(), **query)
    assert len(app.company.books()["Invoice"]) == 4


def test_a_refused_request_may_be_tried_again(app: App) -> None:
    wanted = invoice(CustomerRef={"value": "4"})
    assert app.refused("Invoice", wanted, requestid="r-1") == "2500"
    app.made("Customer", {"DisplayName": "Acme"})
    app.made("Invoice", wanted, requestid="r-1")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_reads_are_never_remembered(app: App, method: str) -> None:
    query = {"query": "SELECT COUNT(*) FROM Invoice", "requestid": "r-1"}
    assert b'"totalCount":0' in app.call(method, "query", **query).body
    app.made("Invoice", invoice(), requestid="r-1")
    assert b'"totalCount":1' in app.call(method, "query", **query).body
    assert app.call("GET", "invoice/1", requestid="r-1").status == 200


def test_forgotten_on_command(app: App) -> None:
    app.made("Invoice", invoice(), requestid="r-1")
    assert app.control("requestids/forget").status == 200
    assert app.made("Invoice", invoice(), requestid="r-1")["Id"] == "2"


def test_an_id_has_50_characters_at_most(app: App) -> None:
    app.made("Invoice", invoice(), requestid="x" * 50)
    assert app.refused("Invoice", invoice(), requestid="x" * 51) == "2050"
