"""Sending an invoice by e-mail, and its PDF."""

from tests.worker.sandbox.app import App, decoded, fault, invoice


def test_sending_marks_the_invoice_and_makes_no_other(app: App) -> None:
    made = app.made("Invoice", invoice(BillEmail={"Address": "old@b.example"}))
    reply = app.call("POST", f"invoice/{made['Id']}/send", b"", sendTo="new@b.example")
    sent = decoded(reply)["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"], sent["SyncToken"]) == (
        "EmailSent",
        {"Address": "new@b.example"},
        "1",
    )
    assert sent["DeliveryInfo"]["DeliveryType"] == "Email"
    assert len(app.rows("SELECT * FROM Invoice")) == 1


def test_sending_without_an_address_is_refused(app: App) -> None:
    made = app.made("Invoice", invoice())
    assert fault(app.call("POST", f"invoice/{made['Id']}/send")) == "6000"
    assert fault(app.call("POST", f"invoice/{made['Id']}/send", sendTo="nobody")) == "2210"
    assert fault(app.call("POST", "invoice/99/send")) == "610"


def test_an_invoice_is_printed_as_pdf(app: App) -> None:
    made = app.made("Invoice", invoice(DocNumber="A(1)"))
    reply = app.call("GET", f"invoice/{made['Id']}/pdf")
    assert (reply.status, reply.content_type) == (200, "application/pdf")
    assert reply.body.startswith(b"%PDF-1.4")
    assert rb"Invoice A\(1\)" in reply.body
    assert fault(app.call("GET", "invoice/99/pdf")) == "610"


def test_paths_that_quickbooks_does_not_have_create_nothing(app: App) -> None:
    before = app.company.books()
    for method, path in (
        ("POST", "invoice/1/void"),
        ("POST", "customer/any/thing"),
        ("GET", "customer/1/more"),
        ("GET", "customer/1/pdf"),
        ("POST", "customer/1/send"),
        ("GET", "invoice"),
    ):
        assert fault(app.call(method, path, invoice())) == "500", (method, path)
    assert fault(app.call("POST", "invoice", invoice(), operation="nonsense")) == "500"
    assert app.company.books() == before
