"""The accountant's hands, the journal and the snapshots in the control API."""

import pytest

from tests.worker.sandbox.app import App, decoded, invoice, line
from tests.worker.sandbox.transactions import balances


def hands(app: App, path: str, body: object = b"") -> dict[str, object]:
    reply = app.control(f"books/{app.company.realm}/{path}", body)
    assert reply.status == 200, reply.body
    found: dict[str, object] = decoded(reply)
    return found


def test_an_accountant_writes_without_a_token_and_is_named_in_the_object(app: App) -> None:
    renamed = hands(app, "Customer/2", {"DisplayName": "Cooler Cars"})
    assert renamed["DisplayName"] == "Cooler Cars"
    ours = app.made("Invoice", invoice())
    hands(app, "Invoice", invoice())
    theirs = decoded(app.call("GET", "invoice/2"))["Invoice"]
    by = [each["MetaData"]["LastModifiedByRef"]["value"] for each in (ours, theirs)]
    assert by == ["1", "2"], "own writes can be told from people's"


def test_a_renamed_customer_is_renamed_in_its_invoices(app: App) -> None:
    made = app.made("Invoice", invoice(CustomerRef={"value": "2"}))
    hands(app, "Customer/2", {"DisplayName": "Cooler Cars"})
    found = decoded(app.call("GET", f"invoice/{made['Id']}"))["Invoice"]
    assert found["CustomerRef"] == {"value": "2", "name": "Cooler Cars"}
    assert found["SyncToken"] == "0", "the invoice itself has not changed"


def test_an_accountant_voids_and_deletes(app: App) -> None:
    first, second = (app.made("Invoice", invoice(line(amount)))["Id"] for amount in (100, 200))
    assert hands(app, f"Invoice/{first}/void")["TotalAmt"] == 0
    hands(app, f"Invoice/{second}/delete")
    assert [each["Id"] for each in app.rows("SELECT * FROM Invoice")] == [first]


def test_an_accountant_merges(app: App) -> None:
    made = app.made("Invoice", invoice())
    assert hands(app, "Customer/1/merge", {"into": "2"})["Balance"] == 100
    assert decoded(app.call("GET", f"invoice/{made['Id']}"))["Invoice"]["CustomerRef"]["value"] == "2"
    assert app.control(f"books/{app.company.realm}/Customer/2/merge", {}).status == 400


def test_an_accountant_settles_invoices(app: App) -> None:
    first, second, third = (app.made("Invoice", invoice(line(amount)))["Id"] for amount in (100, 50, 20))
    paid = hands(app, "Customer/1/pay", {"amount": 110, "invoices": {first: 100, second: 2.5}})
    assert paid["UnappliedAmt"] == 7.5
    assert hands(app, f"Payment/{paid['Id']}/move", {"invoices": {second: 40}})["UnappliedAmt"] == 70
    assert hands(app, f"Invoice/{first}/credit", {"amount": 30})["RemainingCredit"] == 0
    hands(app, f"Invoice/{third}/write-off")
    assert balances(app, first, second, third) == [70, 10, 0]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("Customer/99/pay", {"amount": 5}, "2500"),
        ("Customer/1/pay", {"amount": 5, "invoices": {"99": 5}}, "2500"),
        ("Payment/99/move", {"invoices": {}}, "610"),
        ("Invoice/99/credit", {"amount": 5}, "610"),
        ("Invoice/99/write-off", b"", "610"),
        ("Invoice/1/write-off", b"", "6000"),
    ],
)
def test_an_accountant_settles_only_invoices_that_are_open(
    app: App, path: str, body: object, code: str
) -> None:
    app.made("Invoice", invoice(line(0)))
    reply = app.control(f"books/{app.company.realm}/{path}", body)
    assert (reply.status, decoded(reply)["Fault"]["Error"][0]["code"]) == (409, code)


def test_rules_hold_for_accountants_too(app: App) -> None:
    reply = app.control(f"books/{app.company.realm}/Customer", {"DisplayName": "Cool Cars"})
    assert reply.status == 409
    assert decoded(reply)["Fault"]["Error"][0]["code"] == "6240"


def test_the_journal_has_every_change_and_its_author(app: App) -> None:
    path = f"journal/{app.company.realm}"
    start = decoded(app.control(path, method="GET"))["next"]
    made = app.made("Invoice", invoice())
    hands(app, f"Invoice/{made['Id']}/void")
    page = decoded(app.request("GET", f"/_control/{path}", query={"after": str(start)}))
    assert [(each["operation"], each["by"]) for each in page["changes"]] == [("Create", "1"), ("Void", "2")]
    assert page["next"] == start + 2
    assert app.request("GET", f"/_control/{path}", query={"after": "the end"}).status == 400


def test_books_go_back_to_a_snapshot_as_if_nothing_had_happened(app: App) -> None:
    app.made("Invoice", invoice(line(70)))
    before, realm = app.company.books(), app.company.realm
    assert app.control(f"snapshots/{realm}/monday").status == 200
    later = app.made("Invoice", invoice(line(30), DocNumber=None))
    app.made("Customer", {"DisplayName": "Acme"})
    assert app.control(f"snapshots/{realm}/monday/restore").status == 200
    assert app.company.books() == before
    again = app.made("Invoice", invoice(line(30)))
    assert (again["Id"], again["DocNumber"]) == (later["Id"], later["DocNumber"])
    app.made("Customer", {"DisplayName": "Acme"})
    owed = decoded(app.call("GET", "customer/1"))["Customer"]["Balance"]
    assert owed == 100, "the ledger went back too"


@pytest.mark.parametrize(
    "path",
    [
        "books/9/Customer",
        "books/REALM/Spaceship",
        "books/REALM/Customer/1/fly",
        "books/REALM/Customer/1/credit",
        "snapshots/REALM/none/restore",
    ],
)
def test_a_wish_for_nothing_that_exists_is_refused(app: App, path: str) -> None:
    assert app.control(path.replace("REALM", app.company.realm), {}).status in {400, 404}
