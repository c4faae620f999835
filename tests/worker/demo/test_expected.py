"""Each field of an invoice is compared with the story: a correct one passes, and any single error is found."""

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from worker.commands.identity import CommandKey, currency_number, marker, request_id
from worker.commands.kinds import create_customer, create_invoice
from worker.commands.kinds.kind import Kind
from worker.demo import created, expected, market, story
from worker.demo.expected import AppliedSettings, CompanyBooks, Entity
from worker.demo.market import US, Market
from worker.demo.story import Tale
from worker.sandbox import accountant
from worker.sandbox.books.company import Company as Sandbox
from worker.sandbox.openings.seeds import seeded

NOW = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)  # the evening of 31 May in Los Angeles
MEMO = "Deal {deal_id}: {deal_name} {po_number}"
UK = Market("GB", ("GBP", "EUR"), ("20.0% S", "5.0% R"))
CHOSEN = AppliedSettings(MEMO, "Net 15", None, NOW - timedelta(minutes=9), NOW + timedelta(minutes=1))


def mark(sandbox: Sandbox, kind: Kind, made_for: str, part: int = 0) -> str:
    key = CommandKey("acme", kind.subject(made_for), kind.name, part, 1)
    return marker(request_id(sandbox.realm, key))


def a_tale(where: Market) -> Tale:
    """Return a deal with a discount, shipping, and three lines, some with their own discount."""
    tales = (story.tale(1, "none", Random(seed), NOW, where) for seed in range(10_000))
    return next(
        tale
        for tale in tales
        if tale.quote
        and {"discount", "shipping"} <= tale.quote.keys()
        and {line.get("discount") is None for line in tale.quote["lines"]} == {True, False}
        and len({line["product_id"] for line in tale.quote["lines"]}) == 3
    )


def body(tale: Tale, sandbox: Sandbox, customer: str, items: dict[str, str]) -> Entity:
    """Return the correct invoice, written by hand."""
    assert tale.quote is not None
    tax_codes = {code["Name"]: code["Id"] for code in sandbox.every("TaxCode")}
    is_us = sandbox.traits.country == "US"
    sold: list[Entity] = []
    for line in tale.quote["lines"]:
        exact = Decimal(line["quantity"]) * Decimal(line["unit_price"])
        amount = exact * (100 - Decimal(line.get("discount", {}).get("percent", 0))) / 100
        code = ("TAX" if line["taxable"] else "NON") if is_us else tax_codes[line["tax_code"]]
        detail = {
            "ItemRef": {"value": items[line["product_id"]]},
            "TaxCodeRef": {"value": code},
            **({"ServiceDate": line["service_date"]} if "service_date" in line else {}),
        }
        quantity = Decimal(line["quantity"])
        cents = amount.quantize(Decimal("0.01"), "ROUND_HALF_UP")
        price = cents / quantity if "discount" in line else Decimal(line["unit_price"])
        detail |= {"Qty": quantity, "UnitPrice": price.quantize(Decimal("0.0000001"))}
        sold.append(
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": cents,
                "Description": ": ".join(line[part] for part in ("name", "description") if part in line),
                "SalesItemLineDetail": detail,
            }
        )
    shipping: Entity = {"ItemRef": {"value": "SHIPPING_ITEM_ID"}}
    if not is_us:
        shipping["TaxCodeRef"] = {"value": tax_codes[tale.quote["lines"][0]["tax_code"]]}
    amount = Decimal(tale.quote["shipping"])
    sold.append({"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": shipping})
    off = sum(Decimal(line["Amount"]) for line in sold) - Decimal(tale.quote["total"])
    less = {"DetailType": "DiscountLineDetail", "Amount": off, "DiscountLineDetail": {"PercentBased": False}}
    term = next(term["Id"] for term in sandbox.every("Term") if term["Name"] == "Net 15")
    po_number = tale.snapshots[-1].get("po_number", "")
    note = f"Deal {tale.deal_id}: {tale.name} {po_number}".rstrip()
    return {
        "CustomerRef": {"value": customer},
        "CurrencyRef": {"value": tale.currency},
        "TxnDate": "2026-05-31" if is_us else "2026-06-01",
        "SalesTermRef": {"value": term},
        "PrivateNote": f"{note} {mark(sandbox, create_invoice.KIND, tale.deal_id)}",
        "Line": [*sold, less],
        **({"ApplyTaxAfterDiscount": True} if is_us else {"GlobalTaxCalculation": "TaxExcluded"}),
    }


