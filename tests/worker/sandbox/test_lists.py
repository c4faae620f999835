"""Customers, items and the other lists: names are unique, clean and not too long."""

from typing import Any

import pytest

from tests.worker.sandbox.app import App, decoded, fault
from tests.worker.sandbox.transactions import now
from worker.sandbox import accountant
from worker.sandbox.faults import Fault

INCOME = {"value": "1150040001"}


def item(name: object, **fields: object) -> dict[str, Any]:
    return {"Name": name, "Type": "Service", "IncomeAccountRef": INCOME, **fields}


def test_quickbooks_completes_a_new_object(app: App) -> None:
    customer = app.made("Customer", {"DisplayName": " Acme   Ltd "})
    assert (customer["Id"], customer["SyncToken"]) == ("4", "0"), "vendors have ids of the same sequence"
    assert customer["DisplayName"] == customer["FullyQualifiedName"] == "Acme Ltd"
    assert customer["Active"] is True
    assert customer["CurrencyRef"] == {"value": "USD", "name": "United States Dollar"}
    made = app.made("Item", item("Seat"))
    assert made["IncomeAccountRef"] == {**INCOME, "name": "Services"}
    assert (made["Id"], made["UnitPrice"], made["Taxable"]) == ("3", 0, False)
    assert decoded(app.call("GET", "item/3"))["Item"] == made


@pytest.mark.parametrize("name", ["Cool Cars", "COOL CARS", " cool  cars ", "Books by Bessie", "Kim"])
@pytest.mark.parametrize("entity", ["Customer", "Vendor", "Employee"])
def test_a_name_is_one_customers_or_vendors_or_employees(app: App, entity: str, name: str) -> None:
    app.made("Employee", {"DisplayName": "Kim"})
    assert app.refused(entity, {"DisplayName": name}) == "6240"


def test_a_name_is_one_items(app: App) -> None:
    assert app.refused("Item", item("hours")) == "6240"
    app.made("Item", item("Cool Cars"))  # a customer's name is nothing to an item
    app.made("Item", item("Seat"))
    assert app.refused("Item", {"Id": "4", "SyncToken": "0", "sparse": True, "Name": "HOURS"}) == "6240"
    app.made("Item", {"Id": "4", "SyncToken": "0", "sparse": True, "Name": "SEAT"})


def test_the_name_of_an_inactive_customer_is_free_again(app: App) -> None:
    for name in ("Acme (deleted)", "Acme (deleted 2)"):
        made = app.made("Customer", {"DisplayName": "Acme"})
        off = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False}
        assert app.made("Customer", off)["DisplayName"] == name


@pytest.mark.parametrize(
    ("entity", "fields", "code"),
    [
        ("Customer", {"DisplayName": ""}, "2020"),
        ("Customer", {"DisplayName": "  "}, "2020"),
        ("Customer", {"CompanyName": "Acme"}, "2020"),
        ("Customer", {"DisplayName": "A:B"}, "2010"),
        ("Customer", {"DisplayName": "A\tB"}, "2010"),
        ("Customer", {"DisplayName": "A\nB"}, "2010"),
        ("Customer", {"DisplayName": "A", "Nme": "B"}, "2010"),
        ("Customer", {"DisplayName": "A", "PrimaryEmailAddr": "a@b.example"}, "2010"),
        ("Customer", {"DisplayName": "x" * 501}, "2050"),
        ("Customer", {"DisplayName": "A", "Notes": "x" * 2001}, "2050"),
        ("Customer", {"DisplayName": "A", "Title": "x" * 17}, "2050"),
        ("Customer", {"DisplayName": "A", "FamilyName": "x" * 101}, "2050"),
        ("Customer", {"DisplayName": "A", "PrimaryPhone": {"FreeFormNumber": "1" * 31}}, "2050"),
        ("Customer", {"DisplayName": "A", "PrimaryEmailAddr": {"Address": "a at b.example"}}, "2210"),
        ("Customer", {"DisplayName": "A", "PrimaryEmailAddr": {"Address": "a@b"}}, "2210"),
        (
            "Customer",
            {"DisplayName": "A", "PrimaryEmailAddr": {"Address": "a@b.example c@d.example"}},
            "2210",
        ),
        ("Customer", {"DisplayName": "A", "PrimaryEmailAddr": {"Address": f"{'a' * 90}@bb.example"}}, "2050"),
        ("Customer", {"DisplayName": "A", "CompanyName": "x" * 101}, "2050"),
        ("Customer", {"DisplayName": "A", "CompanyName": "😀" * 51}, "2050"),
        ("Customer", {"DisplayName": "A", "BillAddr": {"Line5": "x" * 501}}, "2050"),
        ("Customer", {"DisplayName": "A", "ShipAddr": {"City": "x" * 256}}, "2050"),
        ("Customer", {"DisplayName": "A", "ShipAddr": {"PostalCode": "x" * 31}}, "2050"),
        ("Customer", {"DisplayName": "A\x07"}, "2010"),
        ("Customer", {"DisplayName": "A", "CurrencyRef": {"value": "EUR"}}, "6000"),
        ("Item", item(None), "2020"),
        ("Item", item("A", IncomeAccountRef=None), "2020"),
        ("Item", item("A:B"), "2010"),
        ("Item", item("A", SalesDesc="B"), "2010"),
        ("Item", item("x" * 101), "2050"),
        ("Item", item("A", Sku="x" * 101), "2050"),
        ("Item", item("A", Description="x" * 4001), "2050"),
        ("Item", item("A", IncomeAccountRef={"value": "7"}), "2500"),
        ("Account", {"Name": 'A"B'}, "2010"),
        ("Account", {"Name": "sales"}, "6240"),
        ("Term", {"Name": "x" * 32}, "2050"),
        ("Term", {"Name": "net 30"}, "6240"),
        ("TaxCode", {"Name": "A"}, "500"),
        ("Preferences", {}, "500"),
        ("Spaceship", {}, "500"),
    ],
)
def test_broken_rules_are_refused_with_their_codes(
    app: App, entity: str, fields: dict[str, Any], code: str
) -> None:
    assert app.refused(entity, fields) == code


