"""Settings: what apps read and write of a company's preferences and of the facts about it, and what follows."""

from datetime import date
from typing import Any

import pytest

from tests.worker.sandbox.app import App, decoded, discount, fault, invoice, line
from worker.sandbox import accountant

GROUPS = (
    "AccountingInfoPrefs",
    "ProductAndServicesPrefs",
    "SalesFormsPrefs",
    "EmailMessagesPrefs",
    "VendorAndPurchasesPrefs",
    "TimeTrackingPrefs",
    "TaxPrefs",
    "CurrencyPrefs",
    "ReportPrefs",
    "OtherPrefs",
)


def preferences(app: App) -> dict[str, Any]:
    """Read the preferences."""
    found: dict[str, Any] = decoded(app.call("GET", "preferences"))["Preferences"]
    return found


def prefer(app: App, **groups: dict[str, Any]) -> dict[str, Any]:
    """Change preferences."""
    return app.made("Preferences", {"SyncToken": preferences(app)["SyncToken"], **groups})


def test_preferences_are_one_object_in_all_the_usual_groups(app: App) -> None:
    found = preferences(app)
    assert [found["Id"], found["SyncToken"]] == ["1", "0"]
    assert all(group in found for group in GROUPS)
    assert app.rows("SELECT * FROM Preferences") == [found]


def test_a_preference_that_is_written_is_a_rule_from_then_on(app: App) -> None:
    changed = prefer(app, SalesFormsPrefs={"AllowDiscount": False, "CustomTxnNumbers": True})
    assert changed["SyncToken"] == "1"
    assert changed["SalesFormsPrefs"]["AllowShipping"] is True, "the rest of a group stays"
    assert changed["TaxPrefs"]["TaxGroupCodeRef"]["value"] == "2", "the other groups stay"
    assert app.refused("Invoice", invoice(line(), discount(1))) == "6000"
    assert "DocNumber" not in app.made("Invoice", invoice())
    prefer(app, TaxPrefs={"UsingSalesTax": False})
    assert app.made("Invoice", invoice(line(100, TaxCodeRef={"value": "TAX"})))["TotalAmt"] == 100


def test_settings_that_the_owner_changes_are_seen_by_apps(app: App) -> None:
    prefer(app, SalesFormsPrefs={"AllowEstimates": False})
    changes = {"allow_deposit": True, "name": "Craig & Co", "fiscal_year_start": "April"}
    app.sandbox.change_traits(app.company.realm, changes)
    found = preferences(app)
    assert (found["SalesFormsPrefs"]["AllowDeposit"], found["SyncToken"]) == (True, "2")
    assert found["SalesFormsPrefs"]["AllowEstimates"] is False, "what an app wrote stays"
    assert found["AccountingInfoPrefs"]["FirstMonthOfFiscalYear"] == "April"
    info = decoded(app.call("GET", "companyinfo/1"))["CompanyInfo"]
    assert (info["CompanyName"], info["FiscalYearStartMonth"]) == ("Craig & Co", "April")


def test_a_company_is_renamed_and_moved_by_apps(app: App) -> None:
    written = {"Id": "1", "SyncToken": "0", "sparse": True, "CompanyName": "Craig & Co"}
    info = app.made(
        "CompanyInfo", {**written, "CompanyAddr": {"City": "Reno", "CountrySubDivisionCode": "NV"}}
    )
    assert info["CompanyAddr"] == {"Id": "1", "City": "Reno", "CountrySubDivisionCode": "NV"}
    assert info["LegalAddr"]["City"] == "Mountain View"
    assert app.company.traits.name == "Craig & Co"
    assert app.company.traits.address["City"] == "Reno"
    app.made("CompanyInfo", {"SyncToken": "1", "sparse": True, "FiscalYearStartMonth": "July"})
    prefer(app, ReportPrefs={"ReportBasis": "Cash"})
    assert preferences(app)["AccountingInfoPrefs"]["FirstMonthOfFiscalYear"] == "July", (
        "two objects say it, and neither takes back what the other was told"
    )


@pytest.mark.parametrize(
    ("groups", "code"),
    [
        ({"SalesFormsPrefs": {"AllowDiscount": "maybe"}}, "2010"),
        ({"SalesFormsPrefs": {"AllowLunch": True}}, "2010"),
        ({"ReportPrefs": {"ReportBasis": "Guess"}}, "2170"),
        ({"TaxPrefs": {"TaxGroupCodeRef": {"value": "99"}}}, "2500"),
        ({"SyncToken": "7"}, "5010"),
        ({"CurrencyPrefs": {"MultiCurrencyEnabled": False}}, "6000"),
    ],
)
def test_preferences_that_are_refused(uk: App, groups: dict[str, Any], code: str) -> None:
    assert uk.refused("Preferences", {"SyncToken": "0", **groups}) == code


def test_the_home_currency_is_not_for_apps_to_change(app: App) -> None:
    changed = prefer(app, CurrencyPrefs={"HomeCurrency": {"value": "EUR"}, "MultiCurrencyEnabled": True})
    assert changed["CurrencyPrefs"]["HomeCurrency"]["value"] == "USD"
    app.made("Customer", {"DisplayName": "Müller", "CurrencyRef": {"value": "EUR"}})


