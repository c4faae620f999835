"""Payments, credit memos, receipts, estimates, journal entries and deposits by python-quickbooks."""

from typing import Any

from quickbooks.objects import (
    Account,
    CashBackInfo,
    CreditMemo,
    Customer,
    CustomerMemo,
    Deposit,
    DepositLine,
    DepositLineDetail,
    DetailLine,
    EmailAddress,
    Entity,
    Estimate,
    Invoice,
    JournalEntry,
    JournalEntryLine,
    JournalEntryLineDetail,
    LinkedTxn,
    Payment,
    PaymentLine,
    PaymentMethod,
    RefundReceipt,
    SalesItemLineDetail,
    SalesReceipt,
)
from quickbooks.objects.refundreceipt import RefundReceiptCheckPayment

from tests.clients.calls.invoices import item_line, new
from tests.clients.calls.line import Line, refused


def case_a_payment_with_the_defaults_of_the_library(line: Line) -> None:
    payment = Payment()
    payment.TotalAmt, payment.CustomerRef = 100, _customer(line.us)
    payment.PaymentMethodRef = PaymentMethod.all(max_results=1, qb=line.us)[0].to_ref()
    payment.DepositToAccountRef = _bank(line.us)
    read = Payment.get(payment.save(qb=line.us).Id, qb=line.us)
    assert (read.TotalAmt, read.UnappliedAmt, read.Line) == (100, 100, [])
    assert read.MetaData.CreateTime
    found_in_every_way(line.us, Payment, read.Id)


def case_a_payment_of_two_invoices(line: Line) -> None:
    first, second = (new(line.us).save(qb=line.us) for _ in range(2))
    payment = paid(line.us, (first, 100), (second, 40))
    assert (payment.TotalAmt, payment.UnappliedAmt) == (140, 0)
    balances = [Invoice.get(each.Id, qb=line.us).Balance for each in (first, second)]
    assert balances == [0, 60]
    assert Invoice.get(first.Id, qb=line.us).LinkedTxn[0].TxnId == payment.Id
    read = Payment.get(payment.Id, qb=line.us)
    assert read.Line[0].LinkedTxn[0].TxnType == "Invoice"
    read.PrivateNote = "By wire"
    assert read.save(qb=line.us).PrivateNote == "By wire"


def case_a_moved_payment(line: Line) -> None:
    first, second = (new(line.us).save(qb=line.us) for _ in range(2))
    payment = Payment.get(paid(line.us, (first, 100)).Id, qb=line.us)
    payment.Line[0].LinkedTxn[0].TxnId = second.Id
    payment.save(qb=line.us)
    assert [Invoice.get(each.Id, qb=line.us).Balance for each in (first, second)] == [100, 0]


def case_a_voided_and_a_deleted_payment(line: Line) -> None:
    invoice = new(line.us).save(qb=line.us)
    payment = paid(line.us, (invoice, 100))
    payment.void(qb=line.us)
    assert Payment.get(payment.Id, qb=line.us).TotalAmt == 0
    assert Invoice.get(invoice.Id, qb=line.us).Balance == 100
    again = paid(line.us, (invoice, 100))
    assert again.delete(qb=line.us)["Payment"]["status"] == "Deleted"
    assert Invoice.get(invoice.Id, qb=line.us).Balance == 100


def case_credit_memos(line: Line) -> None:
    memo = lives(line.us, CreditMemo)
    assert (memo.TotalAmt, memo.RemainingCredit) == (100, 100)

    assert memo.delete(qb=line.us)["CreditMemo"]["status"] == "Deleted"


def case_a_credit_memo_applied_to_an_invoice(line: Line) -> None:
    memo, invoice = lives(line.us, CreditMemo), new(line.us).save(qb=line.us)
    payment = Payment()
    payment.TotalAmt, payment.CustomerRef = 0, invoice.CustomerRef
    payment.Line = [_applied(invoice, 100), _applied(memo, 100)]
    payment.save(qb=line.us)
    assert Invoice.get(invoice.Id, qb=line.us).Balance == 0
    assert CreditMemo.get(memo.Id, qb=line.us).RemainingCredit == 0


