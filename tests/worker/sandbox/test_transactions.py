"""Payments, credit memos, receipts, estimates, journal entries and deposits: their rules, and what links them."""

from decimal import Decimal

import pytest

from tests.worker.sandbox.app import App, fault, invoice, line
from tests.worker.sandbox.transactions import Fields, account, balances, now, paid, payment, read


@pytest.fixture
def billed(app: App) -> App:
    """An app whose company has two invoices of the first customer, of 100 and 50, and one of the second."""
    for amount, customer in ((100, "1"), (50, "1"), (70, "2")):
        app.made("Invoice", invoice(line(amount), CustomerRef={"value": customer}))
    return app


def test_a_payment_of_several_invoices_leaves_the_rest_unapplied(billed: App) -> None:
    made = billed.made("Payment", payment(130, paid("1", 100), paid("2", 20), PaymentRefNum="W-991"))
    assert (made["UnappliedAmt"], made["ProcessPayment"]) == (10, False)
    assert made["DepositToAccountRef"] == account(billed, "UndepositedFunds")
    assert balances(billed, "1", "2") == [0, 30]
    assert read(billed, "Invoice", "2")["LinkedTxn"] == [{"TxnId": made["Id"], "TxnType": "Payment"}]
    assert read(billed, "Customer", "1")["Balance"] == 20
    [first, _] = made["Line"]
    clutter = {each["value"]["Name"]: each["value"]["Value"] for each in first["LineEx"]["any"]}
    assert clutter == {"txnId": "1", "txnOpenBalance": "100.00", "txnReferenceNumber": "1001"}
    assert billed.made("Payment", {**made, "sparse": False}) == made, "what was read can be sent back"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TotalAmt": None}, "6000"),
        ({"TotalAmt": -1}, "6000"),
        ({"TotalAmt": "much"}, "2010"),
        ({"CustomerRef": None}, "2020"),
        ({"CustomerRef": {"value": "99"}}, "2500"),
        ({"CustomerRef": {"value": "2"}}, "6000"),
        ({"DepositToAccountRef": {"value": "99"}}, "2500"),
        ({"PaymentMethodRef": {"value": "99"}}, "2500"),
        ({"PaymentRefNum": "x" * 22}, "2050"),
        ({"CurrencyRef": {"value": "EUR"}}, "6000"),
        ({"TxnDate": "soon"}, "2010"),
        ({"TxnDate": "2026-01-31"}, "6210"),
        ({"Tip": 5}, "2010"),
        ({"Line": [paid("1", Decimal("100.01"))], "TotalAmt": 200}, "6000"),
        ({"Line": [paid("1", 60), paid("1", 60)], "TotalAmt": 200}, "6000"),
        ({"Line": [paid("1", 100)], "TotalAmt": 99}, "6000"),
        ({"Line": [paid("1", None)]}, "2020"),
        ({"Line": [paid("1", -5)]}, "6000"),
        ({"Line": [paid("3", 5)]}, "6000"),
        ({"Line": [paid("99", 5)]}, "2500"),
        ({"Line": [paid("1", 5, "CreditMemo")]}, "2500"),
        ({"Line": [paid("1", 5, "Bill")]}, "2500"),
        ({"Line": [paid("1", 5, "Love letter")]}, "2170"),
        ({"Line": [{"Amount": 5}]}, "2020"),
        ({"Line": [{"Amount": 5, "LinkedTxn": [{"TxnId": "1"}]}]}, "2020"),
        (
            {"Line": [{"Amount": 5, "LinkedTxn": [*paid("1", 5)["LinkedTxn"], *paid("2", 5)["LinkedTxn"]]}]},
            "6000",
        ),
    ],
)
def test_payments_that_are_refused(billed: App, changes: Fields, code: str) -> None:
    billed.sandbox.change_traits(billed.company.realm, {"books_closed_until": "2026-01-31"})
    assert billed.refused("Payment", {**payment(10, paid("1", 5)), **changes}) == code


def test_a_payment_goes_to_the_invoices_of_jobs_but_not_of_those_above(billed: App) -> None:
    job = billed.made("Customer", {"DisplayName": "Kitchen", "ParentRef": {"value": "1"}})["Id"]
    of_job = billed.made("Invoice", invoice(line(30), CustomerRef={"value": job}))["Id"]
    billed.made("Payment", payment(10, paid(of_job, 10)))
    assert billed.refused("Payment", payment(10, paid("1", 10), CustomerRef={"value": job})) == "6000"
    assert read(billed, "Customer", job)["Balance"] == 20
    assert read(billed, "Customer", "1")["BalanceWithJobs"] == 170


