"""The small lists: classes, departments, payment methods, currencies with their rates, types of customers."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.sandbox.app import App, decoded, fault, invoice, line
from worker.sandbox.books.exchange import market
from worker.sandbox.schema.currencies import CURRENCIES


@pytest.mark.parametrize(("entity", "flag"), [("Class", "SubClass"), ("Department", "SubDepartment")])
def test_classes_and_departments_have_levels(app: App, entity: str, flag: str) -> None:
    above = app.made(entity, {"Name": "West"})
    below = app.made(entity, {"Name": "Reno", "ParentRef": {"value": above["Id"]}, flag: True})
    assert (below["FullyQualifiedName"], below[flag], above[flag]) == ("West:Reno", True, False)
    assert app.refused(entity, {"Name": "WEST"}) == "6240"
    app.made(entity, {"Name": "Reno"})
    app.sandbox.change_traits(app.company.realm, {"classes_per_transaction": True})
    made = app.made("Invoice", invoice(**{f"{entity}Ref": {"value": below["Id"]}}))
    assert made[f"{entity}Ref"] == {"value": below["Id"], "name": "West:Reno"}
    assert app.refused("Invoice", invoice(**{f"{entity}Ref": {"value": "99"}})) == "2500"
    off = {"Id": above["Id"], "SyncToken": "0", "sparse": True, "Active": False}
    assert app.made(entity, off)["Name"] == "West (deleted)"


def test_income_is_posted_with_the_class_of_its_line(app: App) -> None:
    west = app.made("Class", {"Name": "West"})["Id"]
    app.made("Invoice", invoice(line(ClassRef={"value": west})))
    assert {posting.class_id for _, posting in app.company.ledger.postings()} == {west, None}


@pytest.mark.parametrize("tracked", [False, True])
def test_classes_and_departments_that_a_company_does_not_track_are_ignored(app: App, tracked: bool) -> None:
    names = ("classes_per_transaction", "classes_per_line", "track_departments")
    app.sandbox.change_traits(app.company.realm, dict.fromkeys(names, tracked))
    west = {"ClassRef": {"value": app.made("Class", {"Name": "West"})["Id"]}}
    oakland = {"DepartmentRef": {"value": app.made("Department", {"Name": "Oakland"})["Id"]}}
    made = app.made("Invoice", invoice(line(**west), **west, **oakland))
    found = (
        "ClassRef" in made,
        "ClassRef" in made["Line"][0]["SalesItemLineDetail"],
        "DepartmentRef" in made,
    )
    assert found == (tracked, tracked, tracked)


def test_payment_methods_are_credit_cards_or_not(app: App) -> None:
    assert app.made("PaymentMethod", {"Name": "Barter"})["Type"] == "NON_CREDIT_CARD"
    assert {each["Name"] for each in app.rows("SELECT * FROM PaymentMethod WHERE Type = 'CREDIT_CARD'")} == {
        "Visa",
        "MasterCard",
        "American Express",
    }
    assert app.refused("PaymentMethod", {"Name": "cash"}) == "6240"
    assert app.refused("PaymentMethod", {"Name": "x" * 32}) == "2050"
    assert app.refused("PaymentMethod", {"Name": "Gold", "Type": "METAL"}) == "2170"


def test_types_of_customers_are_read_only(app: App) -> None:
    [retail, _] = app.rows("SELECT * FROM CustomerType")
    kind = {"CustomerTypeRef": {"value": retail["Id"]}}
    assert app.made("Customer", {"DisplayName": "A", **kind}).items() >= kind.items()
    assert app.refused("CustomerType", {"Name": "Online"}) == "500"
    assert app.refused("Customer", {"DisplayName": "B", "CustomerTypeRef": {"value": "99"}}) == "2500"


@pytest.mark.parametrize(
    ("fields", "code"),
    [({}, "2020"), ({"Code": "XXX"}, "2500"), ({"Code": "GBP"}, "6000"), ({"Code": "EUR"}, "6240")],
)
def test_currencies_that_are_refused(uk: App, fields: dict[str, Any], code: str) -> None:
    assert uk.refused("CompanyCurrency", fields) == code


def test_currencies_are_added_and_made_inactive(app: App, uk: App) -> None:
    made = uk.made("CompanyCurrency", {"Code": "JPY"})
    assert (made["Name"], made["Active"]) == ("Japanese Yen", True)
    off = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False}
    assert uk.made("CompanyCurrency", off)["Code"] == "JPY"
    assert app.refused("CompanyCurrency", {"Code": "JPY"}) == "5030", "this company has one currency"


def rate(app: App, **asked: str) -> dict[str, Any]:
    """Read an exchange rate."""
    found: dict[str, Any] = decoded(app.call("GET", "exchangerate", **asked))["ExchangeRate"]
    return found


def test_invoices_have_the_rate_of_their_day_unless_they_say_another(uk: App) -> None:
    today = rate(uk, sourcecurrencycode="EUR")
    assert today == rate(uk, sourcecurrencycode="eur", asofdate="2026-05-05")
    assert (today["TargetCurrencyCode"], today["AsOfDate"]) == ("GBP", "2026-05-05")
    customer = uk.made("Customer", {"DisplayName": "Müller", "CurrencyRef": {"value": "EUR"}})["Id"]
    body = invoice(
        line(100, TaxCodeRef={"value": "3"}), CustomerRef={"value": customer}, CurrencyRef={"value": "EUR"}
    )
    made = uk.made("Invoice", body)
    assert made["ExchangeRate"] == today["Rate"]
    assert made["HomeTotalAmt"] == pytest.approx(100 * today["Rate"], abs=0.005)
    assert uk.made("Invoice", {**body, "ExchangeRate": 2})["HomeTotalAmt"] == 200


def test_a_rate_that_somebody_sets_is_that_days_only(uk: App) -> None:
    wanted = {"SourceCurrencyCode": "EUR", "Rate": Decimal("0.9"), "AsOfDate": "2026-05-07"}
    assert uk.made("ExchangeRate", wanted)["Rate"] == 0.9
    changed = uk.made("ExchangeRate", {**wanted, "Rate": Decimal("0.8"), "SyncToken": "0"})
    assert changed["SyncToken"] == "1"
    assert rate(uk, sourcecurrencycode="EUR", asofdate="2026-05-07")["Rate"] == 0.8
    assert rate(uk, sourcecurrencycode="EUR", asofdate="2026-05-06")["Rate"] not in {0.8, 0.9}
    assert uk.refused("ExchangeRate", {**wanted, "SyncToken": "0"}) == "5010"


def test_rates_are_queried_by_currency_and_day(uk: App) -> None:
    today = rate(uk, sourcecurrencycode="EUR")
    statement = "SELECT * FROM ExchangeRate WHERE SourceCurrencyCode IN ('EUR') AND AsOfDate = '2026-05-05'"
    assert uk.rows(statement) == [today]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"SourceCurrencyCode": None}, "2020"),
        ({"SourceCurrencyCode": "XXX"}, "2500"),
        ({"TargetCurrencyCode": "USD"}, "2500"),
        ({"Rate": None}, "2020"),
        ({"Rate": -1}, "6000"),
        ({"AsOfDate": "today"}, "2010"),
    ],
)
def test_rates_that_are_refused(uk: App, fields: dict[str, Any], code: str) -> None:
    assert uk.refused("ExchangeRate", {"SourceCurrencyCode": "EUR", "Rate": 1, **fields}) == code


def test_a_company_of_one_currency_has_no_rates(app: App) -> None:
    assert fault(app.call("GET", "exchangerate", sourcecurrencycode="EUR")) == "5030"


@given(st.sampled_from(sorted(CURRENCIES)), st.sampled_from(sorted(CURRENCIES)), st.dates(date(2000, 1, 1)))
def test_the_market_moves_little_from_day_to_day(currency: str, home: str, day: date) -> None:
    before, after = market(currency, home, day - timedelta(days=1)), market(currency, home, day)
    assert after > 0
    assert abs(after - before) <= before * Decimal("0.02") + Decimal("0.000001")


def test_bodies_of_lists_that_are_no_objects_are_refused(uk: App) -> None:
    for path in ("exchangerate", "taxservice/taxcode", "preferences"):
        assert fault(uk.call("POST", path, msgspec.json.encode([1]))) == "2010"