def a_customer(tale: Tale, where: Market, sandbox: Sandbox) -> Entity:
    """Return the correct customer."""
    account = next(a for a in market.accounts(where) if a["account_id"] == tale.account_id)
    address, currency = account["billing_address"], account["currency"]
    part = 0 if currency == sandbox.traits.home_currency else currency_number(currency)
    return {
        "DisplayName": account["name"],
        "CompanyName": account["name"],
        "PrimaryEmailAddr": {"Address": account["email"]},
        "PrimaryPhone": {"FreeFormNumber": account["phone"]},
        "BillAddr": {
            "Line1": address["line1"],
            "City": address["city"],
            "CountrySubDivisionCode": address["region"],
            "PostalCode": address["postal_code"],
            "Country": address["country"],
        },
        "CurrencyRef": {"value": currency},
        "Notes": f"Account {tale.account_id} {mark(sandbox, create_customer.KIND, tale.account_id, part)}",
        **({"ShipAddr": {"Line1": "Dock 1"}} if "shipping_address" in account else {}),
    }


def opened(kind: str, where: Market) -> tuple[CompanyBooks, Tale, Entity]:
    """Return a company with one correct invoice."""
    sandbox, tale = seeded(kind, Random(7), NOW), a_tale(where)
    assert tale.quote is not None
    customer = accountant.create(sandbox, "Customer", a_customer(tale, where, sandbox), NOW)
    income = next(account["Id"] for account in sandbox.every("Account") if account["Name"] == "Services")
    items = {}
    for line in tale.quote["lines"]:
        fields = {
            "Name": line["name"],
            "Sku": line["sku"],
            "Type": "Service",
            "Taxable": line["taxable"],
            "IncomeAccountRef": {"value": income},
        }
        items[line["product_id"]] = accountant.create(sandbox, "Item", fields, NOW)["Id"]
    invoice = accountant.create(sandbox, "Invoice", body(tale, sandbox, customer["Id"], items), NOW)
    accounts = {account["account_id"]: account for account in market.accounts(where)}
    books = copy.deepcopy(sandbox.books())
    return (
        CompanyBooks("acme", sandbox.realm, sandbox.traits, books, accounts, {}, {}, "Services"),
        tale,
        copy.deepcopy(invoice),
    )


@pytest.fixture(params=["us", "uk"])
def case(request: pytest.FixtureRequest) -> tuple[CompanyBooks, Tale, Entity]:
    return opened(request.param, UK if request.param == "uk" else US)


def found(company: CompanyBooks, tale: Tale, invoice: Entity, chosen: AppliedSettings = CHOSEN) -> list[str]:
    return list(expected.problems(tale, invoice, company, chosen))


def test_a_right_invoice_is_right(case: tuple[CompanyBooks, Tale, Entity]) -> None:
    assert found(*case) == []
    assert len(expected.invoices_of(case[1], case[0])) == 1


def _detail(invoice: Entity, number: int = 0) -> Entity:
    detail: Entity = invoice["Line"][number]["SalesItemLineDetail"]
    return detail


def _itemised(invoice: Entity) -> Entity:
    return next(
        line["SalesItemLineDetail"]
        for line in invoice["Line"]
        if "Qty" in line.get("SalesItemLineDetail", {})
    )


def _of_kind(invoice: Entity, place: int, kind: str = "SalesItemLineDetail") -> Entity:
    lines: list[Entity] = [line for line in invoice["Line"] if line["DetailType"] == kind]
    return lines[place]


