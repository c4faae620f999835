"""What customers owe besides invoices and payments: journal entries, opening balances, exchange, what is automatic."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.worker.sandbox.app import App, invoice, line
from tests.worker.sandbox.transactions import Fields, account, balances, entry, now, paid, payment, read
from worker.sandbox import accountant
from worker.sandbox.faults import Fault


def owed(app: App, customer: str = "1") -> object:
    return read(app, "Customer", customer)["Balance"]


def test_a_journal_entry_changes_what_a_customer_owes(app: App) -> None:
    app.made("Invoice", invoice(line(100)))
    receivable, bank = account(app, "AccountsReceivable"), account(app, "Checking")
    lines = [entry("Debit", 40, bank), entry("Credit", 40, receivable, "1")]
    made = app.made("JournalEntry", {"Line": lines, "PrivateNote": "paid in cash"})
    assert ([each["Id"] for each in made["Line"]], made["TotalAmt"]) == (["0", "1"], 0)
    assert made["Line"][1]["JournalEntryLineDetail"]["Entity"]["EntityRef"]["name"] == "Amy's Bird Sanctuary"
    assert (owed(app), balances(app, "1")) == (60, [100])
    used = app.made("Payment", payment(0, paid("1", 40), paid(made["Id"], 40, "JournalEntry")))
    assert (owed(app), balances(app, "1"), used["UnappliedAmt"]) == (60, [60], 0)
    found = read(app, "JournalEntry", made["Id"])
    less = [entry("Debit", 30, bank), entry("Credit", 30, receivable, "1")]
    assert app.refused("JournalEntry", now(found, Line=less)) == "6480"
    turned = [entry("Credit", 40, bank), entry("Debit", 40, receivable, "1")]
    assert app.refused("JournalEntry", now(found, Line=turned)) == "6480"
    assert app.refused("JournalEntry", now(found), operation="void") == "500"


def test_money_that_a_customer_pays_in_is_a_credit(app: App) -> None:
    app.made("Invoice", invoice(line(100)))
    detail = {"AccountRef": account(app, "AccountsReceivable"), "Entity": {"value": "1", "type": "CUSTOMER"}}
    bank = account(app, "Checking")
    fields = {"DepositToAccountRef": bank, "Line": [{"Amount": 60, "DepositLineDetail": detail}]}
    made = app.made("Deposit", fields)
    assert owed(app) == 40
    app.made("Payment", payment(0, paid("1", 60), paid(made["Id"], 60, "Deposit")))
    assert (owed(app), balances(app, "1")) == (40, [40])
    assert app.refused("Deposit", now(read(app, "Deposit", made["Id"])), operation="delete") == "6480"
    nobody = {"AccountRef": account(app, "AccountsReceivable")}
    assert app.refused("Deposit", {**fields, "Line": [{"Amount": 60, "DepositLineDetail": nobody}]}) == "6000"


def test_an_entry_of_several_customers_is_no_credit_of_one(app: App) -> None:
    receivable = account(app, "AccountsReceivable")
    lines = [entry("Credit", 10, receivable, "1"), entry("Debit", 10, receivable, "2")]
    made = app.made("JournalEntry", {"Line": lines})
    assert (owed(app, "1"), owed(app, "2")) == (-10, 10)
    app.made("Invoice", invoice(line(10)))
    used = payment(0, paid("2", 10), paid(made["Id"], 10, "JournalEntry"))
    assert app.refused("Payment", used) == "6000"


@pytest.mark.parametrize(
    ("debit", "credit", "code"),
    [
        ({"Amount": 10}, {"Amount": 9}, "6000"),
        ({"Amount": None}, {}, "2020"),
        ({"Amount": -10}, {"Amount": -10}, "6000"),
        ({"DetailType": None}, {}, "2020"),
        ({"DetailType": "SalesItemLineDetail"}, {}, "2170"),
        ({"PostingType": None}, {}, "2020"),
        ({"PostingType": "Sideways"}, {}, "2170"),
        ({"AccountRef": None}, {}, "2020"),
        ({"AccountRef": {"value": "99"}}, {}, "2500"),
        ({"Tag": "x"}, {}, "2010"),
        ({}, {"Entity": None}, "6000"),
        ({}, {"Entity": {"Type": "Customer"}}, "2020"),
        ({}, {"Entity": {"Type": "Stranger", "EntityRef": {"value": "1"}}}, "2170"),
        ({}, {"Entity": {"Type": "Customer", "EntityRef": {"value": "99"}}}, "2500"),
        ({}, {"Entity": {"Type": "Customer", "EntityRef": {"value": "3"}}}, "2500"),
        ({}, {"Entity": {"Type": "Vendor", "EntityRef": {"value": "3"}}}, "6000"),
    ],
)
def test_journal_entries_that_are_refused(app: App, debit: Fields, credit: Fields, code: str) -> None:
    lines = [
        entry("Debit", 10, account(app, "Checking")),
        entry("Credit", 10, account(app, "AccountsReceivable"), "1"),
    ]
    for each, changes in zip(lines, (debit, credit), strict=True):
        for name, value in changes.items():
            of = each if name in {"Amount", "DetailType"} else each["JournalEntryLineDetail"]
            of[name] = value
    assert app.refused("JournalEntry", {"Line": lines}) == code
    assert app.refused("JournalEntry", {"Line": []}) == "2020"


def test_an_opening_balance_becomes_an_invoice(app: App) -> None:
    fields = {"DisplayName": "Acme", "Balance": 100, "OpenBalanceDate": "2026-01-01"}
    made = app.made("Customer", fields)
    [opening] = app.rows("SELECT * FROM Invoice")
    assert (opening["TotalAmt"], opening["Balance"], opening["TxnDate"]) == (100, 100, "2026-01-01")
    assert opening["CustomerRef"] == {"value": made["Id"], "name": "Acme"}
    assert (made["Balance"], owed(app, made["Id"])) == (100, 100)
    equity = account(app, "OpeningBalanceEquity")["value"]
    assert read(app, "Account", equity)["CurrentBalance"] == 100
    app.made("Payment", payment(100, paid(opening["Id"], 100), CustomerRef={"value": made["Id"]}))
    assert app.made("Customer", now(made, Balance=55))["Balance"] == 0, "later it follows from transactions"
    assert app.refused("Customer", {"DisplayName": "Owed", "Balance": -1}) == "6000"
    app.sandbox.change_traits(app.company.realm, {"books_closed_until": "2026-01-31"})
    assert app.refused("Customer", {**fields, "DisplayName": "Late"}) == "6210"
    assert app.made("Customer", {"DisplayName": "Nothing", "Balance": 0})["Balance"] == 0
    assert len(app.rows("SELECT * FROM Invoice")) == 1


def test_credits_and_payments_are_applied_to_new_invoices_where_that_is_switched_on(app: App) -> None:
    memo = app.made("CreditMemo", invoice(line(30)))
    rest = app.made("Payment", payment(50))
    assert app.made("Invoice", invoice(line(10)))["Balance"] == 10
    sales = {"AutoApplyCredit": True, "AutoApplyPayments": True}
    app.made("Preferences", now(app.rows("SELECT * FROM Preferences")[0], SalesFormsPrefs=sales))
    made = app.made("Invoice", invoice(line(60)))
    assert (made["Balance"], [each["TxnType"] for each in made["LinkedTxn"]]) == (0, ["Payment", "Payment"])
    assert made == read(app, "Invoice", made["Id"])
    assert read(app, "CreditMemo", memo["Id"])["RemainingCredit"] == 0
    assert read(app, "Payment", rest["Id"])["UnappliedAmt"] == 20
    assert app.made("Invoice", invoice(line(25)))["Balance"] == 5


def test_a_deposit_on_an_invoice_is_paid_at_once(app: App) -> None:
    app.sandbox.change_traits(app.company.realm, {"allow_deposit": True})
    made = app.made("Invoice", invoice(line(100), Deposit=30))
    assert (made["TotalAmt"], made["Balance"], owed(app)) == (100, 70, 70)
    undeposited = account(app, "UndepositedFunds")["value"]
    assert read(app, "Account", undeposited)["CurrentBalance"] == 30
    assert app.refused("Invoice", now(made, Deposit=101)) == "6000"
    assert app.refused("Payment", payment(80, paid(made["Id"], 80))) == "6000"


def test_a_payment_in_another_currency_gains_or_loses_by_the_rate(uk: App) -> None:
    euro = {"CurrencyRef": {"value": "EUR"}}
    customer = {"value": uk.made("Customer", {"DisplayName": "Müller", **euro})["Id"]}
    sold = line(Decimal("100.01"), TaxCodeRef={"value": "3"})
    bill = invoice(sold, CustomerRef=customer, ExchangeRate=Decimal("0.85"), **euro)
    made = uk.made("Invoice", bill)
    assert (made["HomeTotalAmt"], made["HomeBalance"]) == (85.01, 85.01)
    for amount, rate in (("33.33", "0.9"), ("33.33", "0.8"), ("33.35", "0.875")):
        fields = {"CustomerRef": customer, **euro, "ExchangeRate": Decimal(rate)}
        uk.made("Payment", {**payment(Decimal(amount), paid(made["Id"], Decimal(amount))), **fields})
    receivable, gain = account(uk, "AccountsReceivable"), account(uk, "ExchangeGainOrLoss")
    assert read(uk, "Account", receivable["value"])["CurrentBalance"] == 0, "to the cent"
    received = Decimal("30.00") + Decimal("26.66") + Decimal("29.18")
    assert uk.company.ledger.account(gain["value"]) == Decimal("85.01") - received
    wrong = {**payment(5, paid(made["Id"], 5)), "CustomerRef": customer}
    assert uk.refused("Payment", wrong) == "2020", "with several currencies it must be said"


def test_the_accountants_hands_on_invoices(app: App) -> None:
    company, at = app.company, app.sandbox.now()
    for amount in (100, 50, 70):
        app.made("Invoice", invoice(line(amount)))
    made = accountant.receive_payment(company, "1", Decimal(100), {"1": Decimal(80)}, at)
    assert (made["UnappliedAmt"], balances(app, "1", "2")) == (20, [20, 50])
    accountant.move_payment(company, made["Id"], {"2": Decimal(50)}, at + timedelta(hours=1))
    assert balances(app, "1", "2") == [100, 0]
    memo = accountant.credit(company, "1", Decimal(30), at)
    assert (memo["TotalAmt"], memo["RemainingCredit"], balances(app, "1")) == (30, 0, [70])
    for each in ("1", "3"):
        accountant.write_off(company, each, at)
    assert company.journal.since(at)[-1].by == accountant.ACCOUNTANT
    assert balances(app, "1", "2", "3") == [0, 0, 0]
    assert owed(app) == -50, "the rest of the payment"
    [expense] = [each for each in company.every("Account") if each["Name"] == "Bad debts"]
    assert expense["CurrentBalance"] == 140
    assert accountant.credit(company, "1", Decimal(1), at)["RemainingCredit"] == 1


def test_the_accountants_hands_in_another_currency(uk: App) -> None:
    euro = {"CurrencyRef": {"value": "EUR"}}
    customer = uk.made("Customer", {"DisplayName": "Müller", **euro})["Id"]
    sold = line(100, TaxCodeRef={"value": "1"})
    made = uk.made("Invoice", invoice(sold, CustomerRef={"value": customer}, **euro))["Id"]
    at = uk.sandbox.now() + timedelta(days=40)
    accountant.receive_payment(uk.company, customer, Decimal(20), {made: Decimal(20)}, at)
    accountant.credit(uk.company, made, Decimal(30), at)
    accountant.write_off(uk.company, made, at)
    assert (balances(uk, made), owed(uk, customer)) == ([0], 0)
    receivable = account(uk, "AccountsReceivable")["value"]
    assert read(uk, "Account", receivable)["CurrentBalance"] == 0


def test_an_account_that_quickbooks_uses_itself_keeps_its_type(app: App) -> None:
    funds = app.company.account("UndepositedFunds")
    renamed = {"Id": funds["Id"], "SyncToken": "0", "Name": "Till", "AccountType": "Other Current Asset"}
    made = app.made("Account", renamed)
    assert (made["Name"], made["AccountSubType"]) == ("Till", "UndepositedFunds")
    assert app.refused("Account", now(made, AccountSubType="Inventory")) == "6000"
    assert app.refused("Account", now(made, AccountType="Bank")) == "6000"
    inventory = app.company.account("Inventory")["Id"]
    with pytest.raises(Fault, match="uses itself"):
        accountant.merge(app.company, "Account", made["Id"], inventory, app.sandbox.now())
    bank = app.made("Account", {"Name": "Savings", "AccountType": "Bank"})
    assert app.refused("Account", now(bank, AccountType="Accounts Receivable")) == "6000"
