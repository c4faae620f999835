"""Invoices: what adds up to the cent, what must be there, and what the books refuse."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.products import router
from tests.worker.sandbox.app import App, decoded, discount, fault, invoice, line
from worker.sandbox.messages import Reply

CENT = Decimal("0.01")
APPS = {kind: App(kind) for kind in ("us", "us-ast", "uk", "ca")}
CODES = {
    "us": {"TAX": "8", "NON": "0"},
    "us-ast": {"TAX": "8.875", "NON": "0"},
    "uk": {"1": "20", "2": "5", "3": "0"},
    "ca": {"1": "5", "2": "13", "3": "14"},
}
amounts = st.decimals(Decimal("-999999.99"), Decimal("9999999.99"), places=2)
prices = st.decimals(0, 99999, places=4)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=5)
JSON = msgspec.json.Decoder(float_hook=Decimal)


@st.composite
def priced_lines(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    code = {"TaxCodeRef": {"value": draw(st.sampled_from(sorted(CODES[kind])))}}
    if draw(st.booleans()):
        return line(draw(amounts), **code)
    quantity, price = draw(prices), draw(prices)
    exact = (quantity * price).quantize(CENT, ROUND_HALF_UP)
    return line(exact, Qty=quantity, UnitPrice=price, **code)


@st.composite
def any_invoice(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(sorted(APPS)))
    lines = draw(st.lists(priced_lines(kind), min_size=1, max_size=6))
    if draw(st.booleans()):
        lines.append(discount(amount=draw(st.decimals(0, 5000, places=draw(st.integers(0, 3))))))
    elif draw(st.booleans()):
        lines.append(discount(percent=draw(st.decimals(0, 120, places=3))))
    if draw(st.booleans()):
        lines.append({"DetailType": "DescriptionOnly", "Description": draw(texts)})
    fields: dict[str, Any] = {"CurrencyRef": {"value": "GBP"}} if kind == "uk" else {}
    if draw(st.booleans()):
        fields["ApplyTaxAfterDiscount"] = draw(st.booleans())
    return kind, invoice(*draw(st.permutations(lines)), **fields)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_invoice())
def test_the_total_is_lines_less_discount_plus_tax_to_the_cent(wanted: tuple[str, dict[str, Any]]) -> None:
    kind, body = wanted
    reply = APPS[kind].call("POST", "invoice", body)
    event(f"status {reply.status}")
    if reply.status != 200:
        assert fault(reply) == "6000"
        return
    made = JSON.decode(reply.body)["Invoice"]
    of: dict[str, list[dict[str, Any]]] = {}
    for each in made["Line"]:
        of.setdefault(each["DetailType"], []).append(each)
    sent = [each for each in body["Line"] if each["DetailType"] == "SalesItemLineDetail"]
    subtotal = sum((Decimal(each["Amount"]) for each in sent), Decimal(0))
    taken = sum((Decimal(each["Amount"]) for each in of.get("DiscountLineDetail", [])), Decimal(0))
    tax, total = Decimal(made["TxnTaxDetail"]["TotalTax"]), Decimal(made["TotalAmt"])
    assert total == subtotal - taken + tax
    assert total == Decimal(made["Balance"]) >= 0
    assert all(figure == figure.quantize(CENT) for figure in (total, tax, taken))
    assert [Decimal(each["Amount"]) for each in of["SubTotalLineDetail"]] == [subtotal]
    assert len(of["SalesItemLineDetail"]) == len(sent)
    before_tax = kind in {"uk", "ca"} or body.get("ApplyTaxAfterDiscount", False)
    share = 1 - taken / subtotal if subtotal and before_tax else Decimal(1)
    bases: dict[Decimal, Decimal] = {}
    for each in sent:
        bases[rate(kind, each)] = bases.get(rate(kind, each), Decimal(0)) + Decimal(each["Amount"])
    taxes = sum((base * percent * share for percent, base in bases.items()), Decimal(0))
    assert abs(tax - taxes) <= (CENT / 2 + Decimal("1e-9")) * len(bases), "each rate is rounded by itself"
    percents = [each for each in body["Line"] if each.get("DiscountLineDetail")]
    if percents:
        percent = percents[0]["DiscountLineDetail"]["DiscountPercent"]
        assert taken == (subtotal * percent / 100).quantize(CENT, ROUND_HALF_UP)


def rate(kind: str, each: dict[str, Any]) -> Decimal:
    return Decimal(CODES[kind][each["SalesItemLineDetail"]["TaxCodeRef"]["value"]]) / 100


def test_quickbooks_completes_a_new_object(app: App) -> None:
    made = app.made("Invoice", invoice(line(Decimal("46.60")), TxnDate="2026-05-20"))
    assert made["Id"] == "1"
    assert made["SyncToken"] == "0"
    assert made["DocNumber"] == "1001"
    assert made["DueDate"] == "2026-06-19", "thirty days without a term"
    assert made["CustomerRef"] == {"value": "1", "name": "Amy's Bird Sanctuary"}
    assert made["CurrencyRef"] == {"value": "USD", "name": "United States Dollar"}
    assert made["MetaData"]["CreateTime"] == "2026-05-05T05:00:00-07:00"
    assert made["Line"][0]["SalesItemLineDetail"]["ItemRef"] == {"value": "1", "name": "Services"}
    assert decoded(app.call("GET", "invoice/1"))["Invoice"] == made
    app.later(14 * 3600)  # two in the morning in London
    assert app.made("Invoice", invoice())["TxnDate"] == "2026-05-05", "the company's date, not ours"


def test_numbers_are_printed_without_trailing_zeros(app: App) -> None:
    body = app.call("POST", "invoice", invoice(line(Decimal("46.60")), line(Decimal("1E+2")))).body
    for printed in (b'"Amount":46.6,', b'"Amount":100,', b'"TotalAmt":146.6,', b'"TotalTax":0}'):
        assert printed in body


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CustomerRef": None}, "2020"),
        ({"Line": None}, "2020"),
        ({"Line": []}, "2020"),
        ({"Line": [{**line(), "Amount": None}]}, "2020"),
        ({"Line": [line("x")]}, "2010"),
        ({"Line": [line(True)]}, "2010"),
        ({"Line": [{**line(), "DetailType": "Strange"}]}, "2170"),
        ({"Line": "x"}, "2010"),
        ({"Line": ["x"]}, "2010"),
        ({"Lines": []}, "2010"),
        ({"AllowOnlineCreditCard": True}, "2010"),
        ({"CustomerRef": "1"}, "2010"),
        ({"CustomerMemo": "thanks"}, "2010"),
        ({"TxnDate": "5 May"}, "2010"),
        ({"DueDate": "2026-02-30"}, "2010"),
        ({"TxnDate": "9999-12-31"}, "2010"),
        ({"DocNumber": "x" * 22}, "2050"),
        ({"PrivateNote": "x" * 4001}, "2050"),
        ({"CustomerMemo": {"value": "x" * 1001}}, "2050"),
        ({"Line": [{**line(), "Description": "x" * 4001}]}, "2050"),
        ({"PrivateNote": "😀" * 2001}, "2050"),
        ({"PrivateNote": "\x07"}, "2010"),
        ({"Line": [{**line(), "Description": "half \ufffe"}]}, "2010"),
        ({"ShipAddr": {"Line1": "x" * 501}}, "2050"),
        ({"BillAddr": {"PostalCode": "x" * 31}}, "2050"),
        ({"BillEmail": {"Address": f"{'x' * 92}@b.example"}}, "2050"),
        ({"BillEmail": {"Address": "a@b.example; c@d.example"}}, "2210"),
        ({"Line": [line()] * 10_001}, "6000"),
        ({"Line": [line(TaxCodeRef={"value": "TAX"})] * 751}, "6000"),
        ({"CustomerRef": {"value": "99"}}, "2500"),
        ({"Line": [line(ItemRef={"value": "99"})]}, "2500"),
        ({"Line": [line(TaxCodeRef={"value": "99"})]}, "2500"),
        ({"SalesTermRef": {"value": "99"}}, "2500"),
        ({"SalesTermRef": {"value": "99"}, "DueDate": "2026-06-01"}, "2500"),
        ({"Line": [line(Decimal("1.005"))]}, "6000"),
        ({"Line": [line("1e11")]}, "6000"),
        ({"Line": [line("inf")]}, "6000"),
        ({"Line": [line(), discount(Decimal("0.005"))]}, "6000"),
        ({"Line": [line(), discount(Decimal("100.01"))]}, "6000"),
        ({"Line": [line(), discount(1), discount(1)]}, "6000"),
        ({"Line": [line(-1)]}, "6000"),
        ({"EmailStatus": "NeedToSend"}, "6000"),
        ({"CurrencyRef": {"value": "EUR"}}, "6000"),
        ({"Line": [line(Decimal("1861.07"), Qty=Decimal("128.35"), UnitPrice=Decimal("14.5"))]}, "6070"),
        ({"Line": [line(Decimal("0.12"), Qty=Decimal("0.5"), UnitPrice=Decimal("0.25"))]}, "6070"),
        ({"Line": [line(1, Qty=10**9, UnitPrice=10**9)]}, "6070"),
        ({"Line": [line(Decimal("0.01"), Qty=10**5, UnitPrice=Decimal("0.00000009"))]}, "6070"),
    ],
)
def test_broken_rules_are_refused_with_their_codes(app: App, changes: dict[str, Any], code: str) -> None:
    assert app.refused("Invoice", {**invoice(), **changes}) == code


def test_values_at_their_limits_are_accepted(app: App) -> None:
    app.made(
        "Invoice", invoice(DocNumber="x" * 21, PrivateNote="x" * 4000, CustomerMemo={"value": "x" * 1000})
    )
    app.made("Invoice", invoice(line(Decimal("1861.08"), Qty=Decimal("128.35"), UnitPrice=Decimal("14.5"))))
    app.made("Invoice", invoice(line(Decimal("0.13"), Qty=Decimal("0.5"), UnitPrice=Decimal("0.25"))))
    app.made("Invoice", invoice(line(Decimal("9999999999.99"))))
    app.made("Invoice", invoice(line(Decimal("0.01"), Qty=10**5, UnitPrice=Decimal("0.0000001"))))
    app.made("Invoice", invoice(*[line(TaxCodeRef={"value": "TAX"})] * 750))
    app.made("Invoice", invoice(*[line()] * 751))
    app.made("Invoice", invoice(line(), discount(100)))
    app.made("Invoice", invoice(EmailStatus="NeedToSend", BillEmail={"Address": "a@b.example"}))


def test_an_inactive_customer_cannot_be_billed(app: App) -> None:
    app.made("Customer", {"Id": "1", "SyncToken": "0", "sparse": True, "Active": False})
    app.made("Item", {"Id": "2", "SyncToken": "0", "sparse": True, "Active": False})
    assert app.refused("Invoice", invoice()) == "610"
    on_item = invoice(line(ItemRef={"value": "2"}), CustomerRef={"value": "2"})
    assert app.refused("Invoice", on_item) == "610"


@pytest.mark.parametrize(("term", "due"), [("1", "2026-05-05"), ("2", "2026-05-20"), ("4", "2026-07-04")])
def test_terms_decide_when_it_is_due(app: App, term: str, due: str) -> None:
    assert app.made("Invoice", invoice(SalesTermRef={"value": term}))["DueDate"] == due


def test_a_number_is_taken_once(app: App) -> None:
    first = app.made("Invoice", invoice(DocNumber="D-1"))
    app.made("Invoice", invoice(DocNumber="D-2"))
    reply = app.call("POST", "invoice", invoice(DocNumber="D-1"))
    assert fault(reply) == "6140"
    detail = decoded(reply)["Fault"]["Error"][0]["Detail"]
    assert detail.endswith(f"DocNumber=D-1 is assigned to TxnType=Invoice with TxnId={first['Id']}")
    update = {"Id": first["Id"], "SyncToken": "0", "sparse": True}
    assert app.refused("Invoice", update | {"DocNumber": "D-2"}) == "6140"
    app.made("Invoice", update | {"DocNumber": "D-1", "PrivateNote": "its own number is no obstacle"})
    app.made("Invoice", invoice(DocNumber="D-1"), include="allowduplicatedocnum")
    app.made("Invoice", invoice(DocNumber=7))
    assert app.refused("Invoice", invoice(DocNumber="7")) == "6140"


def test_numbers_are_given_unless_the_company_chose_its_own(app: App) -> None:
    assert [app.made("Invoice", invoice())["DocNumber"] for _ in range(2)] == ["1001", "1002"]
    app.sandbox.change_traits(app.company.realm, {"custom_transaction_numbers": True})
    assert "DocNumber" not in app.made("Invoice", invoice())
    asked_for = app.made("Invoice", invoice(AutoDocNumber=True))
    assert (asked_for["DocNumber"], "AutoDocNumber" in asked_for) == ("1003", False)


def test_tax_codes_in_the_uk(uk: App) -> None:
    def of(*lines: dict[str, Any], **fields: object) -> dict[str, Any]:
        return invoice(*lines, **{"CurrencyRef": {"value": "GBP"}, **fields})

    coded = line(100, TaxCodeRef={"value": "1"})
    reply = uk.call("POST", "invoice", of(coded, line(50)))
    assert fault(reply) == "6000"
    assert b"VAT rate" in reply.body
    assert uk.refused("Invoice", of(line(50, TaxCodeRef={"value": "TAX"}))) == "2500"
    assert uk.made("Invoice", of(coded, line(50, TaxCodeRef={"value": "2"})))["TotalAmt"] == 172.5
    assert uk.made("Invoice", of(coded, line(50), GlobalTaxCalculation="NotApplicable"))["TotalAmt"] == 150


def test_currencies(uk: App) -> None:
    euros = uk.made("Customer", {"DisplayName": "Müller", "CurrencyRef": {"value": "EUR"}})
    of = invoice(line(100, TaxCodeRef={"value": "3"}), CustomerRef={"value": euros["Id"]})
    assert uk.refused("Invoice", of) == "2020", "with several currencies it must be said"
    assert uk.refused("Invoice", of | {"CurrencyRef": {"value": "GBP"}}) == "6000"
    made = uk.made("Invoice", of | {"CurrencyRef": {"value": "EUR"}})
    assert made["CurrencyRef"] == {"value": "EUR", "name": "Euro"}


def test_an_inventory_item_wants_a_quantity(app: App) -> None:
    item = {"ItemRef": {"value": app.made("Item", router(app.company))["Id"]}}
    assert app.refused("Invoice", invoice(line(100, **item))) == "6520"
    assert app.refused("Invoice", invoice(line(100, Qty=2, UnitPrice=49, **item))) == "6070"
    app.made("Invoice", invoice(line(100, Qty=2, UnitPrice=50, **item)))


def test_an_invoice_takes_missing_addresses_and_terms_from_its_customer(app: App) -> None:
    address = {"Line1": "1 Main Street", "CountrySubDivisionCode": "NY"}
    told = {"Id": "1", "SyncToken": "0", "sparse": True, "ShipAddr": address, "SalesTermRef": {"value": "2"}}
    address = app.made("Customer", told)["ShipAddr"]
    made = app.made("Invoice", invoice(TxnDate="2026-05-05"))
    assert (made["ShipAddr"], made["DueDate"]) == (address, "2026-05-20")
    assert "BillAddr" not in made
    other = {"Line1": "2 Main Street"}
    made = app.made("Invoice", invoice(ShipAddr=other, SalesTermRef={"value": "1"}, TxnDate="2026-05-05"))
    assert (made["ShipAddr"].items() >= other.items(), made["DueDate"]) == (True, "2026-05-05")


def test_automated_tax_goes_by_the_customers_address() -> None:
    ast = App("us-ast")
    address = {"Line1": "1 Main Street", "CountrySubDivisionCode": "NY"}
    ast.made("Customer", {"Id": "1", "SyncToken": "0", "sparse": True, "ShipAddr": address})
    made = ast.made("Invoice", invoice(line(100, TaxCodeRef={"value": "TAX"})))
    assert made["TotalAmt"] == 108.88, "8.875 % in New York"


def test_closed_books(app: App) -> None:
    app.sandbox.change_traits(app.company.realm, {"books_closed_until": date(2026, 5, 4)})
    assert app.refused("Invoice", invoice(TxnDate="2026-05-04")) == "6210"
    app.made("Invoice", invoice(TxnDate="2026-05-05"))


def test_features_that_are_switched_off_are_refused(app: App) -> None:
    shipping = line(ItemRef={"value": "SHIPPING_ITEM_ID"})
    app.made("Invoice", invoice(shipping))
    app.sandbox.change_traits(app.company.realm, {"allow_discount": False, "allow_shipping": False})
    assert app.refused("Invoice", invoice(line(), discount(1))) == "6000"
    assert app.refused("Invoice", invoice(shipping)) == "6000"


@pytest.mark.parametrize("operation", [None, "void", "delete"])
@pytest.mark.parametrize("token", [None, "0", "2"])
def test_an_old_sync_token_changes_nothing(app: App, operation: str | None, token: str | None) -> None:
    app.made("Invoice", invoice())
    app.made("Invoice", {"Id": "1", "SyncToken": "0", "sparse": True, "PrivateNote": "first"})
    stale = {"Id": "1", "SyncToken": token, "sparse": True, "PrivateNote": "second"}
    query = {"operation": operation} if operation else {}
    assert app.refused("Invoice", stale, **query) == "5010"
    assert app.refused("Invoice", stale | {"Id": "9"}, **query) == "610"


def test_updates(app: App) -> None:
    made = app.made(
        "Invoice", invoice(line(100, TaxCodeRef={"value": "TAX"}), discount(percent=10), DocNumber="D")
    )
    assert made["TotalAmt"] == 98, "by default what is taken off is taxed as well"
    token = {"Id": "1", "SyncToken": "0"}
    app.clock.advance(60)
    assert app.made("Invoice", token | {"sparse": True}) == made, "nothing changed: same token, same time"
    changed = app.made("Invoice", token | {"sparse": True, "PrivateNote": "a", "ApplyTaxAfterDiscount": True})
    assert changed["SyncToken"] == "1"
    assert changed["MetaData"]["LastUpdatedTime"] > made["MetaData"]["LastUpdatedTime"]
    assert (changed["TotalAmt"], changed["DocNumber"]) == (97.2, "D")
    full = app.made("Invoice", {"Id": "1", "SyncToken": "1", **invoice(line(7))})
    assert (full["TotalAmt"], full["SyncToken"], full["DocNumber"]) == (7, "2", "D")
    assert "PrivateNote" not in full, "a full update empties what it leaves out"


def test_void_and_delete(app: App) -> None:
    app.made("Invoice", invoice(PrivateNote="Deal D-1"))
    voided = app.made("Invoice", {"Id": "1", "SyncToken": "0"}, operation="void")
    assert (voided["TotalAmt"], voided["Balance"], voided["SyncToken"]) == (0, 0, "1")
    assert voided["PrivateNote"] == "Deal D-1 Voided"
    assert app.made("Invoice", {"Id": "1", "SyncToken": "1"}, operation="void") == voided
    deleted: Reply = app.call("POST", "invoice", {"Id": "1", "SyncToken": "1"}, operation="delete")
    assert decoded(deleted)["Invoice"] == {"domain": "QBO", "status": "Deleted", "Id": "1"}
    assert fault(app.call("GET", "invoice/1")) == "610"


def test_the_note_of_a_void_is_in_the_companys_language(app: App) -> None:
    app.sandbox.change_traits(app.company.realm, {"voided_note": "Annulé"})
    app.made("Invoice", invoice())
    voided = app.made("Invoice", {"Id": "1", "SyncToken": "0"}, operation="void")
    assert voided["PrivateNote"] == "Annulé"


def test_the_note_of_a_voided_invoice_is_not_too_long(app: App) -> None:
    made = app.made("Invoice", invoice(PrivateNote="x" * 4000))
    voided = app.made("Invoice", {"Id": made["Id"], "SyncToken": "0"}, operation="void")
    assert voided["PrivateNote"].endswith("x Voided")
    assert app.made("Invoice", voided) == voided