def case_estimates(line: Line) -> None:
    estimate = lives(line.us, Estimate)
    assert estimate.download_pdf(qb=line.us).startswith(b"%PDF-")
    assert estimate.send(qb=line.us, send_to="a@b.example")["Estimate"]["EmailStatus"] == "EmailSent"
    estimate = Estimate.get(estimate.Id, qb=line.us)
    estimate.TxnStatus, estimate.AcceptedBy, estimate.AcceptedDate = "Accepted", "Ada", "2026-05-05"
    assert estimate.save(qb=line.us).TxnStatus == "Accepted"
    assert estimate.to_linked_txn().TxnType == "Estimate"


def case_an_invoice_of_an_estimate(line: Line) -> None:
    estimate = lives(line.us, Estimate)
    invoice = new(line.us)
    link = LinkedTxn()
    link.TxnId, link.TxnType = estimate.Id, "Estimate"
    invoice.LinkedTxn = [link]
    saved = invoice.save(qb=line.us)
    assert [each.TxnId for each in Invoice.get(saved.Id, qb=line.us).LinkedTxn] == [estimate.Id]


def case_sales_receipts(line: Line) -> None:
    receipt = lives(line.us, SalesReceipt)
    assert (receipt.TotalAmt, receipt.Balance) == (100, 0)
    assert receipt.download_pdf(qb=line.us).startswith(b"%PDF-")
    receipt.void(qb=line.us)
    read = SalesReceipt.get(receipt.Id, qb=line.us)
    assert (read.TotalAmt, "Voided" in read.PrivateNote) == (0, True)
    assert read.delete(qb=line.us)["SalesReceipt"]["status"] == "Deleted"


def case_refund_receipts(line: Line) -> None:
    refund = RefundReceipt()
    refund.DocNumber, refund.TotalAmt, refund.Balance, refund.PrivateNote = "R-1", 100, 100, "Sorry"
    refund.PaymentType, refund.CheckPayment = "Check", RefundReceiptCheckPayment()
    refund.CheckPayment.CheckNum, refund.CheckPayment.NameOnAcct = "1001", "John Smith"
    refund.CustomerMemo = CustomerMemo()
    refund.CustomerMemo.value = "We are sorry"
    refund.DepositToAccountRef = _bank(line.us)
    detail = DetailLine()
    detail.DetailType, detail.Amount = "SalesItemLineDetail", 200
    detail.SalesItemLineDetail = SalesItemLineDetail()
    detail.SalesItemLineDetail.ItemRef = item_line(line.us).SalesItemLineDetail.ItemRef
    refund.Line.append(detail)
    read = RefundReceipt.get(refund.save(qb=line.us).Id, qb=line.us)
    assert (read.DocNumber, read.TotalAmt, read.CustomerMemo.value) == ("R-1", 200, "We are sorry")
    found_in_every_way(line.us, RefundReceipt, read.Id)
    read.PrivateNote = "Called them"
    assert read.save(qb=line.us).PrivateNote == "Called them"
    again = RefundReceipt.get(read.Id, qb=line.us)
    assert again.delete(qb=line.us)["RefundReceipt"]["status"] == "Deleted"


def case_journal_entries(line: Line) -> None:
    entry = JournalEntry()
    for posting, account in (("Credit", _bank(line.us)), ("Debit", _account(line.us, "Accounts Receivable"))):
        each = JournalEntryLine()
        each.Amount, each.JournalEntryLineDetail = 50, JournalEntryLineDetail()
        each.JournalEntryLineDetail.PostingType = posting
        each.JournalEntryLineDetail.AccountRef = account
        entry.Line.append(each)
    entry.Line[1].JournalEntryLineDetail.Entity = Entity()
    entry.Line[1].JournalEntryLineDetail.Entity.Type = "Customer"
    entry.Line[1].JournalEntryLineDetail.Entity.EntityRef = _customer(line.us)
    read = JournalEntry.get(entry.save(qb=line.us).Id, qb=line.us)
    assert [each.JournalEntryLineDetail.PostingType for each in read.Line] == ["Credit", "Debit"]
    found_in_every_way(line.us, JournalEntry, read.Id)
    read.PrivateNote = "Corrected"
    saved = read.save(qb=line.us)
    assert (saved.PrivateNote, saved.SyncToken) == ("Corrected", "1")
    assert saved.delete(qb=line.us)["JournalEntry"]["status"] == "Deleted"