def test_values_at_their_limits_are_accepted(app: App) -> None:
    app.made("Customer", {"DisplayName": "x" * 500, "Notes": "x" * 2000})
    app.made("Item", item("x" * 100))
    app.made("Term", {"Name": "x" * 31, "DueDays": 7})
    named = app.made("Customer", {"GivenName": "Ada", "FamilyName": "O'Neil"})
    assert named["DisplayName"] == "Ada O'Neil"


def test_a_customers_currency_stays(uk: App) -> None:
    assert uk.made("Customer", {"DisplayName": "A", "CurrencyRef": {"value": "EUR"}})["Id"] == "4"
    change = {"Id": "4", "SyncToken": "0", "sparse": True, "CurrencyRef": {"value": "GBP"}}
    assert uk.refused("Customer", change) == "6000"


def test_an_old_sync_token_changes_nothing(app: App) -> None:
    update = {"Id": "1", "SyncToken": "0", "sparse": True, "Notes": "a"}
    assert app.made("Customer", update)["SyncToken"] == "1"
    assert app.refused("Customer", update | {"Notes": "b"}) == "5010"
    assert app.made("Customer", update | {"SyncToken": "1"})["SyncToken"] == "1", (
        "the same again is no change"
    )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object(app: App, body: bytes) -> None:
    assert app.refused("Customer", body) == "2010"


def test_only_reading_and_writing(app: App) -> None:
    before = app.company.books()
    for method in ("DELETE", "PUT", "PATCH"):
        assert fault(app.call(method, "customer", {"DisplayName": "A"})) == "500"
    assert app.company.books() == before


def test_the_company_itself_is_read(app: App) -> None:
    info = decoded(app.call("GET", f"companyinfo/{app.company.realm}"))["CompanyInfo"]
    assert info["CompanyName"] == "Craig's Consulting"
    preferences = decoded(app.call("GET", "preferences"))["Preferences"]
    assert preferences["CurrencyPrefs"]["HomeCurrency"] == {"value": "USD"}


@pytest.mark.parametrize("entity", ["Customer", "Vendor", "Employee"])
@pytest.mark.parametrize("stays", [False, True])
def test_an_inactive_entry_leaves_its_name_or_keeps_it(app: App, entity: str, stays: bool) -> None:
    app.sandbox.change_traits(app.company.realm, {"inactive_names_stay": stays})
    made = app.made(entity, {"DisplayName": "Kim"})
    gone = app.made(entity, {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False})
    assert gone["DisplayName"] == ("Kim" if stays else "Kim (deleted)")
    if stays:
        assert app.refused("Customer", {"DisplayName": "KIM"}) == "6240"
    else:
        app.made("Customer", {"DisplayName": "KIM"})