def test_an_allocation_that_is_moved_is_told_of_the_new_invoice_alone(billed: App) -> None:
    made = billed.made("Payment", payment(50, paid("1", 50)))
    position = len(billed.company.journal)
    moved = billed.made("Payment", now(made, Line=[paid("2", 50)]))
    assert balances(billed, "1", "2") == [100, 0]
    assert [read(billed, "Invoice", each)["SyncToken"] for each in ("1", "2")] == ["2", "1"]
    told = {(each.entity, each.identifier): each.notified for each in billed.company.journal.after(position)}
    assert told == {("Payment", made["Id"]): True, ("Invoice", "1"): False, ("Invoice", "2"): True}
    assert billed.made("Payment", now(moved, PrivateNote="thanks"))["Line"] == moved["Line"]
    assert read(billed, "Invoice", "2")["SyncToken"] == "1"


def test_invoices_keep_their_sync_token_where_payments_do_not_change_it(billed: App) -> None:
    billed.sandbox.change_traits(billed.company.realm, {"payments_change_invoices": False})
    billed.made("Payment", payment(50, paid("1", 50)))
    found = read(billed, "Invoice", "1")
    assert (found["Balance"], found["SyncToken"]) == (50, "0")


def test_a_voided_payment_stays_and_a_deleted_one_goes(billed: App) -> None:
    made = billed.made("Payment", payment(60, paid("1", 50)))
    voided = billed.made("Payment", now(made), operation="update", include="void")
    assert (voided["TotalAmt"], voided["UnappliedAmt"], voided["Line"]) == (0, 0, [])
    assert voided["PrivateNote"] == "Voided"
    assert billed.made("Payment", now(voided, PrivateNote="a mistake"))["PrivateNote"] == "a mistake"
    other = billed.made("Payment", payment(100, paid("1", 100)))
    assert billed.call("POST", "payment", now(other), operation="delete").status == 200
    assert balances(billed, "1") == [100]
    assert fault(billed.call("GET", f"payment/{other['Id']}")) == "610"


def test_a_credit_memo_is_applied_by_a_payment_of_nothing(billed: App) -> None:
    memo = billed.made("CreditMemo", invoice(line(40)))
    assert (memo["DocNumber"], memo["RemainingCredit"], memo["Balance"]) == ("1004", 40, 40)
    assert read(billed, "Customer", "1")["Balance"] == 110
    applied = billed.made("Payment", payment(0, paid("1", 30), paid(memo["Id"], 30, "CreditMemo")))
    assert (applied["UnappliedAmt"], balances(billed, "1")) == (0, [70])
    found = read(billed, "CreditMemo", memo["Id"])
    assert (found["RemainingCredit"], found["TotalAmt"]) == (10, 40)
    assert read(billed, "Customer", "1")["Balance"] == 110
    assert billed.refused("Payment", payment(0, paid("1", 20), paid(memo["Id"], 20, "CreditMemo"))) == "6000"
    assert billed.refused("CreditMemo", now(found, Line=[line(29)])) == "6480", "30 of it are used"
    assert billed.refused("CreditMemo", now(found), operation="delete") == "6480"
    assert billed.refused("CreditMemo", now(found), operation="void") == "500"


@pytest.mark.parametrize("operation", ["update", "void"])
def test_a_paid_invoice_does_not_shrink_unless_the_company_releases_payments(
    billed: App, operation: str
) -> None:
    made = billed.made("Payment", payment(80, paid("1", 80)))
    change = now(read(billed, "Invoice", "1"), **({"Line": [line(30)]} if operation == "update" else {}))
    assert billed.refused("Invoice", change, operation=operation) == "6480"
    assert billed.refused("Invoice", now(change, CustomerRef={"value": "2"})) == "6480"
    assert billed.refused("Invoice", change, operation="delete") == "6480"
    billed.sandbox.change_traits(billed.company.realm, {"payments_are_released": True})
    changed = billed.made("Invoice", change, operation=operation)
    kept = 30 if operation == "update" else 0
    assert (changed["TotalAmt"], changed["Balance"]) == (kept, 0)
    released = read(billed, "Payment", made["Id"])
    assert (released["TotalAmt"], released["UnappliedAmt"]) == (80, 80 - kept)
    assert read(billed, "Customer", "1")["Balance"] == kept + 50 - 80


