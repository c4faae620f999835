"""Any request gets an answer or a fault that QuickBooks has, and leaves books that balance."""

import copy
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.products import router
from tests.worker.sandbox.app import App, discount, fault, invoice, line
from tests.worker.sandbox.transactions import entry, paid, payment
from worker.sandbox.books import snapshots
from worker.sandbox.entities.catalog import ENTITIES

APPS = {kind: App(kind) for kind in ("us", "us-ast", "uk", "ca")}
# The statuses and codes of an answer that no fault was asked for; 500 would be a defect of ours.
STATUSES = {200, 400}
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 12)
    | st.decimals(-1000, 1000, places=3)
    | st.sampled_from(
        ["", " ", "1", "2", "9999", "abc", "2026-02-30", "2026-05-05", "TAX", "NON", "USD", "x" * 600]
    )
    | st.text(max_size=3)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["value", "name", "x"]), inner)
    ),
    max_leaves=4,
)


def bodies(app: App) -> dict[str, list[dict[str, Any]]]:
    """Return usual requests by entity."""
    account = {"value": next(str(each["Id"]) for each in app.company.every("Account"))}
    receivable, bank = (
        {"value": app.company.account(each)["Id"]} for each in ("AccountsReceivable", "Checking")
    )
    currency = {"CurrencyRef": {"value": app.company.traits.home_currency}, "ExchangeRate": 1}
    *_, code = app.company.objects["TaxCode"]
    taxed = {"TaxCodeRef": {"value": "TAX" if app.company.traits.country == "US" else code}}
    sold = line(20, **taxed)
    applied = [paid("1", 5), paid("2", 5, "CreditMemo")]
    return {
        "customer": [
            {
                "DisplayName": "A",
                "BillAddr": {"Line1": "1"},
                "ParentRef": {"value": "1"},
                "Job": True,
                "Balance": 7,
            },
            {"Id": "1", "SyncToken": "0", "sparse": True, "Active": False},
        ],
        "vendor": [{"DisplayName": "V"}, {"Id": "3", "SyncToken": "0", "sparse": True, "DisplayName": "W"}],
        "item": [{"Name": "I", "Type": "Service", "IncomeAccountRef": account}, router(app.company)],
        "account": [
            {"Name": "B", "AccountType": "Bank"},
            {"Id": bank["value"], "SyncToken": "0", "Name": "C", "AccountType": "Bank", "Active": False},
            {"Id": receivable["value"], "SyncToken": "0", "sparse": True, "AccountSubType": "Savings"},
        ],
        "term": [{"Name": "T", "DueDays": 5}, {"Name": "U", "DayOfMonthDue": 31}],
        "invoice": [
            invoice(
                line(100, Qty=2, UnitPrice=50, ServiceDate="2026-05-05", **taxed),
                sold,
                discount(percent=10),
                CurrencyRef={"value": app.company.traits.home_currency},
                GlobalTaxCalculation="TaxInclusive",
                SalesTermRef={"value": "1"},
                BillEmail={"Address": "a@b.example"},
                TxnTaxDetail={"TxnTaxCodeRef": {"value": code}},
            ),
            {"Id": "1", "SyncToken": "0", "sparse": True, "PrivateNote": "x"},
            invoice(sold, **currency, LinkedTxn=paid("3", 0, "Estimate")["LinkedTxn"], Deposit=0),
        ],
        "creditmemo": [
            invoice(sold, **currency),
            {"Id": "2", "SyncToken": "0", "sparse": True, "Line": [sold]},
        ],
        "estimate": [
            invoice(sold, **currency, TxnStatus="Accepted", ExpirationDate="2026-05-05"),
            {"Id": "3", "SyncToken": "0", "sparse": True, "TxnStatus": "Closed"},
        ],
        "salesreceipt": [invoice(sold, **currency, DepositToAccountRef=bank), {"Line": [sold], **currency}],
        "refundreceipt": [invoice(sold, **currency, DepositToAccountRef=bank)],
        "payment": [
            payment(10, paid("1", 5), **currency, DepositToAccountRef=bank, PaymentRefNum="7"),
            payment(0, *applied, **currency),
            {"Id": "5", "SyncToken": "0", "sparse": True, "Line": applied, "TotalAmt": 3},
        ],
        "journalentry": [
            {"Line": [entry("Debit", 9, bank), entry("Credit", 9, receivable, "1")], **currency},
            {"Id": "6", "SyncToken": "0", "sparse": True, "Adjustment": True},
        ],
        "deposit": [
            {
                "DepositToAccountRef": bank,
                **currency,
                "Line": [
                    paid("5", 3, "Payment"),
                    {"Amount": 4, "DepositLineDetail": {"AccountRef": receivable, "Entity": {"value": "1"}}},
                ],
                "CashBack": {"AccountRef": bank, "Amount": 1},
            },
            {"Id": "7", "SyncToken": "0", "sparse": True, "PrivateNote": "x"},
        ],
    }


