"""Invoices by python-quickbooks: written, changed, numbered, sent, printed, voided and deleted."""

from typing import Any

from quickbooks.objects import (
    Address,
    Customer,
    CustomerMemo,
    DescriptionLineDetail,
    DescriptionOnlyLine,
    DiscountLine,
    DiscountLineDetail,
    EmailAddress,
    GroupLine,
    Invoice,
    Item,
    Ref,
    SalesItemLine,
    SalesItemLineDetail,
    TaxCode,
    Term,
    TxnTaxDetail,
)

from tests.clients.calls.line import Line, refused

NOTE = "Thank you for your business and have a great day!"


def case_an_invoice_with_the_defaults_of_the_library(line: Line) -> None:
    invoice = new(line.us)
    saved = invoice.save(qb=line.us)
    read = Invoice.get(invoice.Id, qb=line.us)
    assert (read.TotalAmt, read.Balance, read.SyncToken) == (100, 100, "0")
    assert read.CustomerRef.name == "Amy's Bird Sanctuary"
    assert [each.DetailType for each in read.Line] == ["SalesItemLineDetail", "SubTotalLineDetail"]
    assert (read.Line[0].Amount, read.Line[0].LineNum, read.Line[0].Description) == (100, 1, "Support")
    assert read.DocNumber == saved.DocNumber != ""
    assert (read.DueDate > read.TxnDate, read.EmailStatus, read.email_sent) == (True, "NotSet", False)
    assert (read.to_ref().value, read.to_linked_txn().TxnType) == (read.Id, "Invoice")
    assert read.MetaData.CreateTime


def case_an_invoice_with_all_that_the_library_has(line: Line) -> None:
    invoice = new(line.us, quantity=2, price=75.5)
    invoice.DocNumber, invoice.TxnDate, invoice.DueDate = "CLIENT-1", "2026-05-05", "2026-06-04"
    invoice.PrivateNote, invoice.ShipDate, invoice.TrackingNum = "mark", "2026-05-06", "42"
    invoice.BillAddr, invoice.ShipAddr = Address(), Address()
    invoice.BillAddr.Line1 = invoice.ShipAddr.Line1 = "65 Ocean Dr."
    invoice.BillAddr.Lat, invoice.BillAddr.Long = "37.4300318", "-122.4336537"
    invoice.BillEmail, invoice.BillEmailCc, invoice.BillEmailBcc = (_email(f"{n}@b.example") for n in "abc")
    invoice.CustomerMemo = CustomerMemo()
    invoice.CustomerMemo.value = NOTE
    invoice.SalesTermRef = Term.filter(Name="Net 30", qb=line.us)[0].to_ref()
    invoice.TxnTaxDetail = TxnTaxDetail()
    invoice.Line += [_text("For the spring"), _discount(percent=10)]
    read = Invoice.get(invoice.save(qb=line.us).Id, qb=line.us)
    assert (read.DocNumber, read.TotalAmt, read.CustomerMemo.value) == ("CLIENT-1", 135.9, NOTE)
    assert (read.BillEmail.Address, read.SalesTermRef.name) == ("a@b.example", "Net 30")
    discounts = [each for each in read.Line if each.DetailType == "DiscountLineDetail"]
    assert [each.Amount for each in discounts] == [15.1]
    assert (
        discounts[0].DiscountLineDetail.PercentBased,
        discounts[0].DiscountLineDetail.DiscountPercent,
    ) == (
        True,
        10,
    )


def case_read_change_and_save(line: Line) -> None:
    read = Invoice.get(new(line.us).save(qb=line.us).Id, qb=line.us)
    number, total, lines = read.DocNumber, read.TotalAmt, [each.Id for each in read.Line]
    read.PrivateNote = "Called them"
    saved = read.save(qb=line.us)
    assert (saved.SyncToken, saved.PrivateNote, saved.DocNumber) == ("1", "Called them", number)
    assert (saved.TotalAmt, [each.Id for each in saved.Line]) == (total, lines)
    same = saved.save(qb=line.us)
    assert same.SyncToken == "1", "nothing changed"
    same.Line[0].Amount = 250
    assert same.save(qb=line.us).TotalAmt == 250


def case_another_line(line: Line) -> None:
    read = Invoice.get(new(line.us).save(qb=line.us).Id, qb=line.us)
    read.Line.append(item_line(line.us, 3, 10))
    saved = read.save(qb=line.us)
    assert (saved.TotalAmt, saved.Balance) == (130, 130)
    assert [each.Id for each in saved.Line if each.Id] == ["1", "2"]


