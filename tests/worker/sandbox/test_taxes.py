"""Taxes: amounts tie out to the cent in every regime, and codes, rates and agencies are those of a real company."""

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.worker.sandbox.app import App, decoded, discount, invoice, line
from worker.sandbox.sales.rounding import cents, shared

CENT = Decimal("0.01")
SHIPPING = {"value": "SHIPPING_ITEM_ID"}
JSON = msgspec.json.Decoder(float_hook=Decimal)
# Codes of each regime; Canada's last two have two rates.
CODES = {
    "us": ("TAX", "NON"),
    "us-ast": ("TAX", "NON"),
    "uk": ("1", "2", "3", "4"),
    "ca": ("1", "2", "4", "7", "9"),
}
amounts = st.one_of(st.just(Decimal(0)), st.decimals(Decimal(-500), Decimal(9999), places=2))
NEW_YORK = {"Line1": "1 Main Street", "CountrySubDivisionCode": "NY"}
Made = Mapping[str, Any]


def opened(kind: str) -> App:
    """Open a company with a bundle of two items."""
    app = App(kind)
    income = app.company.account("ServiceFeeIncome")["Id"]
    code = {} if kind.startswith("us") else {"SalesTaxCodeRef": {"value": CODES[kind][-1]}}
    parts = [
        app.made(
            "Item",
            {
                "Name": f"Part {place}",
                "Type": "Service",
                "IncomeAccountRef": {"value": income},
                "UnitPrice": price,
                "Taxable": True,
                **code,
            },
        )
        for place, price in enumerate((Decimal("3.33"), Decimal("19.99")))
    ]
    inside = [{"ItemRef": {"value": part["Id"]}, "Qty": 3} for part in parts]
    app.made("Item", {"Name": "Bundle", "Type": "Group", "ItemGroupDetail": {"ItemGroupLine": inside}})
    return app


APPS = {kind: opened(kind) for kind in CODES}


def bundle(app: App) -> dict[str, Any]:
    """Write a line of the company's bundle."""
    [found] = app.rows("SELECT * FROM Item WHERE Name = 'Bundle'")
    detail = {"GroupItemRef": {"value": found["Id"]}, "Quantity": 2}
    return {"DetailType": "GroupLineDetail", "GroupLineDetail": detail}


@st.composite
def any_invoice(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(sorted(CODES)))
    codes = st.sampled_from(CODES[kind])
    lines = [
        line(
            draw(amounts),
            TaxCodeRef={"value": draw(codes)},
            **draw(st.sampled_from(({}, {"ItemRef": SHIPPING}))),
        )
        for _ in range(draw(st.integers(1, 5)))
    ]
    if draw(st.booleans()):
        lines.append(bundle(APPS[kind]))
    if draw(st.booleans()):
        lines.append(
            draw(
                st.one_of(
                    st.decimals(0, 100, places=2).map(discount),
                    st.decimals(0, 100, places=2).map(lambda percent: discount(percent=percent)),
                )
            )
        )
    fields: dict[str, Any] = {"CurrencyRef": {"value": "GBP"}} if kind == "uk" else {}
    if kind in {"uk", "ca"}:
        fields["GlobalTaxCalculation"] = draw(st.sampled_from(("TaxExcluded", "TaxInclusive")))
    else:
        fields["ApplyTaxAfterDiscount"] = draw(st.booleans())
    return kind, invoice(*lines, **fields)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_invoice())
def test_amounts_tie_out_with_tax_on_top_and_with_tax_inside(wanted: tuple[str, dict[str, Any]]) -> None:
    kind, body = wanted
    reply = APPS[kind].call("POST", "invoice", body)
    event(f"{kind} {body.get('GlobalTaxCalculation')} {reply.status}")
    if reply.status != 200:
        assert b"cannot be less than 0" in reply.body
        return
    made = JSON.decode(reply.body)["Invoice"]
    total, tax = Decimal(made["TotalAmt"]), Decimal(made["TxnTaxDetail"]["TotalTax"])
    [subtotal] = amounts_of(made, "SubTotalLineDetail")
    taken = sum(amounts_of(made, "DiscountLineDetail"), Decimal(0))
    assert total == subtotal - taken + tax
    assert subtotal == sum((Decimal(each["Amount"]) for each in sold(made)), Decimal(0))
    assert tax == sum((Decimal(each["Amount"]) for each in taxes_of(made)), Decimal(0))
    if body.get("GlobalTaxCalculation") == "TaxInclusive":
        gross = sum(
            (Decimal(each["SalesItemLineDetail"]["TaxInclusiveAmt"]) for each in sold(made)), Decimal(0)
        )
        assert total == gross - requested_discount(body, gross)
    for each in taxes_of(made):
        assert abs(Decimal(each["Amount"]) - calculated(each)) <= CENT, "a rate is rounded on the sum"
    again = APPS[kind].made("Invoice", {**made, "sparse": True})
    assert again == {
        **decoded(reply)["Invoice"],
        "SyncToken": again["SyncToken"],
        "MetaData": again["MetaData"],
    }, "an invoice that is read and written back stays as it is"