def open_books(app: App) -> None:
    """Write a transaction of each entity, with the Ids from 1 on."""
    currency = {"CurrencyRef": {"value": app.company.traits.home_currency}}
    for name in ("Invoice", "CreditMemo", "Estimate", "SalesReceipt"):
        app.made(name, invoice(**currency, GlobalTaxCalculation="NotApplicable"))
    app.made("Payment", payment(3, paid("1", 1), **currency))
    receivable, bank = (
        {"value": app.company.account(each)["Id"]} for each in ("AccountsReceivable", "Checking")
    )
    app.made(
        "JournalEntry", {"Line": [entry("Debit", 9, receivable, "1"), entry("Credit", 9, bank)], **currency}
    )
    lines = [paid("4", 100, "SalesReceipt")]
    app.made("Deposit", {"DepositToAccountRef": bank, "Line": lines, **currency})


for each_app in APPS.values():
    open_books(each_app)
USUAL = {kind: bodies(app) for kind, app in APPS.items()}
STARTS = {kind: snapshots.taken(app.company) for kind, app in APPS.items()}


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, Any, dict[str, str]]:
    """Draw a company, a path, and a usual body in which one place is changed."""
    kind = draw(st.sampled_from(sorted(APPS)))
    entity = draw(st.sampled_from(sorted(USUAL[kind])))
    body = copy.deepcopy(draw(st.sampled_from(USUAL[kind][entity])))
    if "Id" in body and draw(st.booleans()):
        stored = APPS[kind].company.get(next(n for n in ENTITIES if n.lower() == entity), body["Id"])
        body["SyncToken"] = stored["SyncToken"] if stored else "0"
    for _ in range(draw(st.integers(0, 2))):
        place: Any = body
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            place[key] = draw(values)
            break
    operation = draw(st.sampled_from([None, None, None, "update", "delete", "void", "fly"]))
    return kind, entity, body, {} if operation is None else {"operation": operation}


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_any_write_is_answered_or_refused_and_the_books_balance(
    drawn: tuple[str, str, Any, dict[str, str]],
) -> None:
    kind, entity, body, query = drawn
    company = APPS[kind].company
    snapshots.restore(company, STARTS[kind])
    reply = APPS[kind].call("POST", entity, body, **query)
    assert reply.status in STATUSES, reply.body
    msgspec.json.decode(reply.body)
    assert sum((posting.home for _, posting in company.ledger.postings()), Decimal(0)) == 0
    receivable = company.ledger.account(company.account("AccountsReceivable")["Id"])
    assert receivable == sum(each["Balance"] for each in company.every("Customer"))


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.lists(
        st.sampled_from(["invoice", "customer", "1", "send", "pdf", "batch", "cdc", "query", "", "é"]),
        max_size=4,
    ),
    st.binary(max_size=20) | values.map(msgspec.json.encode),
    st.dictionaries(
        st.sampled_from(["query", "operation", "include", "requestid", "entities"]), st.text(max_size=9)
    ),
)
def test_any_path_is_answered_or_refused(
    method: str, parts: list[str], body: bytes, query: dict[str, str]
) -> None:
    reply = APPS["us"].call(method, "/".join(parts), body, **query)
    assert reply.status in STATUSES | {404}, reply.body


@pytest.mark.parametrize(
    "inner", [b"[" * 5000, b'{"a":' * 5000, b'{"a":' * 900 + b"1" + b"}" * 900, b'{"a": 1e9999999}']
)
@pytest.mark.parametrize("path", ["payment", "batch"])
def test_numbers_and_levels_beyond_all_measure_are_refused(path: str, inner: bytes) -> None:
    start = b'{"CustomerRef": {"value": "1"}, "TotalAmt": 1, "CheckPayment": '
    assert fault(APPS["us"].call("POST", path, start + inner + b"}")) in {"2010", "2020"}
    control = f"books/{APPS['us'].company.realm}/Payment"
    assert APPS["us"].control(control, start + inner + b"}").status in {400, 409}


def test_a_number_that_is_nearly_nothing_is_refused() -> None:
    for price in (Decimal("1e-21"), "1e-999999"):
        assert APPS["us"].refused("Item", {**USUAL["us"]["item"][0], "UnitPrice": price}) == "6000"