def case_found_in_every_way(line: Line) -> None:
    number = "FIND-1"
    invoice = new(line.us)
    invoice.DocNumber = number
    identifier, customer = invoice.save(qb=line.us).Id, invoice.CustomerRef.value
    for found in (
        Invoice.filter(DocNumber=number, CustomerRef=customer, qb=line.us),
        Invoice.choose([number], field="DocNumber", qb=line.us),
        Invoice.choose([identifier], qb=line.us),
        Invoice.where(f"DocNumber = '{number}' AND TotalAmt > '99' AND Balance > '0'", qb=line.us),
        Invoice.where(
            f"CustomerRef = '{customer}'", order_by="TxnDate DESC, Id DESC", max_results=1, qb=line.us
        ),
        Invoice.query(f"select * from Invoice where DocNumber in ('{number}') startposition 1", qb=line.us),
        Invoice.where(
            f"MetaData.LastUpdatedTime > '2026-01-01T00:00:00' AND Id = '{identifier}'", qb=line.us
        ),
        Invoice.all(order_by="Id DESC", start_position=1, max_results=1, qb=line.us),
    ):
        assert [each.Id for each in found] == [identifier]
    assert Invoice.count(qb=line.us) == len(Invoice.all(max_results=1000, qb=line.us))
    assert Invoice.count(f"DocNumber = '{number}'", qb=line.us) == 1


def case_a_number_that_is_taken(line: Line) -> None:
    first, second = new(line.us), new(line.us)
    first.DocNumber = second.DocNumber = "TWICE"
    first.save(qb=line.us)
    refused(6140, second.save, qb=line.us)
    saved = second.save(qb=line.us, params={"include": "allowduplicatedocnum"})
    assert (saved.DocNumber, saved.Id != first.Id) == ("TWICE", True)


def case_a_request_again_makes_no_second_invoice(line: Line) -> None:
    before = Invoice.count(qb=line.us)
    first, second = new(line.us), new(line.us)
    first.save(qb=line.us, request_id="key-1")
    second.save(qb=line.us, request_id="key-1")
    assert (first.Id == second.Id, Invoice.count(qb=line.us)) == (True, before + 1)