def test_a_credit_that_paid_for_a_voided_invoice_can_be_used_again(billed: App) -> None:
    billed.sandbox.change_traits(billed.company.realm, {"payments_are_released": True})
    memos = [billed.made("CreditMemo", invoice(line(amount)))["Id"] for amount in (30, 60)]
    credited = (paid(memos[0], 30, "CreditMemo"), paid(memos[1], 60, "CreditMemo"))
    made = billed.made("Payment", payment(25, paid("2", 15), paid("1", 100), *credited))
    billed.made("Invoice", now(read(billed, "Invoice", "1")), operation="void")
    assert [read(billed, "CreditMemo", each)["RemainingCredit"] for each in memos] == [15, 60]
    assert read(billed, "Payment", made["Id"])["UnappliedAmt"] == 25


def test_a_payment_in_the_closed_books_is_not_released(billed: App) -> None:
    billed.sandbox.change_traits(billed.company.realm, {"payments_are_released": True})
    billed.made("Payment", payment(100, paid("1", 100), TxnDate="2026-01-31"))
    billed.sandbox.change_traits(billed.company.realm, {"books_closed_until": "2026-01-31"})
    invoiced = now(read(billed, "Invoice", "1"))
    assert billed.refused("Invoice", invoiced, operation="void") == "6210"
    billed.sandbox.change_traits(billed.company.realm, {"books_closed_until": "2026-01-30"})
    billed.made("Invoice", invoiced, operation="void")


def test_a_deposited_payment_cannot_be_changed(billed: App) -> None:
    made = billed.made("Payment", payment(100, paid("1", 100)))
    receipt = billed.made("SalesReceipt", invoice(line(20)))
    fee = {"Amount": -3, "DepositLineDetail": {"AccountRef": account(billed, "DiscountsRefundsGiven")}}
    lines = [paid(made["Id"], 100, "Payment"), paid(receipt["Id"], 20, "SalesReceipt"), fee]
    bank = account(billed, "Checking")
    deposit = billed.made("Deposit", {"DepositToAccountRef": bank, "Line": lines})
    assert deposit["TotalAmt"] == 117
    assert read(billed, "Account", bank["value"])["CurrentBalance"] == 117
    undeposited = account(billed, "UndepositedFunds")["value"]
    assert read(billed, "Account", undeposited)["CurrentBalance"] == 0
    for name, each in (("Payment", made), ("SalesReceipt", receipt)):
        found = read(billed, name, each["Id"])
        assert found["LinkedTxn"] == [{"TxnId": deposit["Id"], "TxnType": "Deposit"}]
        assert billed.refused(name, now(found, PrivateNote="late")) == "6540"
        assert billed.refused(name, now(found), operation="update", include="void") == "6540"
        assert billed.refused(name, now(found), operation="delete") == "6540"
    billed.sandbox.change_traits(billed.company.realm, {"payments_are_released": True})
    assert billed.refused("Invoice", now(read(billed, "Invoice", "1")), operation="void") == "6540"
    assert billed.call("POST", "deposit", now(deposit), operation="delete").status == 200
    billed.made("Payment", now(read(billed, "Payment", made["Id"]), PrivateNote="late"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DepositToAccountRef": None}, "2020"),
        ({"DepositToAccountRef": {"value": "99"}}, "2500"),
        ({"Line": []}, "2020"),
        ({"Line": [paid("4", 99, "Payment")]}, "6000"),
        ({"Line": [paid("4", 100, "Payment")] * 2}, "6000"),
        ({"Line": [paid("1", 100, "Invoice")]}, "6000"),
        ({"Line": [paid("9", 100, "Payment")]}, "2500"),
        ({"Line": [{"Amount": 5}]}, "2020"),
        ({"Line": [{"Amount": 5, "DepositLineDetail": {"AccountRef": {"value": "99"}}}]}, "2500"),
        ({"CashBack": {"Amount": 5}}, "2020"),
    ],
)
def test_deposits_that_are_refused(billed: App, changes: Fields, code: str) -> None:
    billed.made("Payment", payment(100, paid("1", 100)))
    right = {"DepositToAccountRef": account(billed, "Checking"), "Line": [paid("4", 100, "Payment")]}
    assert billed.refused("Deposit", {**right, **changes}) == code
    income = account(billed, "ServiceFeeIncome")
    assert billed.refused("Deposit", {**right, "DepositToAccountRef": income}) == "6000"
    billed.made("Deposit", right)
    assert billed.refused("Deposit", right) == "6000", "it is in a deposit already"