def amounts_of(made: Made, kind: str) -> list[Decimal]:
    return [Decimal(each["Amount"]) for each in made["Line"] if each["DetailType"] == kind]


def sold(made: Made) -> Iterator[Made]:
    for each in made["Line"]:
        if each["DetailType"] == "SalesItemLineDetail":
            yield each
        elif each["DetailType"] == "GroupLineDetail":
            yield from each["GroupLineDetail"]["Line"]


def requested_discount(body: Made, gross: Decimal) -> Decimal:
    """Return the discount that a request asks for, with the tax in it."""
    wanted = next((each for each in body["Line"] if each["DetailType"] == "DiscountLineDetail"), None)
    if wanted is None:
        return Decimal(0)
    percent = wanted["DiscountLineDetail"].get("DiscountPercent")
    return (
        Decimal(wanted["Amount"])
        if percent is None
        else (gross * percent / 100).quantize(CENT, ROUND_HALF_UP)
    )


def calculated(tax_line: Made) -> Decimal:
    detail = tax_line["TaxLineDetail"]
    return Decimal(detail["NetAmountTaxable"]) * Decimal(detail["TaxPercent"]) / 100


@given(st.decimals(-9999, 9999, places=2), st.lists(st.fractions(-9, 9), min_size=1, max_size=5))
def test_shares_add_up_to_the_total_and_are_a_cent_off_at_most(
    total: Decimal, weights: list[Fraction]
) -> None:
    shares = {str(place): weight for place, weight in enumerate(weights)}
    given_out = shared(total, shares)
    whole = sum(weights, Fraction(0))
    assert sum(given_out.values(), Decimal(0)) == total
    if whole:
        assert all(
            abs(Fraction(given_out[name]) - Fraction(total) * share / whole) < Fraction(1, 100)
            for name, share in shares.items()
        )


@pytest.mark.parametrize(("exact", "rounded"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("0.00499", "0")])
def test_half_a_cent_goes_away_from_zero(exact: str, rounded: str) -> None:
    assert cents(Fraction(exact)) == Decimal(rounded)


def test_an_amount_with_tax_is_split_into_net_and_tax(uk: App) -> None:
    gross = line(120, TaxCodeRef={"value": "1"})
    fields = {"CurrencyRef": {"value": "GBP"}, "GlobalTaxCalculation": "TaxInclusive"}
    made = uk.made("Invoice", invoice(gross, discount(12), **fields))
    assert (made["TotalAmt"], made["TxnTaxDetail"]["TotalTax"]) == (108, 18)
    assert made["Line"][0]["Amount"] == 100
    assert made["Line"][0]["SalesItemLineDetail"]["TaxInclusiveAmt"] == 120
    assert amounts_of(made, "DiscountLineDetail") == [10]
    change = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "BillAddr": {"City": "Bath"}}
    assert uk.made("Invoice", change)["TotalAmt"] == 108, "a discount is not taken for one without tax later"
    change |= {"SyncToken": "1", "GlobalTaxCalculation": "TaxExcluded"}
    assert "TaxInclusiveAmt" not in uk.made("Invoice", change)["Line"][0]["SalesItemLineDetail"]


def test_a_code_of_two_rates_has_two_tax_lines_each_rounded_on_the_sum() -> None:
    quebec = line(Decimal("10.10"), TaxCodeRef={"value": "9"})
    made = App("ca").made("Invoice", invoice(quebec, quebec))
    assert [(each["TaxLineDetail"]["TaxPercent"], each["Amount"]) for each in taxes_of(made)] == [
        (5, 1.01),
        (9.975, 2.01),
    ], "of 20.20 the second is 2.01495, of 10.10 twice it would be 1.01"
    assert made["TotalAmt"] == 23.22