def case_sent(line: Line) -> None:
    invoice = new(line.us)
    invoice.save(qb=line.us)
    sent = invoice.send(qb=line.us, send_to="q+a@b.example")["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "q+a@b.example")
    again = Invoice.get(invoice.Id, qb=line.us)
    assert (again.email_sent, again.DeliveryInfo.DeliveryType, again.SyncToken) == (True, "Email", "1")
    assert again.send(qb=line.us)["Invoice"]["EmailStatus"] == "EmailSent"
    assert Invoice.get(invoice.Id, qb=line.us).save(qb=line.us).email_sent


def case_printed(line: Line) -> None:
    invoice = new(line.us)
    invoice.save(qb=line.us)
    assert invoice.download_pdf(qb=line.us).startswith(b"%PDF-")
    invoice.Id = "999999"
    refused(610, invoice.download_pdf, qb=line.us)


def case_the_link_for_the_customer(line: Line) -> None:
    invoice = new(line.us)
    invoice.AllowOnlineCreditCardPayment = invoice.AllowOnlineACHPayment = True
    invoice.BillEmail = _email("a@b.example")
    invoice.save(qb=line.us)
    read = Invoice.get(invoice.Id, qb=line.us, params={"include": "invoiceLink"})
    assert read.InvoiceLink.startswith("https://")
    assert Invoice.get(invoice.Id, qb=line.us).InvoiceLink == ""


def case_voided(line: Line) -> None:
    invoice = new(line.us, quantity=2, price=50)
    invoice = invoice.save(qb=line.us)
    voided = invoice.void(qb=line.us)["Invoice"]
    assert (voided["TotalAmt"], voided["Balance"], voided["SyncToken"]) == (0, 0, "1")
    read = Invoice.get(invoice.Id, qb=line.us)
    assert "Voided" in read.PrivateNote
    read.PrivateNote += ", by mistake"
    assert read.save(qb=line.us).TotalAmt == 0


def case_deleted(line: Line) -> None:
    invoice = new(line.us).save(qb=line.us)
    assert invoice.delete(qb=line.us)["Invoice"]["status"] == "Deleted"
    assert Invoice.filter(Id=invoice.Id, qb=line.us) == []
    refused(610, Invoice.get, invoice.Id, qb=line.us)


def case_a_british_invoice(line: Line) -> None:
    customer = Customer()
    customer.DisplayName, customer.CurrencyRef = "Pay-per-view Plc", _ref("GBP")
    customer.save(qb=line.uk)
    code = _british_code(line.uk)
    for calculation, total in (("TaxExcluded", 120), ("TaxInclusive", 100)):
        invoice = new(line.uk, customer=customer, price=100, quantity=1)
        invoice.CurrencyRef, invoice.GlobalTaxCalculation = _ref("GBP"), calculation
        invoice.Line[0].SalesItemLineDetail.TaxCodeRef = code
        read = Invoice.get(invoice.save(qb=line.uk).Id, qb=line.uk)
        assert (read.TotalAmt, read.TxnTaxDetail.TaxLine[0].TaxLineDetail.TaxPercent) == (total, 20)
        read.PrivateNote = "Checked"
        assert read.save(qb=line.uk).TotalAmt == total


def case_a_bundle_and_shipping(line: Line) -> None:
    service = Item.filter(Type="Service", qb=line.us)[0]
    part = {"ItemRef": {"value": service.Id}, "Qty": 3}
    bundle = Item.from_json(
        {"Name": "Starter kit", "Type": "Group", "ItemGroupDetail": {"ItemGroupLine": [part]}}
    ).save(qb=line.us)
    service.UnitPrice = 20
    service.save(qb=line.us)
    invoice = new(line.us)
    kit = GroupLine.from_json({"GroupLineDetail": {"GroupItemRef": {"value": bundle.Id}, "Quantity": 2}})
    shipping = item_line(line.us)
    shipping.Amount, shipping.SalesItemLineDetail.ItemRef = 7.5, _ref("SHIPPING_ITEM_ID")
    invoice.Line += [kit, shipping]
    read = Invoice.get(invoice.save(qb=line.us).Id, qb=line.us)
    assert read.TotalAmt == 100 + 2 * 3 * 20 + 7.5
    assert read.save(qb=line.us).SyncToken == "0", "nothing changed"
    read.PrivateNote = "Checked"
    assert read.save(qb=line.us).TotalAmt == 227.5


def case_an_invoice_in_another_currency(line: Line) -> None:
    customer = Customer()
    customer.DisplayName, customer.CurrencyRef = "Zürich AG", _ref("CHF")
    customer.save(qb=line.uk)
    invoice = new(line.uk, customer=customer, price=100, quantity=1)
    invoice.CurrencyRef, invoice.ExchangeRate = _ref("CHF"), 0.5
    invoice.Line[0].SalesItemLineDetail.TaxCodeRef = _british_code(line.uk)
    read = Invoice.get(invoice.save(qb=line.uk).Id, qb=line.uk)
    assert (read.TotalAmt, read.HomeTotalAmt, read.HomeBalance) == (120, 60, 60)
    assert (read.CurrencyRef.name, read.ExchangeRate) == ("Swiss Franc", 0.5)
    read.PrivateNote = "Checked"
    assert read.save(qb=line.uk).HomeTotalAmt == 60


def new(qb: Any, customer: Any = None, price: Any = 0, quantity: Any = 0) -> Any:
    """Return an invoice for the first customer, not saved yet."""
    invoice = Invoice()
    invoice.CustomerRef = (customer or Customer.all(max_results=1, qb=qb)[0]).to_ref()
    invoice.Line.append(item_line(qb, quantity, price))
    return invoice


def item_line(qb: Any, quantity: Any = 0, price: Any = 0) -> Any:
    """Return a line for the first item; without a price, as the library has it: an amount, all else 0."""
    line = SalesItemLine()
    line.LineNum, line.Description, line.Amount = 1, "Support", quantity * price or 100
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = Item.all(max_results=1, qb=qb)[0].to_ref()
    line.SalesItemLineDetail.Qty, line.SalesItemLineDetail.UnitPrice = quantity, price
    return line


def _text(text: str) -> Any:
    line = DescriptionOnlyLine()
    line.Description = text
    line.DescriptionLineDetail = DescriptionLineDetail()
    return line


def _discount(percent: float) -> Any:
    line = DiscountLine()
    line.DiscountLineDetail = DiscountLineDetail()
    line.DiscountLineDetail.PercentBased, line.DiscountLineDetail.DiscountPercent = True, percent
    return line


def _british_code(qb: Any) -> Any:
    return next(each for each in TaxCode.all(qb=qb) if each.Name.startswith("20.0%")).to_ref()


def _email(address: str) -> Any:
    email = EmailAddress()
    email.Address = address
    return email


def _ref(value: str) -> Any:
    reference = Ref()
    reference.value = value
    return reference
