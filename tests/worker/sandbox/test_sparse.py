"""Sparse updates: what they change, what they erase, and what they leave alone."""

from typing import Any

import pytest

from tests.worker.sandbox.app import App, decoded

ADDRESS = {"Line1": "1 Main St", "Line2": "Floor 2", "City": "Austin", "PostalCode": "78701"}
MADE: dict[str, Any] = {
    "DisplayName": "Acme",
    "CompanyName": "Acme Inc",
    "GivenName": "Ada",
    "PrimaryEmailAddr": {"Address": "ap@acme.example"},
    "PrimaryPhone": {"FreeFormNumber": "+1 555 0100"},
    "BillAddr": ADDRESS,
    "ShipAddr": ADDRESS,
    "Notes": "as it was",
}


def changed(app: App, customer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"Id": customer["Id"], "SyncToken": customer["SyncToken"], "sparse": True, **fields}
    return app.made("Customer", body)


def of(app: App, **traits: bool) -> dict[str, Any]:
    app.sandbox.change_traits(app.company.realm, traits)
    return app.made("Customer", MADE)


def kept(customer: dict[str, Any], *but: str) -> dict[str, Any]:
    volatile = {"SyncToken", "MetaData", "sparse", "V4IDPseudonym", *but}
    return {name: value for name, value in customer.items() if name not in volatile}


@pytest.mark.parametrize("field", ["CompanyName", "Notes", "PrimaryEmailAddr", "PrimaryPhone", "BillAddr"])
@pytest.mark.parametrize("empty", ["", {}, "members"])
def test_an_empty_value_erases_and_all_else_stays(app: App, field: str, empty: object) -> None:
    made = of(app)
    if empty == "members":
        empty = dict.fromkeys(MADE[field], "") if isinstance(MADE[field], dict) else ""
    elif empty == {} and not isinstance(MADE[field], dict):
        empty = ""
    after = changed(app, made, **{field: empty})
    if field == "BillAddr":
        assert after[field] == {"Id": made[field]["Id"]}, "as recorded"
    else:
        assert field not in after
    assert kept(after, field) == kept(made, field)
    assert after["SyncToken"] == "1"


@pytest.mark.parametrize("erases", [False, True])
def test_null_erases_only_if_the_trait_says_so(app: App, erases: bool) -> None:
    made = of(app, sparse_nulls_erase=erases)
    after = changed(app, made, PrimaryEmailAddr=None, Notes=None)
    assert ("PrimaryEmailAddr" in after, "Notes" in after) == (not erases, not erases)
    assert after["SyncToken"] == ("1" if erases else "0")


@pytest.mark.parametrize("merges", [False, True])
def test_an_address_is_replaced_or_merged_by_the_trait(app: App, merges: bool) -> None:
    made = of(app, sparse_merges_parts=merges)
    after = changed(app, made, BillAddr={"Line1": "2 High St", "Line2": ""})["BillAddr"]
    expected = {"Line1": "2 High St"}
    if merges:
        expected |= {"City": "Austin", "PostalCode": "78701"}
    assert after == {"Id": made["BillAddr"]["Id"], **expected}


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("merges", [False, True])
def test_an_erased_address_keeps_its_id_by_the_trait_and_goes_to_no_invoice(
    app: App, keeps: bool, merges: bool
) -> None:
    made = of(app, erased_addresses_keep_ids=keeps, sparse_merges_parts=merges)
    off = changed(app, made, BillAddr=dict.fromkeys(ADDRESS, ""))
    assert off.get("BillAddr") == ({"Id": made["BillAddr"]["Id"]} if keeps else None)
    again = changed(app, off, BillAddr=dict.fromkeys(ADDRESS, ""))
    assert again["SyncToken"] == off["SyncToken"], "nothing changed"
    line = {
        "Amount": 5,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
    invoice = app.made("Invoice", {"CustomerRef": {"value": made["Id"]}, "Line": [line]})
    assert "BillAddr" not in invoice
    back = changed(app, again, BillAddr={"Line1": "2 High St"})
    assert back["BillAddr"]["Line1"] == "2 High St"


@pytest.mark.parametrize("field", ["DisplayName", "PrintOnCheckName"])
@pytest.mark.parametrize("empty", ["", None])
def test_names_that_a_sparse_update_cannot_remove_stay(app: App, field: str, empty: str | None) -> None:
    made = of(app, sparse_nulls_erase=True)
    assert changed(app, made, **{field: empty})[field] == made[field]


def test_a_renamed_customer_keeps_its_companys_name_and_the_name_on_cheques(app: App) -> None:
    made = of(app)
    below = app.made("Customer", {"DisplayName": "Job", "ParentRef": {"value": made["Id"]}, "Job": True})
    after = changed(app, made, DisplayName="Acme Global")
    assert (after["CompanyName"], after["PrintOnCheckName"]) == ("Acme Inc", made["PrintOnCheckName"])
    assert after["FullyQualifiedName"] == "Acme Global"
    [job] = app.rows("SELECT * FROM Customer WHERE DisplayName = 'Job'")
    assert (job["DisplayName"], job["FullyQualifiedName"]) == ("Job", "Acme Global:Job")
    renamed = changed(app, below, DisplayName="Another job")
    assert renamed["FullyQualifiedName"] == "Acme Global:Another job"


def test_read_only_properties_in_a_request_are_ignored(app: App) -> None:
    made = of(app)
    after = changed(app, made, FullyQualifiedName="Other", BalanceWithJobs=5, Level=3, Notes="new")
    assert kept(after, "Notes") == kept(made, "Notes")


def test_a_number_as_sync_token_is_understood_and_an_older_version_refused(app: App) -> None:
    made = of(app)
    after = changed(app, made, SyncToken=0, Notes="new")
    assert after["SyncToken"] == "1"
    fault = decoded(
        app.call("POST", "customer", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Notes": "newer"})
    )
    assert fault["Fault"]["Error"][0]["code"] == "5010"


def test_an_inactive_customer_can_be_changed_and_stays_inactive(app: App) -> None:
    off = changed(app, of(app), Active=False)
    after = changed(app, off, Notes="new")
    assert (after["Active"], after["DisplayName"], after["Notes"]) == (False, "Acme (deleted)", "new")