@pytest.mark.parametrize("visible", [False, True])
def test_the_closing_date_is_told_where_it_is_visible(app: App, visible: bool) -> None:
    closed = {"books_closed_until": date(2026, 4, 30), "book_close_date_visible": visible}
    app.sandbox.change_traits(app.company.realm, closed)
    assert preferences(app)["AccountingInfoPrefs"].get("BookCloseDate") == ("2026-04-30" if visible else None)
    prefer(app, ReportPrefs={"ReportBasis": "Cash"})
    assert app.refused("Invoice", invoice(TxnDate="2026-04-30")) == "6210", "it stays closed"


def test_apps_close_the_books_and_owners_open_them(app: App) -> None:
    prefer(app, AccountingInfoPrefs={"BookCloseDate": "2026-04-30"})
    assert app.refused("Invoice", invoice(TxnDate="2026-04-30")) == "6210"
    app.sandbox.change_traits(app.company.realm, {"books_closed_until": None})
    app.made("Invoice", invoice(TxnDate="2026-04-30"))


@pytest.mark.parametrize("operation", ["update", "void", "delete"])
def test_transactions_in_closed_books_stay_as_they_are(app: App, operation: str) -> None:
    app.made("Invoice", invoice(TxnDate="2026-04-30"))
    app.made("Invoice", invoice(TxnDate="2026-05-01"))
    app.sandbox.change_traits(app.company.realm, {"books_closed_until": date(2026, 4, 30)})
    note = {"SyncToken": "0", "sparse": True, "PrivateNote": "a"}
    assert app.refused("Invoice", {"Id": "1", **note}, operation=operation) == "6210"
    assert app.refused("Invoice", {"Id": "1", **note, "TxnDate": "2026-05-02"}) == "6210", "nor does it leave"
    assert app.refused("Invoice", {"Id": "2", **note, "TxnDate": "2026-04-30"}) == "6210", "nor comes more"
    assert app.call("POST", "invoice", {"Id": "2", **note}, operation=operation).status == 200


@pytest.mark.parametrize("status", [200, 400])
def test_a_lapsed_subscription_answers_nothing_or_reads_only(app: App, status: int) -> None:
    app.sandbox.change_traits(
        app.company.realm, {"subscription": "lapsed", "lapsed_status_is_200": status == 200}
    )
    write = app.call("POST", "customer", {"DisplayName": "A"})
    assert (write.status, decoded(write)["Fault"]["Error"][0]["code"]) == (status, "6190")
    assert app.call("GET", "customer/1").body.startswith(b'{"Fault"')
    app.sandbox.change_traits(app.company.realm, {"lapsed_books_are_readable": True})
    assert app.rows("SELECT * FROM Customer")
    values = decoded(app.call("GET", "companyinfo/1"))["CompanyInfo"]["NameValue"]
    assert {"Name": "SubscriptionStatus", "Value": "EXPIRED"} in values
    assert app.call("POST", "customer", {"DisplayName": "A"}).status == status
    app.sandbox.change_traits(app.company.realm, {"subscription": "paid"})
    app.made("Customer", {"DisplayName": "A"})


@pytest.mark.parametrize(
    ("plan", "tracks", "several_currencies"),
    [
        ("Simple Start", False, False),
        ("Essentials", False, True),
        ("Plus", True, True),
        ("Advanced", True, True),
    ],
)
def test_plans_lack_classes_departments_and_currencies(
    app: App, plan: str, tracks: bool, several_currencies: bool
) -> None:
    there = accountant.create(app.company, "Class", {"Name": "West"}, app.clock.now())
    app.sandbox.change_traits(app.company.realm, {"plan": plan})
    values = decoded(app.call("GET", "companyinfo/1"))["CompanyInfo"]["NameValue"]
    assert {"Name": "OfferingSku", "Value": f"QuickBooks Online {plan}"} in values
    in_class = invoice(line(ClassRef={"value": there["Id"]}))
    for entity, body in (
        ("Class", {"Name": "East"}),
        ("Department", {"Name": "Oakland"}),
        ("Invoice", in_class),
    ):
        reply = app.call("POST", entity.lower(), body)
        assert reply.status == 200 if tracks else fault(reply) == "5020"
    accounting = preferences(app)["AccountingInfoPrefs"]
    assert (accounting["ClassTrackingPerTxnLine"], accounting["TrackDepartments"]) == (tracks, tracks)
    token = preferences(app)["SyncToken"]
    reply = app.call(
        "POST", "preferences", {"SyncToken": token, "CurrencyPrefs": {"MultiCurrencyEnabled": True}}
    )
    assert reply.status == 200 if several_currencies else fault(reply) == "5020"


def test_numbers_of_ones_own_are_not_in_the_smallest_plan(app: App) -> None:
    changes = {"plan": "Simple Start", "custom_transaction_numbers": True}
    app.sandbox.change_traits(app.company.realm, changes)
    assert app.made("Invoice", invoice())["DocNumber"] == "1001"
    wanted = {"SyncToken": preferences(app)["SyncToken"], "SalesFormsPrefs": {"CustomTxnNumbers": True}}
    assert app.refused("Preferences", wanted) == "5020"