def test_a_rate_of_several_codes_has_one_tax_line() -> None:
    lines = (line(10, TaxCodeRef={"value": code}) for code in ("1", "7"))
    made = App("ca").made("Invoice", invoice(*lines))
    assert [(each["Amount"], each["TaxLineDetail"]["NetAmountTaxable"]) for each in taxes_of(made)] == [
        (1, 20),
        (0.7, 10),
    ]


def taxes_of(made: Made) -> list[Made]:
    found: list[Made] = made["TxnTaxDetail"].get("TaxLine", [])
    return found


def test_automated_tax_has_a_rate_for_each_jurisdiction_of_the_address() -> None:
    app = App("us-ast")
    body = invoice(line(Decimal("599.94"), TaxCodeRef={"value": "TAX"}), ShipAddr=NEW_YORK)
    made = app.made("Invoice", body)
    assert made["TxnTaxDetail"]["TotalTax"] == 53.24, "8.875 % of 599.94, rounded once"
    assert [each["Amount"] for each in taxes_of(made)] == [24, 26.99, 2.25]
    app.sandbox.change_traits(app.company.realm, {"automated_tax_rounds_each_rate": True})
    assert app.made("Invoice", body)["TxnTaxDetail"]["TotalTax"] == 53.25
    texas = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "ShipAddr": {"CountrySubDivisionCode": "TX"}}
    assert app.made("Invoice", texas)["TxnTaxDetail"]["TotalTax"] == 37.5, "the new address decides"


def test_automated_tax_goes_by_the_companys_address_if_there_is_no_other() -> None:
    made = App("us-ast").made("Invoice", invoice(line(100, TaxCodeRef={"value": "TAX"})))
    assert made["TxnTaxDetail"]["TotalTax"] == 8.88


def test_the_tax_code_of_a_transaction_chooses_the_rate(app: App) -> None:
    taxed = line(100, TaxCodeRef={"value": "TAX"})
    assert app.made("Invoice", invoice(taxed))["TxnTaxDetail"]["TxnTaxCodeRef"]["value"] == "2"
    made = app.made("Invoice", invoice(taxed, TxnTaxDetail={"TxnTaxCodeRef": {"value": "3"}}))
    assert [each["Amount"] for each in taxes_of(made)] == [7.1, 2]
    changed = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Line": [taxed, taxed]}
    assert app.made("Invoice", changed)["TxnTaxDetail"]["TotalTax"] == 18.2, "the code stays"
    assert app.refused("Invoice", invoice(taxed, TxnTaxDetail={"TxnTaxCodeRef": {"value": "999"}})) == "2500"
    assert app.refused("Invoice", invoice(line(100, TaxCodeRef={"value": "2"}))) == "6100"


def test_a_customers_tax_code_is_usual_for_its_invoices(app: App) -> None:
    app.made("Customer", {"Id": "1", "SyncToken": "0", "sparse": True, "DefaultTaxCodeRef": {"value": "3"}})
    assert app.made("Invoice", invoice(line(100, TaxCodeRef={"value": "TAX"})))["TotalAmt"] == 109.1


@pytest.mark.parametrize("kind", ["us", "us-ast"])
def test_customers_that_are_not_taxable_bear_no_tax(kind: str) -> None:
    app = App(kind)
    app.made("Customer", {"Id": "1", "SyncToken": "0", "sparse": True, "Taxable": False})
    assert app.made("Invoice", invoice(line(100, TaxCodeRef={"value": "TAX"})))["TotalAmt"] == 100


@pytest.mark.parametrize("kind", sorted(CODES))
def test_companies_that_charge_no_sales_tax_need_no_codes(kind: str) -> None:
    app = App(kind)
    app.sandbox.change_traits(app.company.realm, {"using_sales_tax": False})
    fields = {"CurrencyRef": {"value": "GBP"}} if kind == "uk" else {}
    coded = line(100, TaxCodeRef={"value": CODES[kind][0]})
    made = app.made("Invoice", invoice(line(100), coded, **fields))
    assert (made["TotalAmt"], made["TxnTaxDetail"]) == (200, {"TotalTax": 0})


@pytest.mark.parametrize(("overridden", "tax"), [(False, 8), (True, 5)])
def test_a_stated_tax_counts_where_it_can_be_overridden(app: App, overridden: bool, tax: int) -> None:
    app.sandbox.change_traits(app.company.realm, {"tax_can_be_overridden": overridden})
    made = app.made("Invoice", invoice(line(100, TaxCodeRef={"value": "TAX"}), TxnTaxDetail={"TotalTax": 5}))
    assert made["TxnTaxDetail"]["TotalTax"] == tax == sum(each["Amount"] for each in taxes_of(made))