def test_receipts_move_money_at_once(app: App) -> None:
    bank = account(app, "Checking")
    sold = app.made("SalesReceipt", {"Line": [line(100)], "DepositToAccountRef": bank})
    assert (sold["Balance"], sold["DocNumber"], "CustomerRef" in sold) == (0, "1001", False)
    refund = app.made("RefundReceipt", invoice(line(30), DepositToAccountRef=bank))
    assert (refund["TotalAmt"], refund["DocNumber"]) == (30, "1002")
    assert read(app, "Account", bank["value"])["CurrentBalance"] == 70
    assert app.refused("RefundReceipt", invoice(line(30))) == "2020"
    assert app.refused("RefundReceipt", now(refund), operation="void") == "500"
    assert app.made("SalesReceipt", now(sold), operation="update", include="void")["TotalAmt"] == 0
    assert read(app, "Account", bank["value"])["CurrentBalance"] == -30
    receivable = account(app, "AccountsReceivable")
    assert app.refused("SalesReceipt", invoice(DepositToAccountRef=receivable)) == "6000"


@pytest.mark.parametrize("customer", [None, {"value": "1"}])
def test_an_invoice_is_linked_to_estimates_only(app: App, customer: Fields | None) -> None:
    receipt = app.made("SalesReceipt", {"CustomerRef": customer, "Line": [line(5)]})
    link = {"TxnId": receipt["Id"], "TxnType": "SalesReceipt"}
    assert app.refused("Invoice", invoice(LinkedTxn=[link])) == "6000"
    assert app.refused("Invoice", invoice({**line(5), "LinkedTxn": [link]})) == "6000"


def test_an_invoice_closes_its_estimate(app: App) -> None:
    made = app.made("Estimate", invoice(line(80), ExpirationDate="2026-06-30"))
    assert (made["TxnStatus"], made["DocNumber"]) == ("Pending", "1001")
    accepted = app.made("Estimate", now(made, TxnStatus="Accepted", AcceptedBy="Amy"))
    link = [{"TxnId": made["Id"], "TxnType": "Estimate"}]
    billed = app.made("Invoice", invoice({**line(80), "LinkedTxn": link}))
    assert (billed["LinkedTxn"], billed["DocNumber"]) == (link, "1001")
    closed = read(app, "Estimate", made["Id"])
    assert closed["TxnStatus"] == "Closed"
    assert closed["LinkedTxn"] == [{"TxnId": billed["Id"], "TxnType": "Invoice"}]
    assert int(closed["SyncToken"]) > int(accepted["SyncToken"])
    assert app.rows("SELECT Id FROM Estimate WHERE TxnStatus = 'Closed'")
    assert app.made("Estimate", {**closed, "sparse": False}) == closed, "what was read can be sent back"
    assert app.refused("Estimate", now(closed), operation="delete") == "6480"
    app.made("Invoice", now(billed), operation="void")
    assert read(app, "Estimate", made["Id"])["TxnStatus"] == "Accepted"
    assert app.company.ledger.of(("Estimate", made["Id"])) == ()


@pytest.mark.parametrize(
    ("entity", "changes", "code"),
    [
        ("Estimate", {"TxnStatus": "Perhaps"}, "2170"),
        ("Estimate", {"ExpirationDate": "soon"}, "2010"),
        ("Invoice", {"LinkedTxn": [{"TxnId": "99", "TxnType": "Estimate"}]}, "2500"),
        ("Invoice", {"LinkedTxn": [{"TxnId": "99", "TxnType": "TimeActivity"}]}, "2500"),
        (
            "Invoice",
            {"LinkedTxn": [{"TxnId": "1", "TxnType": "Estimate"}], "CustomerRef": {"value": "2"}},
            "6000",
        ),
        ("Invoice", {"Deposit": 10}, "6000"),
        ("Invoice", {"ARAccountRef": {"value": "1150040001"}}, "6000"),
        ("CreditMemo", {"Line": []}, "2020"),
        ("CreditMemo", {"CustomerRef": None}, "2020"),
        ("CreditMemo", {"ExpirationDate": "2026-06-30"}, "2010"),
        ("SalesReceipt", {"Line": None}, "2020"),
        ("SalesReceipt", {"CurrencyRef": {"value": "EUR"}, "CustomerRef": None}, "6000"),
        ("SalesReceipt", {"DueDate": "2026-06-30"}, "2010"),
        ("RefundReceipt", {"DepositToAccountRef": {"value": "99"}}, "2500"),
    ],
)
def test_forms_that_are_refused(app: App, entity: str, changes: Fields, code: str) -> None:
    estimate = app.made("Estimate", invoice())
    assert app.refused(entity, {**invoice(), **changes}) == code
    numbers = [app.made(name, invoice())["DocNumber"] for name in ("Invoice", "Estimate")]
    assert numbers == ["1001", str(int(estimate["DocNumber"]) + 1)], "no number is lost"