CHANGES: dict[str, tuple[Callable[[Entity], Any], str]] = {
    "the day of UTC, or of the day before": (lambda i: i.update(TxnDate="2026-06-02"), "dated"),
    "due by another term": (lambda i: i.update(DueDate="2026-06-30"), "due on"),
    "another term": (lambda i: i.update(SalesTermRef={"value": "9"}), "SalesTermRef"),
    "no term": (lambda i: i.pop("SalesTermRef"), "SalesTermRef"),
    "another customer": (lambda i: i.update(CustomerRef={"value": "1"}), "CustomerRef"),
    "another currency": (lambda i: i.update(CurrencyRef={"value": "CHF"}), "CurrencyRef"),
    "another address": (lambda i: i.update(BillAddr={"Line1": "Elsewhere"}), "BillAddr"),
    "another way of tax": (lambda i: i.update(GlobalTaxCalculation="TaxInclusive"), "GlobalTaxCalculation"),
    "a cent more tax": (
        lambda i: i.update(
            TotalAmt=i["TotalAmt"] + Decimal("0.01"),
            TxnTaxDetail={"TotalTax": i["TxnTaxDetail"]["TotalTax"] + Decimal("0.01")},
        ),
        "TotalAmt",
    ),
    "a cent more before tax": (
        lambda i: i.update(TotalAmt=i["TotalAmt"] + Decimal("0.01")),
        "before tax",
    ),
    "a mark that was cut": (lambda i: i.update(PrivateNote=i["PrivateNote"][:-1]), "its note does not end"),
    "something after the mark": (lambda i: i.update(PrivateNote=i["PrivateNote"] + "."), "its note does not"),
    "another memo": (lambda i: i.update(PrivateNote="Thanks" + i["PrivateNote"]), "its note is"),
    "a number of ours": (lambda i: i.update(DocNumber="D-001"), "its number"),
    "a line less": (lambda i: i["Line"].pop(0), "lines instead of"),
    "another order of lines": (lambda i: i["Line"].insert(0, i["Line"].pop(1)), "line 1"),
    "another item": (lambda i: _detail(i)["ItemRef"].update(value="1"), "ItemRef"),
    "another quantity": (lambda i: _itemised(i).update(Qty=Decimal(77)), "77 at"),
    "another price": (lambda i: _itemised(i).update(UnitPrice=Decimal("1.11")), "1.11"),
    "no quantity": (lambda i: _itemised(i).pop("Qty"), "no quantity"),
    "another tax code": (lambda i: _detail(i)["TaxCodeRef"].update(value="0"), "TaxCodeRef"),
    "another day of service": (lambda i: _detail(i).update(ServiceDate="2026-01-01"), "ServiceDate"),
    "another description": (lambda i: i["Line"][0].update(Description="Things"), "it is called"),
    "another amount": (lambda i: i["Line"][0].update(Amount=i["Line"][0]["Amount"] + 1), "not"),
    "other shipping": (lambda i: _of_kind(i, -1).update(Amount=Decimal(12)), "the shipping is"),
    "no discount": (lambda i: i["Line"].remove(_of_kind(i, 0, "DiscountLineDetail")), "a discount of 0"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_single_error_is_found(case: tuple[CompanyBooks, Tale, Entity], name: str) -> None:
    company, tale, invoice = case
    change, said = CHANGES[name]
    change(invoice)
    assert any(said in problem for problem in found(company, tale, invoice)), found(company, tale, invoice)


def test_the_day_is_the_companys_and_not_that_of_utc() -> None:
    company, tale, invoice = opened("us", US)
    tomorrow = {"TxnDate": "2026-06-01", "DueDate": "2026-06-16"}
    [problem] = found(company, tale, invoice | tomorrow)
    assert "between 2026-05-31 and 2026-05-31 in America/Los_Angeles" in problem
    assert found(company, tale, invoice | tomorrow, replace(CHOSEN, time_zone="Asia/Tokyo")) == []


def test_a_memo_that_is_too_long_is_cut_before_the_whole_mark() -> None:
    company, tale, invoice = opened("us", US)
    (ours, *_) = expected.marks(company, create_invoice.KIND, tale.deal_id)
    long = replace(CHOSEN, memo="{deal_name} " * 300)
    text = (f"{tale.name} " * 300)[: 4000 - len(ours) - 1]
    assert found(company, tale, invoice | {"PrivateNote": f"{text} {ours}"}, long) == []
    assert found(company, tale, invoice | {"PrivateNote": f"{text[:500]} {ours}"}, long)


def test_a_number_is_ours_where_the_company_numbers_by_hand() -> None:
    company, tale, invoice = opened("us", US)
    by_hand = replace(company, traits=replace(company.traits, custom_transaction_numbers=True))
    assert found(by_hand, tale, invoice)
    assert found(by_hand, tale, invoice | {"DocNumber": tale.deal_id}) == []


def test_created_customers_and_items_are_as_the_crm_has_them(case: tuple[CompanyBooks, Tale, Entity]) -> None:
    company, tale, _ = case
    account = {**company.accounts[tale.account_id]}
    account.pop("shipping_address", None)

    def wrong(**changed: dict[str, Any]) -> Iterator[str]:
        books = copy.deepcopy(company.books)
        customer = next(c for c in books["Customer"] if "q2c" in c.get("Notes", ""))
        customer.pop("ShipAddr", None)
        item = next(item for item in books["Item"] if item["Name"] == (tale.quote or {})["lines"][0]["name"])
        customer.update(changed.get("customer", {}))
        item.update(changed.get("item", {}))
        seen = replace(company, books=books)
        yield from created.customer_problems(account, seen)
        yield from created.item_problems((tale.quote or {})["lines"], seen)

    assert list(wrong()) == []
    for field in ("DisplayName", "CompanyName", "PrimaryEmailAddr", "PrimaryPhone", "BillAddr", "Notes"):
        assert list(wrong(customer={field: "q2c:"})), field
    for field in ("Name", "Sku", "Type", "Taxable"):
        assert list(wrong(item={field: None})), field