def case_a_deposit_of_other_money(line: Line) -> None:
    deposit = Deposit()
    deposit.DepositToAccountRef = _bank(line.us)
    part = DepositLine()
    part.Amount, part.DepositLineDetail = 20, DepositLineDetail()
    part.DepositLineDetail.AccountRef = _account(line.us, "Income")
    deposit.Line.append(part)
    read = Deposit.get(deposit.save(qb=line.us).Id, qb=line.us)
    assert (read.TotalAmt, read.DepositToAccountRef.name) == (20, "Checking")
    found_in_every_way(line.us, Deposit, read.Id)
    read.PrivateNote = "Interest"
    assert read.save(qb=line.us).PrivateNote == "Interest"
    assert Deposit.get(read.Id, qb=line.us).delete(qb=line.us)["Deposit"]["status"] == "Deleted"


def case_a_deposit_of_a_payment(line: Line) -> None:
    payment = paid(line.us, (new(line.us).save(qb=line.us), 100))
    deposit, part = Deposit(), DepositLine()
    deposit.DepositToAccountRef = _bank(line.us)
    part.Amount, part.LinkedTxn = 100, [payment.to_linked_txn()]
    part.LinkedTxn[0].TxnLineId = 0
    deposit.Line.append(part)
    deposit.CashBack = CashBackInfo()
    deposit.CashBack.AccountRef, deposit.CashBack.Amount = _bank(line.us), 10
    saved = deposit.save(qb=line.us)
    assert saved.TotalAmt == 90
    refused(6540, Payment.get(payment.Id, qb=line.us).delete, qb=line.us)


def lives(qb: Any, kind: Any) -> Any:
    """Save a sales form with the library's defaults, read, change and save it, find it in each way; return it."""
    form = kind()
    form.CustomerRef = _customer(qb)
    form.Line.append(item_line(qb))
    form.BillEmail = EmailAddress()
    form.BillEmail.Address = "a@b.example"
    saved = form.save(qb=qb)
    read = kind.get(saved.Id, qb=qb)
    assert (read.TotalAmt, read.Line[0].Amount, read.CustomerRef.name) == (100, 100, "Amy's Bird Sanctuary")
    assert read.DocNumber
    assert read.save(qb=qb).SyncToken == "0", "nothing changed"
    read.PrivateNote = "Called them"
    assert read.save(qb=qb).PrivateNote == "Called them"
    found_in_every_way(qb, kind, read.Id)
    return kind.get(saved.Id, qb=qb)


def found_in_every_way(qb: Any, kind: Any, identifier: str) -> None:
    """Find a transaction in each way that the library offers."""
    every = f"select * from {kind.qbo_object_name}"
    for found in (
        kind.filter(Id=identifier, qb=qb),
        kind.choose([identifier], qb=qb),
        kind.where(
            f"Id = '{identifier}' AND TxnDate > '2000-01-01'", order_by="TxnDate", max_results=5, qb=qb
        ),
        kind.query(f"{every} where Id in ('{identifier}')", qb=qb),
    ):
        assert [each.Id for each in found] == [identifier]
    assert identifier in {each.Id for each in kind.all(max_results=1000, qb=qb)}
    assert kind.count(f"Id = '{identifier}'", qb=qb) == 1


def paid(qb: Any, *parts: tuple[Any, float]) -> Any:
    """Receive a payment for invoices, part by part."""
    payment = Payment()
    payment.CustomerRef, payment.TotalAmt = _customer(qb), sum(amount for _, amount in parts)
    payment.Line = [_applied(invoice, amount) for invoice, amount in parts]
    return payment.save(qb=qb)


def _applied(settled: Any, amount: float) -> Any:
    part, link = PaymentLine(), LinkedTxn()
    link.TxnId, link.TxnType = settled.Id, settled.qbo_object_name
    part.Amount, part.LinkedTxn = amount, [link]
    return part


def _customer(qb: Any) -> Any:
    return Customer.all(max_results=1, qb=qb)[0].to_ref()


def _account(qb: Any, kind: str) -> Any:
    return Account.filter(AccountType=kind, qb=qb)[0].to_ref()


def _bank(qb: Any) -> Any:
    return Account.where("Name = 'checking'", max_results=1, qb=qb)[0].to_ref()