def test_a_company_says_where_it_is_and_never_its_time_zone(app: App) -> None:
    said = decoded(app.call("GET", f"companyinfo/{app.company.realm}"))["CompanyInfo"]
    assert said["CompanyAddr"]["Country"] == "USA"
    assert (said["CompanyAddr"]["CountrySubDivisionCode"], said["Country"]) == ("CA", "US")
    assert "America" not in str(said)
    app.sandbox.change_traits(app.company.realm, {"address": {"Country": "GBR"}})
    assert (
        decoded(app.call("GET", f"companyinfo/{app.company.realm}"))["CompanyInfo"]["LegalAddr"]["Country"]
        == "GBR"
    )


@pytest.mark.parametrize("kind", ["Category", "Group"])
def test_a_category_or_bundle_stands_on_no_line(app: App, kind: str) -> None:
    made = app.made("Item", {"Name": "Hardware", "Type": kind})
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 1,
        "SalesItemLineDetail": {"ItemRef": {"value": made["Id"]}},
    }
    assert app.refused("Invoice", {"CustomerRef": {"value": "1"}, "Line": [line]}) == "6000"


def test_an_item_keeps_its_type_and_an_income_account_that_is_inactive_by_now(app: App) -> None:
    [item] = app.rows("SELECT * FROM Item WHERE Id = '1'")
    account = {"Id": item["IncomeAccountRef"]["value"], "SyncToken": "0", "sparse": True, "Active": False}
    app.made("Account", account)
    fields = {name: item[name] for name in ("Id", "SyncToken", "IncomeAccountRef")}
    assert app.made("Item", {**fields, "Name": "Services, as ever"})["Type"] == "Service"


def test_a_job_of_an_inactive_customer_can_be_changed_but_no_other_put_below_it(app: App) -> None:
    job = app.made("Customer", {"DisplayName": "Kitchen", "ParentRef": {"value": "1"}, "Job": True})
    app.made("Customer", {"Id": "1", "SyncToken": "0", "sparse": True, "Active": False})
    assert app.made("Customer", now(job, Notes="sink"))["Job"] is True
    assert app.refused("Customer", {"DisplayName": "Bath", "ParentRef": {"value": "1"}}) == "610"


def test_customers_have_five_levels_however_they_get_there(app: App) -> None:
    chain = [app.made("Customer", {"DisplayName": "0"})]
    for number in range(1, 5):
        below = {"ParentRef": {"value": chain[-1]["Id"]}}
        chain.append(app.made("Customer", {"DisplayName": str(number), **below}))
    assert app.refused("Customer", {"DisplayName": "5", "ParentRef": {"value": chain[-1]["Id"]}}) == "6000"
    assert app.refused("Customer", now(chain[0], ParentRef={"value": "1"})) == "6000"
    assert app.refused("Customer", now(chain[0], ParentRef={"value": chain[4]["Id"]})) == "6000"
    job = app.made("Customer", {"DisplayName": "Kitchen", "ParentRef": {"value": "1"}})
    with pytest.raises(Fault, match="levels"):
        accountant.merge(app.company, "Customer", chain[0]["Id"], job["Id"], app.clock.now())


def test_sparse_may_be_a_text(app: App) -> None:
    made = app.made("Customer", {"DisplayName": "Ann", "Notes": "kind"})
    assert app.refused("Customer", {**now(made), "sparse": "perhaps"}) == "2010"
    assert app.made("Customer", {**now(made, GivenName="Ann"), "sparse": "true"})["Notes"] == "kind"


@pytest.mark.parametrize("name", ["x" * 500, "\U0001f600" * 250])
def test_the_name_of_an_inactive_entry_is_not_too_long(app: App, name: str) -> None:
    names = []
    for _ in range(3):
        made = app.made("Customer", {"DisplayName": name})
        off = app.made("Customer", now(made, Active=False))
        names.append(app.made("Customer", now(off, Notes="as it was"))["DisplayName"])
    assert len(set(names)) == 3


def test_tax_ids_are_shown_without_their_beginnings_unless_a_trait_says_otherwise(app: App) -> None:
    ids = {
        "PrimaryTaxIdentifier": "123-45-6789",
        "SecondaryTaxIdentifier": "1234",
        "GSTIN": "22AAAAA0000A1Z5",
    }
    made = app.made("Customer", {"DisplayName": "Acme", **ids})
    hidden = {"PrimaryTaxIdentifier": "XXXXXX56789", "SecondaryTaxIdentifier": "1234", "GSTIN": ids["GSTIN"]}
    assert {name: made[name] for name in ids} == hidden
    app.sandbox.change_traits(app.company.realm, {"tax_ids_are_hidden": False})
    [row] = app.rows("SELECT * FROM Customer WHERE DisplayName = 'Acme'")
    assert {name: row[name] for name in ids} == ids