@pytest.mark.parametrize(
    ("kind", "name", "sales", "purchases"),
    [
        ("us", "Tucson", "9.1", None),
        ("us-ast", "New York", "8.875", None),
        ("uk", "20.0% S", "20", "20"),
        ("ca", "HST NS", "14", "14"),
        ("ca", "GST/PST BC", "12", "12"),
        ("ca", "GST/QST QC - 9.975", "14.975", "14.975"),
    ],
)
def test_tax_codes_are_groups_of_rates_of_agencies(
    kind: str, name: str, sales: str, purchases: str | None
) -> None:
    app = App(kind)
    [code] = [each for each in app.rows("SELECT * FROM TaxCode") if each["Name"] == name]
    rates = {rate["Id"]: rate for rate in app.rows("SELECT * FROM TaxRate MAXRESULTS 1000")}
    agencies = {agency["Id"] for agency in app.rows("SELECT * FROM TaxAgency")}
    for side, percent in (("SalesTaxRateList", sales), ("PurchaseTaxRateList", purchases)):
        used = [rates[each["TaxRateRef"]["value"]] for each in code[side]["TaxRateDetail"]]
        assert sum(Decimal(str(rate["RateValue"])) for rate in used) == Decimal(percent or 0)
        assert {rate["AgencyRef"]["value"] for rate in used} <= agencies
        assert all(rate["EffectiveTaxRate"][-1]["RateValue"] == rate["RateValue"] for rate in used)
        assert all(rate["SpecialTaxType"] == "NONE" and rate["DisplayType"] == "ReadOnly" for rate in used)
    assert (code["TaxGroup"], code["Hidden"], code["Description"]) == (True, False, name)
    assert code["TaxCodeConfigType"] == ("USER_DEFINED" if kind == "us" else "SYSTEM_GENERATED")


def test_a_rate_that_changed_tells_its_former_percentage() -> None:
    [rate] = App("ca").rows("SELECT * FROM TaxRate WHERE Name = 'HST NS'")
    former, present = rate["EffectiveTaxRate"]
    assert (former["RateValue"], former["EndDate"][:10]) == (15, "2025-03-31")
    assert (present["RateValue"], present["EffectiveDate"][:10]) == (14, "2025-04-01")


def test_the_tax_service_makes_codes_of_new_rates_and_of_those_there_are(app: App) -> None:
    agency = app.made("TaxAgency", {"DisplayName": "City of Oakland"})["Id"]
    new = {"TaxRateName": "Oakland", "RateValue": "1.5", "TaxAgencyId": agency, "TaxApplicableOn": "Sales"}
    wanted = {"TaxCode": "Oakland code", "TaxRateDetails": [new, {"TaxRateId": "1"}]}
    made = decoded(app.call("POST", "taxservice/taxcode", wanted))
    assert (made["TaxCode"], made["TaxRateDetails"][0]["RateValue"]) == ("Oakland code", 1.5)
    chosen = {"TxnTaxCodeRef": {"value": made["TaxCodeId"]}}
    body = invoice(line(100, TaxCodeRef={"value": "TAX"}), TxnTaxDetail=chosen)
    assert app.made("Invoice", body)["TxnTaxDetail"]["TotalTax"] == 9.5


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TaxCode": None}, "2020"),
        ({"TaxRateDetails": []}, "2020"),
        ({"TaxCode": "sales TAX"}, "6240"),
        ({"Name": "x"}, "2010"),
        ({"rate": {"RateValue": None}}, "2020"),
        ({"rate": {"RateValue": 101}}, "6000"),
        ({"rate": {"TaxRateName": "Sales tax"}}, "6240"),
        ({"rate": {"TaxAgencyId": "99"}}, "2500"),
        ({"rate": {"TaxRateId": "99"}}, "2500"),
        ({"rate": {"TaxApplicableOn": "Gifts"}}, "2170"),
    ],
)
def test_the_tax_service_refuses_missing_taken_and_unknown_values(
    app: App, changes: dict[str, Any], code: str
) -> None:
    rate = {"TaxRateName": "Oakland", "RateValue": 1, "TaxAgencyId": "1", **changes.pop("rate", {})}
    body = {"TaxCode": "Oakland code", "TaxRateDetails": [rate], **changes}
    assert app.refused("taxservice/taxcode", body) == code
